/** A host of a world whose repository is on a back end: everything declared over the resource API, its agent a process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdir, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { KindMap } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { toolPath } from '../../hack/tools/paths.js';
import type { TestAgent } from './agent.js';
import type { Backend } from './backends.js';
import { until } from './until.js';
import type { World } from './world.js';

export type Job = Stored<KindMap['ResticJob']>;
type Spec = KindMap['ResticJob']['spec'];

export interface BackendHost {
  name: string;
  backend: Backend;
  repository: string;
  /** The directory its group backs up. */
  source: string;
  agent: TestAgent;
  /** Makes a job; resolves with its name. */
  start(type: Spec['type'], spec?: Partial<Spec>): Promise<string>;
  /** Makes a job and waits for its end. */
  run(type: Spec['type'], spec?: Partial<Spec>): Promise<Job>;
  /** Bare restic with every right on its repository. @throws Error with what it printed when it failed */
  bare(...args: string[]): string;
  snapshots(): { id: string; hostname: string; tags?: string[]; paths: string[] }[];
  /** Ids of the locks in the repository. */
  locks(): string[];
  /** What a restic leaves that is killed during a backup. Resolves with its pid. */
  leaveLock(): Promise<number>;
}

/** Resolves when the host is enrolled and its repository is ready. A repository that is there already is shared. */
export async function addBackendHost(world: World, backend: Backend, options: { name: string; repository?: string; restic?: string; env?: Record<string, string>; /** Default true: resolves once its repository is ready. */ opened?: boolean; /** Default: a directory of the world. */ source?: string }): Promise<BackendHost> {
  const { name, repository = name, restic = toolPath('restic'), env = {}, opened = true } = options;
  const source = await writeSource(options.source ?? join(world.dir, `files-${name}`));
  if (!await world.get('Repository', repository)) await declareRepository(world, backend, repository, name);
  const agent = await declareHost(world, name, { restic, env }, { repositoryRef: { name: repository } });
  await world.create('SourceGroup', name, { spec: { hostRef: { name }, includes: [source] } });
  if (opened) await world.ready(name, 90_000);
  let serial = 0;
  const bare = (...args: string[]): string => {
    const { status, stdout, stderr } = backend.restic(repository, args);
    if (status !== 0) throw new Error(`restic ${args.join(' ')}: ${String(status)}\n${stdout}${stderr}`);
    return stdout;
  };
  const host: BackendHost = {
    name, backend, repository, source, agent, bare,
    async start(type, spec = {}) {
      const job = `${name}-${type.toLowerCase()}-${String(++serial)}`;
      await world.create('ResticJob', job, { spec: { hostRef: { name }, type, ...(type === 'Backup' ? { sourceGroupRef: { name } } : {}), ...spec } });
      return job;
    },
    async run(type, spec) {
      return world.ended(await host.start(type, spec), 90_000);
    },
    snapshots: () => JSON.parse(bare('snapshots', '--json', '--no-lock')) as never,
    locks: () => bare('list', 'locks', '--no-lock').split('\n').filter((line) => line !== ''),
    async leaveLock() {
      const { url, env: access, owner } = backend.direct(repository);
      // Another user cannot reach a tool below a directory that is closed to it, as a checkout may be.
      const program = owner ? join(backend.dir, 'restic') : toolPath('restic');
      if (owner) await copyFile(toolPath('restic'), program);
      const noise = join(backend.dir, `noise-${name}`);
      await writeFile(noise, randomBytes(4 * 1024 * 1024));
      const before = new Set(host.locks());
      const child = spawn(program, ['-r', url, 'backup', '--no-cache', '--limit-upload', '50', noise], { env: { PATH: process.env['PATH'] ?? '', HOME: backend.dir, RESTIC_PASSWORD: backend.secret(repository)['password'] ?? '', ...access }, cwd: backend.dir, stdio: ['ignore', 'ignore', 'pipe'], ...owner });
      const ended = once(child, 'exit');
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString(); });
      await until('its lock', () => {
        if (child.exitCode !== null) throw new Error(`restic ended before its lock was seen: ${said}`);
        return host.locks().some((id) => !before.has(id));
      }, 30_000);
      child.kill('SIGKILL');
      await ended;
      return child.pid ?? 0;
    },
  };
  return host;
}

/** A Host that is declared with the fingerprint its agent prints. */
export async function declareHost(world: World, name: string, options: Parameters<World['agent']>[1], spec: KindMap['Host']['spec']): Promise<TestAgent> {
  const agent = await world.agent(name, options);
  await agent.says(/SHA256:[A-Za-z0-9+/]{43}/);
  const fingerprint = /SHA256:[A-Za-z0-9+/]{43}/.exec(agent.log())?.[0] ?? '';
  await world.create('Host', name, { spec: { ...spec, enrollment: { fingerprint } } });
  return agent;
}

async function declareRepository(world: World, backend: Backend, repository: string, runner: string): Promise<void> {
  await world.create('Secret', repository, { stringData: backend.secret(repository) }, { 'restic-manager.io/use': 'repository' });
  if (backend.adminSecret) await world.create('Secret', `${repository}-admin`, { stringData: backend.adminSecret }, { 'restic-manager.io/use': 'repository-admin' });
  await world.create('Repository', repository, {
    spec: {
      url: backend.url(repository), credentialsSecretRef: { name: repository }, runner: { hostRef: { name: runner } },
      ...(backend.adminSecret ? { adminCredentialsSecretRef: { name: `${repository}-admin` } } : {}),
    },
  });
}

/** Names and kinds of files that are easily got wrong. */
async function writeSource(dir: string): Promise<string> {
  await mkdir(join(dir, 'deep', 'er'), { recursive: true });
  await writeFile(join(dir, 'hello.txt'), 'hello\n');
  await writeFile(join(dir, 'report[1].txt'), 'the one with brackets\n');
  await writeFile(join(dir, 'report1.txt'), 'the one a pattern would take\n');
  await writeFile(join(dir, 'deep', 'er', 'naïve\nname *.txt'), 'x');
  await writeFile(join(dir, 'noise.bin'), randomBytes(1024 * 1024));
  await cp(join(dir, 'hello.txt'), join(dir, '-o sftp.command=touch x'));
  return dir;
}
