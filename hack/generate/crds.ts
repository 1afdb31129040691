/** crds/v1alpha1/*.yaml -> crds/types/<kind>.gen.ts (types) and crds/types/crds.gen.ts (the definitions as data). */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { compile } from 'json-schema-to-typescript';

interface Schema {
  title?: string; type?: string; description?: string; properties?: Record<string, Schema>; items?: Schema; required?: string[];
  additionalProperties?: boolean | Schema; tsType?: string; [key: string]: unknown;
}
interface Crd {
  spec: { names: { kind: string }; versions: { schema: { openAPIV3Schema: Schema } }[] };
}

export const banner = (source: string): string => `// Generated from ${source} by \`npm run generate\`. Do not edit.\n`;
const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Names every nested object `<Kind><Path>`, so that generated types can be imported; metadata and conditions are the shared ones. */
function nameObjects(schema: Schema, name: string, top = false): Schema {
  const copy: Schema = Object.fromEntries(Object.entries(schema).filter(([key]) => !key.startsWith('x-') && key !== 'format' && key !== 'pattern'));
  if (schema.properties) {
    copy.title = name;
    if (schema.additionalProperties === undefined) copy.additionalProperties = false;
    copy.properties = Object.fromEntries(Object.entries(schema.properties).map(([key, member]) => {
      if (top && key === 'metadata') return [key, { tsType: 'ObjectMeta' }];
      if (top && key === 'apiVersion') return [key, { tsType: 'string' }];
      if (top && key === 'kind') return [key, { tsType: 'string' }];
      if (key === 'conditions') return [key, { tsType: 'Condition[]' }];
      if (key === 'hostSelector') return [key, { tsType: 'LabelSelector' }];
      const child = top ? name : name.replace(/(Spec|Status)$/, '');
      return [key, nameObjects(member, child + upper(key))];
    }));
    if (top) copy.required = ['apiVersion', 'kind', 'metadata', ...(schema.required ?? [])];
  }
  if (schema.items) copy.items = nameObjects(schema.items, `${name}Item`);
  delete copy['default'];
  delete copy['maxItems'];
  delete copy['minItems'];
  return copy;
}

export async function generateCrds(root: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const folder = join(root, 'crds/v1alpha1');
  const definitions: Record<string, unknown> = {};
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort()) {
    const crd = load(await readFile(join(folder, file), 'utf8')) as Crd;
    const kind = crd.spec.names.kind;
    const version = crd.spec.versions[0];
    if (!version) throw new Error(`${file}: no version`);
    definitions[kind] = crd;
    const schema = nameObjects(version.schema.openAPIV3Schema, kind, true);
    const types = await compile(schema as never, kind, { bannerComment: '', additionalProperties: false, format: false });
    files.set(`crds/types/${file.replace('.yaml', '.gen.ts')}`, `${banner(`crds/v1alpha1/${file}`)}import type { Condition, ObjectMeta } from '../meta.js';\nimport type { LabelSelector } from '../selectors.js';\n\nexport type { Condition, LabelSelector };\n\n${types}`);
  }
  const data = JSON.stringify(definitions, null, 1);
  files.set('crds/types/crds.gen.ts', `${banner('crds/v1alpha1')}import type { CustomResourceDefinition } from '../crd.js';\n\n/** Every CustomResourceDefinition of this build by kind. */\nexport const crds: Record<'${Object.keys(definitions).join("' | '")}', CustomResourceDefinition> = ${data};\n`);
  return files;
}
