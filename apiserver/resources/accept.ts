/** Content negotiation as kube-apiserver does it: JSON, Tables, partial metadata, aggregated discovery. */
import type { IncomingMessage } from 'node:http';
import { notAcceptable } from './errors.js';

export interface Wanted {
  as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | 'APIGroupDiscoveryList';
  /** v2 or v2beta1, of the discovery types. */
  version: string;
}

interface MediaRange { type: string; parameters: Map<string, string> }

function ranges(req: IncomingMessage): MediaRange[] {
  return (req.headers.accept ?? '*/*').split(',').map((text) => {
    const [type = '', ...parameters] = text.split(';').map((part) => part.trim());
    return { type: type.toLowerCase(), parameters: new Map(parameters.map((each) => [each.split('=')[0] ?? '', each.slice(each.indexOf('=') + 1)])) };
  });
}

const isJson = (type: string): boolean => type === 'application/json' || type === 'application/*' || type === '*/*' || type === '';

/** The first acceptable form. @param forms which `as` this path can answer @throws ApiError 406 */
export function accepted(req: IncomingMessage, forms: readonly NonNullable<Wanted['as']>[] = []): Wanted {
  if (req.headers.accept === 'application/json') return { version: '' };
  for (const { type, parameters } of ranges(req)) {
    if (!isJson(type)) continue;
    const as = parameters.get('as');
    if (as === undefined) return { version: '' };
    const known = forms.find((form) => form === as);
    if (known) return { as: known, version: parameters.get('v') ?? 'v1' };
  }
  throw notAcceptable(['application/json']);
}

/** The client takes this type literally (wildcards do not count). */
export const names = (req: IncomingMessage, type: string): boolean => ranges(req).some((range) => range.type === type);
