/**
 * Where failures are made to happen: one server, an agent for each restic, repositories on disk and behind a rest-server, all
 * real. What a job then says is read at every place where people look, with what differs from run to run masked.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { KindMap } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { toolPath } from '../../../../hack/tools/paths.js';
import { addBackendHost, type BackendHost } from '../../../builders/backendHost.js';
import { REPOSITORY_PASSWORD, type Backend } from '../../../builders/backends.js';
import { cheapenKey } from '../../../builders/resticKey.js';
import { until } from '../../../builders/until.js';
import type { World } from '../../../builders/world.js';

type GroupSpec = Partial<KindMap['SourceGroup']['spec']>;
type JobSpec = Partial<KindMap['ResticJob']['spec']>;
type Restic = 'new' | 'old';

/** How a job ended, as its status says it, masked. */
export interface Ended {
  phase: string;
  reason: string;
  message: string;
  exitCode?: number;
  /** When more than one. */
  attempts?: number;
  warnings?: number;
  skippedFiles?: string[];
}

/** All that is said of one job, masked. */
export interface Told extends Ended {
  /** `stream: line`, each once: first stdout, then stderr, then the agent's own. */
  log: string[];
  /** `type reason Kind/name: message`, of the job and of what it names, in alphabetical order. */
  events: string[];
}

export class FailingHost {
  readonly world: World;
  readonly host: BackendHost;
  readonly restic: Restic;
  readonly #resticPath: string;
  /** The largest file of the repository's data: what its snapshot needs. */
  pack = '';
  /** Id of a snapshot of its own source. */
  snapshot = '';
  #serial = 0;

  private constructor(world: World, host: BackendHost, restic: Restic, resticPath: string) {
    this.world = world;
    this.host = host;
    this.restic = restic;
    this.#resticPath = resticPath;
  }

  /** kill -9, and a new one in its place. */
  async killAgent(): Promise<void> {
    await this.world.agents.findLast(({ stateDir }) => stateDir.endsWith(`agent-${this.name}`))?.kill();
    await this.world.agent(this.name, { restic: this.#resticPath, env: { TMPDIR: this.tmp } });
  }

  /** Its restic waits a second for locks where it would wait minutes; TMPDIR is a directory of its own, `tmp`. */
  static async add(world: World, backend: Backend, restic: Restic, name: string): Promise<FailingHost> {
    const dir = join(world.dir, `bin-${name}`);
    await mkdir(dir);
    const tmp = join(world.dir, `tmp-${name}`);
    await mkdir(tmp);
    const path = join(dir, 'restic');
    await writeFile(path, `#!/bin/bash\nexec ${toolPath(restic === 'new' ? 'restic' : 'restic-0.14')} "\${@/#--retry-lock=*/--retry-lock=1s}"\n`, { mode: 0o755 });
    const host = await addBackendHost(world, backend, { name, restic: path, env: { TMPDIR: tmp } });
    await cheapenKey(backend.files(host.repository), REPOSITORY_PASSWORD);
    await world.patch('Host', name, { spec: { maxConcurrentJobs: 4 } });
    const failing = new FailingHost(world, host, restic, path);
    const { status } = await world.ended(await failing.job('Backup', {}, 'first'));
    failing.snapshot = host.snapshots().find(({ id }) => id.startsWith(status?.snapshotID ?? 'none'))?.id ?? '';
    failing.pack = await largest(join(failing.repositoryFiles, 'data'));
    return failing;
  }

  get name(): string { return this.host.name; }
  get old(): boolean { return this.restic === 'old'; }
  /** A directory that only root may write, and all above it. */
  get rootDir(): string { return `/rm-failures-${String(process.pid)}/${this.name}`; }
  get tmp(): string { return join(this.world.dir, `tmp-${this.name}`); }
  get repositoryFiles(): string { return this.host.backend.files(this.host.repository); }

  /** A directory of this host, with files of these contents. */
  async files(name: string, files: Record<string, string | Buffer> = { 'a.txt': 'a\n' }): Promise<string> {
    const dir = join(this.world.dir, `${this.name}-${name}`);
    await mkdir(dir, { recursive: true });
    for (const [file, content] of Object.entries(files)) await writeFile(join(dir, file), content);
    return dir;
  }

  /** A source group of this host and a backup of it. Resolves with the job's name. */
  async backup(name: string, group: GroupSpec, job: JobSpec = {}): Promise<string> {
    const at = `${this.name}-${name}`;
    await this.world.create('SourceGroup', at, { spec: { hostRef: { name: this.name }, ...group } });
    return this.job('Backup', { sourceGroupRef: { name: at }, ...job }, name);
  }

  async job(type: KindMap['ResticJob']['spec']['type'], spec: JobSpec = {}, name = type.toLowerCase()): Promise<string> {
    const job = `${this.name}-${name}-${String(++this.#serial)}`;
    await this.world.create('ResticJob', job, { spec: { hostRef: { name: this.name }, type, ...(type === 'Backup' && !spec.sourceGroupRef ? { sourceGroupRef: { name: this.name } } : {}), ...spec } });
    return job;
  }

  async hook(name: string, script: string, use = 'hook'): Promise<{ secretKeyRef: { name: string; key: string } }> {
    await this.world.create('Secret', `${this.name}-${name}`, { stringData: { script } }, { 'restic-manager.io/use': use });
    return { secretKeyRef: { name: `${this.name}-${name}`, key: 'script' } };
  }

  /** While `work` runs there is no restic on this host. */
  async withoutRestic<T>(work: () => Promise<T>): Promise<T> {
    await rename(this.#resticPath, `${this.#resticPath}-away`);
    try {
      return await work();
    } finally {
      await rename(`${this.#resticPath}-away`, this.#resticPath);
    }
  }

  /** The restic process that backs up this group, once it is at work: its lock is in the repository. */
  async resticOf(group: string): Promise<number> {
    const tag = `--tag=${this.name}-${group}`;
    return until(`a restic with ${tag} at work`, () => {
      if (!readdirSync(join(this.repositoryFiles, 'locks')).some((file) => /^[0-9a-f]{64}$/.test(file))) return undefined;
      return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).find((pid) => {
        try {
          const command = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').split('\0');
          return command[0]?.includes('/restic') === true && command.includes(tag);
        } catch { return false; }
      });
    }, 30_000);
  }

  async isRunning(job: string): Promise<void> {
    await until(`job ${job} to run`, async () => (await this.world.get('ResticJob', job))?.status?.phase === 'Running', 30_000);
  }

  async condition(kind: 'Repository' | 'Host' | 'ResticJob', name: string, type: string, accept: (condition: { status: string; reason: string; message: string }) => boolean): Promise<{ status: string; reason: string; message: string }> {
    return until(`${type} of ${kind} ${name}`, async () => {
      const found = (await this.world.get(kind, name))?.status?.conditions?.find((each) => each.type === type);
      return found && accept(found) && found;
    }, 30_000, 50);
  }

  /** Asks the repository to be opened anew and waits until it is the pinned one again. */
  async mended(): Promise<void> {
    const { repository } = this.host;
    await this.world.patch('Repository', repository, { metadata: { annotations: { 'restic-manager.io/probe': String(++this.#serial) } } });
    await until(`repository ${repository} to be well`, async () => {
      const { status, metadata } = await this.world.get('Repository', repository) ?? {};
      const open = status?.conditions?.find(({ type }) => type === 'Available');
      const jobs = (await this.world.list('ResticJob')).filter(({ spec }) => spec.type === 'Init' && spec.hostRef.name === this.name);
      return metadata !== undefined && status?.phase === 'Ready' && open?.status === 'True' && jobs.every((job) => ['Succeeded', 'Failed'].includes(job.status?.phase ?? ''));
    }, 30_000, 50);
  }

  /** Waits for its end. */
  async told(name: string): Promise<{ job: StoredJob; told: Told }> {
    const job = await this.world.ended(name, 90_000);
    return { job, told: await toldOf(this.world, job, this) };
  }
}

async function largest(dir: string): Promise<string> {
  const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (path) => ({ path, size: (await stat(path)).size })));
  return sizes.sort((a, b) => b.size - a.size)[0]?.path ?? '';
}

/** Waits for the Events, which are written beside the status. */
async function toldOf(world: World, job: StoredJob, host: FailingHost): Promise<Told> {
  const { status = {}, metadata } = job;
  const mask = masker(host, metadata.name);
  const own = (event: KindMap['Event']): boolean => event.involvedObject.uid === metadata.uid || event.message?.startsWith(`job ${metadata.name} of `) === true;
  /** What an object says of the same by itself. */
  const same = (event: KindMap['Event']): boolean => event.type === 'Warning' && event.involvedObject.kind !== 'ResticJob' && (event.message === status.message || (status.forgetPlan?.hash !== undefined && event.message?.includes(status.forgetPlan.hash) === true));
  const events = await until(`the event of ${metadata.name}`, async () => {
    const found = (await world.list('Event')).filter((event) => own(event) || same(event));
    return found.some(({ reason, involvedObject }) => reason === status.reason && involvedObject.uid === metadata.uid) && found;
  });
  const lines = await world.logOf(metadata.name);
  const of = (stream: string): string[] => lines.filter((line) => line.stream === stream && !goStack.test(line.payload)).map(({ payload }) => `${stream}: ${mask(payload)}`);
  return {
    phase: status.phase ?? '', reason: status.reason ?? '', message: mask(status.message ?? ''),
    ...(status.exitCode === undefined ? {} : { exitCode: status.exitCode }),
    ...((status.attempts ?? 0) > 1 ? { attempts: status.attempts } : {}),
    ...(status.warnings === undefined ? {} : { warnings: status.warnings }),
    ...(status.skippedFiles === undefined ? {} : { skippedFiles: status.skippedFiles.map(mask).sort() }),
    // two pipes have no common order, and how often restic tries or repeats itself is chance
    log: [...new Set([...of('stdout'), ...of('stderr'), ...of('agent')])],
    events: events.map((event) => `${event.type ?? ''} ${event.reason ?? ''} ${event.involvedObject.kind ?? ''}/${mask(event.involvedObject.name ?? '')}: ${mask(event.message ?? '')}${own(event) && (event.count ?? 1) > 1 ? ` (${String(event.count)} times)` : ''}`).sort(),
  };
}

const goStack = /^(?:\t|main\.|runtime\.|github\.com\/|golang\.org\/|$)/;

/** Takes out what differs from run to run: ids, pids, ports, times, directories, restic's own figures, this machine's name. */
function masker({ world, host }: FailingHost, job: string): (text: string) => string {
  return (text) => text
    .replaceAll(world.dir, '<dir>').replaceAll(`/rm-failures-${String(process.pid)}`, '<root>').replaceAll(host.backend.dir, '<storage>')
    .replaceAll(job, '<job>').replaceAll(new RegExp(`\\b${host.name}\\b`, 'g'), '<host>')
    .replaceAll(/"message_type":"summary".*/g, '"message_type":"summary",...}')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| [+-]\d{4} [A-Z]+)?/g, '<time>')
    .replaceAll(/\([\d.]+m?s ago\)/g, '(<while> ago)')
    .replaceAll(/retrying after [\d.]+m?s/g, 'retrying after <while>')
    .replaceAll(/(Load\(<data\/[^>]*>), \d+, \d+\)/g, '$1, <n>, <n>)')
    .replaceAll(/There were \d+ errors/g, 'There were <n> errors')
    .replaceAll(/\b(pid|PID) \d+/g, '$1 <pid>')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replaceAll(/\/data\/[0-9a-f]{2}\//g, '/data/<2>/')
    .replaceAll(/\b[0-9a-f]{8,64}\b/g, '<id>')
    .replaceAll(/(tmp-|restic-temp-pack-|restic-check-cache-)\d+/g, '$1<id>')
    .replaceAll(/which has 0\.14\.\d+/g, 'which has 0.14.<n>')
    .replaceAll(new RegExp(` on ${hostname()}\\b`, 'g'), ' on <machine>');
}

/** What `kubectl get rj -o wide` shows of every job, by name: its columns, ages and times masked. */
export function kubectlRows(world: World): Map<string, string> {
  const shown = execFileSync(toolPath('kubectl'), ['--kubeconfig', world.server.kubeconfig, 'get', 'rj', '-o', 'wide'], { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', HOME: world.dir } });
  const [header = '', ...lines] = shown.trimEnd().split('\n');
  const columns = [...header.matchAll(/\S+\s*/g)].map((match) => ({ name: match[0].trim(), from: match.index, to: match.index + match[0].length }));
  const cell = (line: string, name: string): string => { const at = columns.find((column) => column.name === name); return line.slice(at?.from, at?.to).trim(); };
  return new Map(lines.map((line) => [cell(line, 'NAME'), ['HOST', 'TYPE', 'GROUP', 'STATUS', 'REASON'].map((name) => cell(line, name)).join(' ')]));
}

/** Mounts something for the length of `work`. Needs root. */
export async function mounted<T>(args: string[], at: string, work: () => Promise<T>): Promise<T> {
  const { status, stderr } = spawnSync('mount', [...args, at], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${args.join(' ')} ${at}: ${stderr}`);
  try {
    return await work();
  } finally {
    spawnSync('umount', ['-l', at]);
  }
}

export type StoredJob = Stored<KindMap['ResticJob']>;
