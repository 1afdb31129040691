/** `restic-manager apply -f`: server-side apply for machines without kubectl, over the same API and with the same words. */
import { stat } from 'node:fs/promises';
import { resources } from '#crds/kinds.js';
import { decodeManifest, type ManifestDocument } from '../manifests/decode.js';
import { objectText, problemText } from '../manifests/problem.js';
import { listManifests, readManifest, reasonOf } from '../manifests/scan.js';
import type { KubeClient } from './kubeClient.js';

export interface ApplyCommand {
  /** Files, directories (with all below them) and `-` for stdin. */
  files: readonly string[];
  fieldManager: string;
  force: boolean;
  dryRun: boolean;
  stdin: AsyncIterable<Uint8Array>;
  print(line: string): void;
  complain(line: string): void;
}

interface Source { name: string; bytes: Uint8Array }

/** Applies what can be applied, whatever fails beside it. @returns the exit code: 0, or 1 when anything failed */
export async function applyManifests(client: KubeClient, command: ApplyCommand): Promise<0 | 1> {
  let failed = false;
  const complain = (line: string): void => {
    failed = true;
    command.complain(line);
  };
  const sources = (await Promise.all(command.files.map((file) => sourcesOf(file, command.stdin, complain)))).flat();
  const documents: ManifestDocument[] = [];
  for (const { name, bytes } of sources) {
    const decoded = decodeManifest(name, bytes, client.namespace);
    documents.push(...decoded.documents);
    for (const problem of decoded.problems) complain(`error: ${problemText(problem)}`);
  }
  if (documents.length === 0 && !failed) complain('error: no objects passed to apply');
  for (const document of documents) {
    const said = await applyOne(client, document, command);
    for (const warning of said.warnings) command.complain(`Warning: ${warning}`);
    if (said.ok) command.print(`${objectText(document.kind, document.key.name)} ${said.line}${command.dryRun ? ' (server dry run)' : ''}`);
    else complain(said.line);
  }
  return failed ? 1 : 0;
}

async function applyOne(client: KubeClient, { kind, key, configuration }: ManifestDocument, { fieldManager, force, dryRun }: ApplyCommand): Promise<{ ok: boolean; line: string; warnings: string[] }> {
  const { group, version, plural } = resources[kind];
  const path = `/${group === '' ? 'api' : `apis/${group}`}/${version}/namespaces/${encodeURIComponent(key.namespace)}/${plural}/${encodeURIComponent(key.name)}`;
  const query = new URLSearchParams({ fieldManager, force: String(force), fieldValidation: 'Strict', ...(dryRun ? { dryRun: 'All' } : {}) });
  const before = await client.send('GET', path);
  const { status, text, warnings } = await client.send('PATCH', `${path}?${query.toString()}`, JSON.stringify(configuration), 'application/apply-patch+yaml');
  if (status !== 200 && status !== 201) return { ok: false, line: refusal(status, text), warnings };
  const isSame = before.status === 200 && versionOf(before.text) === versionOf(text);
  return { ok: true, line: isSame ? 'unchanged' : 'serverside-applied', warnings };
}

const versionOf = (text: string): string | undefined => (JSON.parse(text) as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;

function refusal(status: number, text: string): string {
  try {
    const { reason, message } = JSON.parse(text) as { reason?: string; message?: string };
    if (message !== undefined) return `Error from server${reason === undefined || reason === '' ? '' : ` (${reason})`}: ${message}`;
  } catch {
    // Not an API server's answer.
  }
  return `error: the server answered ${String(status)}`;
}

async function sourcesOf(file: string, stdin: AsyncIterable<Uint8Array>, complain: (line: string) => void): Promise<Source[]> {
  try {
    if (file === '-') {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stdin) chunks.push(chunk);
      return [{ name: 'STDIN', bytes: Buffer.concat(chunks) }];
    }
    if (!(await stat(file)).isDirectory()) return [{ name: file, bytes: await readManifest(file) }];
    const { files, problems } = await listManifests(file);
    for (const problem of problems) complain(`error: ${problemText(problem)}`);
    return await Promise.all(files.map(async ({ path, real }) => ({ name: path, bytes: await readManifest(real) })));
  } catch (error) {
    complain(`error: ${file}: ${reasonOf(error)}`);
    return [];
  }
}
