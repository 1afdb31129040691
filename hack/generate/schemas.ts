/** crds/{wire,operator}/*.schema.yaml -> <name>.gen.ts (types) and <name>.validate.gen.ts (validators compiled ahead: no eval at run time, no npm import). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';
import { load } from 'js-yaml';
import { compile } from 'json-schema-to-typescript';
import { banner } from './crds.js';

const sources = ['crds/wire/agentProtocol', 'crds/wire/live', 'crds/operator/operator'];
/** Lengths of these are counted in UTF-16 units, as the agent cuts its lines: walking each character of a million log lines was a sixth of their cost. */
const inUnits = new Set(['AgentProtocol']);
interface SchemaFile { title: string; definitions: Record<string, unknown> }

export async function generateSchemas(root: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const source of sources) {
    const schema = load(await readFile(join(root, `${source}.schema.yaml`), 'utf8')) as SchemaFile;
    files.set(`${source}.gen.ts`, banner(`${source}.schema.yaml`) + await typesOf(schema));
    files.set(`${source}.validate.gen.ts`, `// @ts-nocheck\n${banner(`${source}.schema.yaml`)}${await validatorsOf(root, schema)}`);
  }
  return files;
}

async function typesOf(schema: SchemaFile): Promise<string> {
  const types = await compile(structuredClone(schema) as never, schema.title, { bannerComment: '', additionalProperties: false, format: false, unreachableDefinitions: true, maxItems: -1 });
  return types.replaceAll(/\/\*\*\n \* This interface was referenced by [\s\S]*?\*\/\n/g, '').replaceAll(/ \*\n \* This interface was referenced by [^\n]*\n \* via the `definition` [^\n]*\n/g, '');
}

/** One exported object: definition name -> validator, with ajv's own `errors` on each function. */
async function validatorsOf(root: string, schema: SchemaFile): Promise<string> {
  const ajv = new Ajv({ code: { source: true, esm: true, lines: false }, strict: false, allErrors: false, unicode: !inUnits.has(schema.title), logger: false, schemas: [{ ...schema, $id: schema.title }] });
  const names = Object.keys(schema.definitions);
  const refs = Object.fromEntries(names.map((name) => [name, `${schema.title}#/definitions/${name}`]));
  const code = (standalone as unknown as (ajv: Ajv, refs: Record<string, string>) => string)(ajv, refs);
  const bundled = await build({ stdin: { contents: code, resolveDir: root, loader: 'js' }, bundle: true, format: 'esm', write: false, platform: 'neutral', mainFields: ['module', 'main'], treeShaking: true, minify: true });
  return bundled.outputFiles[0]?.text ?? '';
}
