/**
 * Real storage for repositories, each a process of the test on the loopback address with its data in a folder of its own:
 * a directory, rest-server (open; or append-only with private repositories), an S3 server (versitygw), SFTP (sshd).
 * Every back end says what a Repository and its Secrets hold, and lets in a bare restic that may do everything.
 */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { onPath, toolPath } from '../../hack/tools/paths.js';
import type { ToolName } from '../../hack/tools/tools.js';
import { frontDoor, freePort, startService, type Service } from './services.js';

export type BackendName = 'local' | 'rest' | 'append-only' | 's3' | 'sftp';
/** Not ASCII, with quotes and spaces: it must arrive as it is everywhere. */
export const REPOSITORY_PASSWORD = 'päss "word" of the $repository';

export interface Backend {
  name: BackendName;
  /** Where the data is; a repository's files are in `files(repository)`. */
  dir: string;
  files(repository: string): string;
  /** spec.url of a Repository: where the repository of this name is (to be) kept. */
  url(repository: string): string;
  /** stringData of the Secret in credentialsSecretRef. */
  secret(repository: string): Record<string, string>;
  /** stringData of the Secret in adminCredentialsSecretRef. Undefined: the everyday account is the only one. */
  adminSecret: Record<string, string> | undefined;
  /** Whether the everyday account may delete. */
  deletes: boolean;
  /** Address and environment for a bare restic with every right, past the product. What it writes must belong to `owner`. */
  direct(repository: string): { url: string; env: Record<string, string>; owner?: { uid: number; gid: number } };
  restic(repository: string, args: readonly string[], options?: { program?: string; input?: string | Buffer; env?: Record<string, string> }): SpawnSyncReturns<string>;
  /** The storage goes away (its port refuses connections), and comes back at the same address. Not of a directory. */
  away(): Promise<void>;
  back(): Promise<void>;
  stop(): Promise<void>;
}

type Parts = Pick<Backend, 'url' | 'secret' | 'direct'> & Partial<Pick<Backend, 'adminSecret' | 'deletes' | 'files'>> & { services: Service[]; /** Of `services`, the one clients meet. */ door?: Service };

/** @param repositories names that will be used; the append-only server has an account for each, which sees no other's */
export async function startBackend(name: BackendName, repositories: readonly string[] = []): Promise<Backend> {
  const dir = await mkdtemp(join(tmpdir(), `rm-${name}-`));
  const starts = { local, rest, 'append-only': appendOnly, s3, sftp } satisfies Record<BackendName, (dir: string, repositories: readonly string[]) => Promise<Parts> | Parts>;
  let parts: Parts;
  try {
    parts = await starts[name](dir, repositories);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
  const { services, door = services.at(-1), url, secret, direct, adminSecret, deletes = true, files = (repository: string) => join(dir, 'data', repository) } = parts;
  return {
    name, dir, files, url, secret, adminSecret, deletes, direct,
    restic(repository, args, { program = toolPath('restic'), input, env: more = {} } = {}) {
      const { url: address, env } = direct(repository);
      return spawnSync(program, ['-r', address, ...args], { env: { PATH: process.env['PATH'] ?? '', HOME: dir, RESTIC_PASSWORD: REPOSITORY_PASSWORD, ...env, ...more }, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024, ...(input === undefined ? {} : { input }) });
    },
    async away() { await door?.stop(); },
    async back() { await door?.start(); },
    async stop() {
      for (const service of services.toReversed()) await service.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function local(dir: string): Parts {
  const url = (repository: string): string => join(dir, 'data', repository);
  return { url, secret: () => ({ password: REPOSITORY_PASSWORD }), direct: (repository) => ({ url: url(repository), env: {} }), services: [] };
}

async function rest(dir: string): Promise<Parts> {
  const { service, port } = await restServer(dir, 'open', ['--no-auth']);
  const url = (repository: string): string => `rest:http://127.0.0.1:${port}/${repository}/`;
  return { url, secret: () => ({ password: REPOSITORY_PASSWORD }), direct: (repository) => ({ url: url(repository), env: {} }), services: [service] };
}

/**
 * What people who protect their backups run: one address; behind it a rest-server that is append-only and keeps hosts apart,
 * and over the same data one that does neither, for the administrator's account alone.
 */
async function appendOnly(dir: string, repositories: readonly string[]): Promise<Parts> {
  const passwords = new Map([...repositories, 'admin'].map((user) => [user, randomBytes(9).toString('base64url')]));
  const passwordOf = (user: string): string => passwords.get(user) ?? '';
  const accounts = async (name: string, users: readonly string[]): Promise<string[]> => {
    const file = join(dir, `${name}.htpasswd`);
    await writeFile(file, users.map((user) => `${user}:{SHA}${createHash('sha1').update(passwordOf(user)).digest('base64')}\n`).join(''), { mode: 0o600 });
    return ['--htpasswd-file', file];
  };
  const hosts = await restServer(dir, 'hosts', ['--append-only', '--private-repos', ...await accounts('hosts', repositories)]);
  const admin = await restServer(dir, 'admin', await accounts('admin', ['admin']));
  const door = await frontDoor(({ headers }) => (Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString().startsWith('admin:') ? admin.port : hosts.port));
  return {
    deletes: false,
    url: (repository) => `rest:http://127.0.0.1:${door.port}/${repository}/`,
    secret: (repository) => ({ password: REPOSITORY_PASSWORD, username: repository, RESTIC_REST_PASSWORD: passwordOf(repository) }),
    adminSecret: { password: REPOSITORY_PASSWORD, username: 'admin', RESTIC_REST_PASSWORD: passwordOf('admin') },
    direct: (repository) => ({ url: `rest:http://admin:${passwordOf('admin')}@127.0.0.1:${admin.port}/${repository}/`, env: {} }),
    services: [hosts.service, admin.service, door.service],
  };
}

/** Its port is its own choice: it says which. */
async function restServer(dir: string, name: string, flags: string[]): Promise<{ service: Service; port: number }> {
  let port = 0;
  const service = await startService({
    name: `rest-server (${name})`, program: toolPath('rest-server'), log: join(dir, `rest-server-${name}.log`),
    args: () => ['--path', join(dir, 'data'), '--listen', `127.0.0.1:${port}`, ...flags],
    ready: (printed) => { port = Number(/start server on 127\.0\.0\.1:(\d+)/.exec(printed)?.[1] ?? 0); return port > 0; },
  });
  return { service, port };
}

async function s3(dir: string): Promise<Parts> {
  const port = await freePort();
  const keys = { access: randomBytes(10).toString('hex'), secret: randomBytes(20).toString('hex') };
  await mkdir(join(dir, 'data'));
  const service = await startService({
    name: 'versitygw', program: toolPath('versitygw'), log: join(dir, 'versitygw.log'), port,
    args: () => ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', join(dir, 'data')],
    env: { ROOT_ACCESS_KEY_ID: keys.access, ROOT_SECRET_ACCESS_KEY: keys.secret },
  });
  const url = (repository: string): string => `s3:http://127.0.0.1:${port}/backups/${repository}`;
  const env = { AWS_ACCESS_KEY_ID: keys.access, AWS_SECRET_ACCESS_KEY: keys.secret };
  return {
    url, services: [service], files: (repository) => join(dir, 'data/backups', repository),
    secret: () => ({ password: REPOSITORY_PASSWORD, ...env }),
    direct: (repository) => ({ url: url(repository), env }),
  };
}

/** A tool that another user can run, wherever this checkout is: an installed one, or a copy in `dir` with all it needs. */
async function reachable(name: ToolName, dir: string): Promise<string> {
  const tool = await realpath(toolPath(name));
  const folder = join(dirname(dirname(tool)), name);
  if (dirname(tool) !== dirname(toolPath(name)) || !existsSync(folder)) return tool;
  await mkdir(join(dir, 'bin'));
  await cp(tool, join(dir, 'bin', name));
  await cp(folder, join(dir, name), { recursive: true, verbatimSymlinks: true });
  return join(dir, 'bin', name);
}

/** sshd without root's rights, so that it needs neither an account nor a directory of the system for itself; it lets in only the user it runs as. */
async function sftp(dir: string): Promise<Parts> {
  const root = process.getuid?.() === 0;
  const user = root ? 'daemon' : userInfo().username;
  const { uid, gid } = root ? { uid: 1, gid: 1 } : userInfo();
  const keygen = onPath('ssh-keygen');
  if (!keygen || !onPath('ssh')) throw new Error('ssh and ssh-keygen are missing: install openssh-client');
  const port = await freePort();
  const data = join(dir, 'data');
  await mkdir(data);
  for (const name of ['host-key', 'user-key']) spawnSync(keygen, ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', join(dir, name)]);
  await writeFile(join(dir, 'sshd_config'), [
    `ListenAddress 127.0.0.1:${port}`, `HostKey ${join(dir, 'host-key')}`, `AuthorizedKeysFile ${join(dir, 'user-key.pub')}`, 'PidFile none', 'StrictModes no', 'UsePAM no',
    'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'Subsystem sftp internal-sftp', 'ForceCommand internal-sftp', 'DisableForwarding yes', 'MaxStartups 100', '',
  ].join('\n'));
  for (const path of [dir, data, 'host-key', 'user-key.pub', 'sshd_config'].map((name) => join(name.startsWith('/') ? '' : dir, name))) await chown(path, uid, gid);
  await chmod(dir, 0o755);
  const service = await startService({
    name: 'sshd', program: await reachable('sshd', dir), log: join(dir, 'sshd.log'), port, uid, gid,
    args: () => ['-D', '-e', '-f', join(dir, 'sshd_config')],
  });
  const [hostKey, userKey] = await Promise.all([readFile(join(dir, 'host-key.pub'), 'utf8'), readFile(join(dir, 'user-key'), 'utf8')]);
  return {
    services: [service],
    url: (repository) => `sftp://${user}@127.0.0.1:${port}/${join(data, repository)}`,
    secret: () => ({ password: REPOSITORY_PASSWORD, 'ssh-key': userKey, known_hosts: `[127.0.0.1]:${port} ${hostKey.split(' ').slice(0, 2).join(' ')}\n` }),
    direct: (repository) => ({ url: join(data, repository), env: {}, ...(root ? { owner: { uid, gid } } : {}) }),
  };
}
