/**
 * What back ends read from files: an SSH key and known hosts, a Google account, a CA. They come with the plan, exist as 0600
 * files while one restic runs, and their names are told by flag and variable. What a killed agent left is removed at the next use.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import { ResticError } from './exitCodes.js';

export interface BackendFiles {
  flags: string[];
  env: Record<string, string>;
  remove(): Promise<void>;
}

const none: BackendFiles = { flags: [], env: {}, remove: async () => Promise.resolve() };
/** Tells the directories of this process from those of one that is gone; there is one agent per state directory. */
const own = `files-${randomBytes(6).toString('hex')}-`;

/** @param dir private to the agent. @throws ResticError NoCredentials when the address cannot be used with a key */
export async function backendFiles({ url, files }: Pick<PlanRepository, 'url' | 'files'>, dir: string): Promise<BackendFiles> {
  if (!files || Object.keys(files).length === 0) return none;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const name of await readdir(dir)) if (name.startsWith('files-') && !name.startsWith(own)) await rm(join(dir, name), { recursive: true, force: true });
  const folder = await mkdtemp(join(dir, own));
  const remove = async (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const paths: Record<string, string> = {};
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, name);
      // Names come from the server: none may leave the folder.
      if (dirname(path) !== folder) throw new ResticError('NoCredentials', `the repository's Secret has a file of the name ${JSON.stringify(name)}, which this agent does not write`);
      await writeFile(path, content.endsWith('\n') ? content : `${content}\n`, { mode: 0o600, flag: 'wx' });
      paths[name] = path;
    }
    return {
      flags: [...(paths['ca.pem'] === undefined ? [] : [`--cacert=${paths['ca.pem']}`]), ...sshFlags(url, paths['ssh-key'], paths['known_hosts'])],
      env: paths['gcs.json'] === undefined ? {} : { GOOGLE_APPLICATION_CREDENTIALS: paths['gcs.json'] },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * The whole command, as restic takes single arguments for ssh only since 0.16. A server that known_hosts does not name is
 * never spoken to; without known_hosts the host's own decide.
 * @see restic manual "Preparing a new repository", SFTP; restic's shell splitting of sftp.command
 */
function sshFlags(url: string, key: string | undefined, knownHosts: string | undefined): string[] {
  if (!url.startsWith('sftp:') || (key === undefined && knownHosts === undefined)) return [];
  const { user, host, port } = sftpAddress(url);
  const words = [
    'ssh', '-o', 'BatchMode=yes', '-o', 'ServerAliveInterval=60',
    ...(key === undefined ? [] : ['-i', key, '-o', 'IdentitiesOnly=yes']),
    ...(knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'GlobalKnownHostsFile=/dev/null', '-o', 'StrictHostKeyChecking=yes']),
    ...(port === undefined ? [] : ['-p', port]), ...(user === undefined ? [] : ['-l', user]), '-s', '--', host, 'sftp',
  ];
  return ['-o', `sftp.command=${words.map((word) => `'${word}'`).join(' ')}`];
}

/** Of `sftp://[user@]host[:port]/path` and `sftp:[user@]host:path`. */
function sftpAddress(url: string): { user?: string; host: string; port?: string } {
  const found = url.startsWith('sftp://')
    ? /^sftp:\/\/(?:([A-Za-z0-9._+@\\~-]+)@)?(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(?::(\d+))?\//.exec(url)
    : /^sftp:(?:([A-Za-z0-9._+\\~-]+)@)?([A-Za-z0-9._-]+):/.exec(url);
  const [, user, host = '', port] = found ?? [];
  if (host === '' || host.startsWith('-')) throw new ResticError('NoCredentials', `the user or host of ${url} has characters that cannot be used with an SSH key of the Secret`);
  return { ...(user === undefined ? {} : { user }), host: host.replace(/^\[|\]$/g, ''), ...(port === undefined ? {} : { port }) };
}
