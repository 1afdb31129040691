/** examples/quickstart as it is, with its paths moved into the run's own folder so that two quickstarts never share a repository. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { inRoot } from '../lib/root.js';

const examplePath = '/tmp/restic-manager-quickstart';

/** Writes the manifests into `folder`. @returns the repository password they carry */
export async function writeManifests(folder: string, home: string, repositoryUrl?: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let password = '';
  for (const name of await readdir(inRoot('examples/quickstart'))) {
    if (!name.endsWith('.yaml')) continue;
    let text = await readFile(inRoot('examples/quickstart', name), 'utf8');
    if (repositoryUrl) text = text.replace(`url: ${examplePath}/repository`, `url: ${repositoryUrl}`);
    text = text.replaceAll(examplePath, home);
    password ||= (load(text) as { stringData?: { password?: string } }).stringData?.password ?? '';
    await writeFile(join(folder, name), text, { mode: 0o600 });
  }
  if (!password) throw new Error('examples/quickstart: no Secret with stringData.password');
  return password;
}
