/** Everything that is derived from the CustomResourceDefinitions and schemas, as texts by path: written by generate, compared by verify. */
import { generateCrds } from './crds.js';
import { generateSchemas } from './schemas.js';

/** @param root the checkout. @returns path inside the checkout -> text */
export async function generateAll(root: string): Promise<Map<string, string>> {
  const [crds, schemas] = await Promise.all([generateCrds(root), generateSchemas(root)]);
  return new Map([...crds, ...schemas]);
}
