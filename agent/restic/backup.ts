/**
 * One backup of one source group. Snapshots are found again by host and tag, never by paths: an edited path list keeps its
 * parent and its retention (`--group-by host,tags`; 0.14 has no such flag and gets its parent named).
 * @see restic manual "Backing up"
 */
import { lstat, readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { JobProgress, PlanGroup, Summary } from '#crds/wire/agentProtocol.gen.js';
import { platform } from '../platform/here.js';
import { catConfig } from './catConfig.js';
import { resticVariables } from './env.js';
import { ResticError } from './exitCodes.js';
import { goneError, replacedError } from './init.js';
import { asArray, count, number, text, type Json } from './json.js';
import { jsonLine } from './lines.js';
import { checkOpened } from './pinnedCache.js';
import type { Restic } from './restic.js';
import { newest, snapshots } from './snapshots.js';

/** Paths named in a report; the log has them all. */
const SKIPPED = 20;

export type Progress = Omit<JobProgress, 'job' | 'runID'>;

export interface BackupOptions {
  group: PlanGroup;
  /** restic's --host. */
  snapshotHost: string;
  /** Lines for the job's log: all but status frames. */
  onLine(stream: 'stdout' | 'stderr' | 'agent', line: string): void;
  onProgress(progress: Progress): void;
  signal: AbortSignal;
  /** Says what it would do and makes no snapshot. */
  dryRun?: boolean;
}

export interface BackupResult {
  /** False: restic could not read something; the snapshot is there. */
  complete: boolean;
  exitCode: number;
  snapshotID: string | undefined;
  repositoryID: string;
  summary: Summary;
  /** Lines that named something unreadable or missing. */
  warnings: number;
  missing: readonly string[];
  /** The first 20 paths that were skipped, as restic named them. */
  skippedFiles: string[];
  /** skipIfUnchanged: the parent is the same, no snapshot was made. */
  unchanged: boolean;
}

/**
 * @throws ResticError SourceMissing, NothingRead, NoRepository, RepositoryReplaced, RepositoryLocked, ... ; ResticAborted
 */
export async function backup(restic: Restic, options: BackupOptions): Promise<BackupResult> {
  const pinned = restic.repository.id;
  if (pinned === undefined) throw new ResticError('NoRepository', `the repository at ${restic.address} is not initialised yet`);
  await requireMounts(options.group);
  const { stdin, includes } = options.group;
  requireAble(restic, options.group);
  const missing = await missingPaths(includes);
  if (!stdin && missing.length === includes.length) throw new ResticError('SourceMissing', `no path of source group ${options.group.name} exists on this host: ${missing.join(', ')}`);
  for (const path of missing) options.onLine('agent', `${path} does not exist on this host; the backup goes on without it`);

  const stop = new AbortController();
  const onAbort = (): void => { stop.abort(); };
  options.signal.addEventListener('abort', onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  let other: string | undefined;
  const check = await checkOpened(restic.cacheDir, pinned, (id) => {
    other = id;
    stop.abort();
  });
  const reader = new OutputReader(options);
  let code: number | undefined;
  let failure: unknown;
  try {
    const parent = restic.can('group-by') ? [] : await parentFlag(restic, options, stop.signal);
    ({ code } = await restic.run('backup', [...flags(restic, options), ...parent, ...(stdin ? ['--stdin-from-command', `--stdin-filename=${stdin.filename}`, '--', ...platform.withoutVariables(resticVariables(restic.repository), stdin.command)] : ['--', ...includes])], { accept: [3], signal: stop.signal, onLine: (stream, line) => { reader.read(stream, line); } }));
  } catch (error) {
    failure = error;
  } finally {
    options.signal.removeEventListener('abort', onAbort);
  }
  const opened = await check.finish();
  const stranger = other ?? (opened !== undefined && opened !== pinned ? opened : undefined);
  if (stranger !== undefined) throw replacedError(restic.address, stranger, pinned);
  if (failure !== undefined || code === undefined) throw reader.failure(failure instanceof ResticError && failure.reason === 'NoRepository' ? goneError(restic.address) : failure);
  if (opened === undefined) await confirmPinned(restic, pinned, options.signal);
  return reader.result(code, pinned, missing, options.group.name);
}

/** For the rare run whose cache told nothing. */
async function confirmPinned(restic: Restic, pinned: string, signal: AbortSignal): Promise<void> {
  const { id } = await catConfig(restic, signal);
  if (id !== pinned) throw replacedError(restic.address, id, pinned);
}

async function missingPaths(includes: readonly string[]): Promise<string[]> {
  const there = await Promise.all(includes.map(async (path) => lstat(path).then(() => true, () => false)));
  return includes.filter((_, index) => !there[index]);
}

/** A source that is empty because its mount is gone must not become the newest snapshot (E32). @throws ResticError MountMissing */
async function requireMounts({ requireMount = [], name }: PlanGroup): Promise<void> {
  for (const path of requireMount) {
    if (!(await isMountPoint(path))) throw new ResticError('MountMissing', `nothing is mounted at ${path}, which source group ${name} requires (requireMount); nothing was backed up`);
  }
}

async function isMountPoint(path: string): Promise<boolean> {
  try {
    const [own, above] = await Promise.all([stat(path), stat(dirname(resolve(path)))]);
    return own.isDirectory() && (own.dev !== above.dev || own.ino === above.ino || (await mountPoints()).has(resolve(path)));
  } catch {
    return false;
  }
}

/** Bind mounts share the device of what they show: the kernel's table knows them. */
async function mountPoints(): Promise<Set<string>> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return new Set(table.split('\n').map((line) => (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8)))));
}

/** @throws ResticError ResticTooOld, naming the field */
function requireAble(restic: Restic, { skipIfUnchanged, stdin, name }: PlanGroup): void {
  const needs = (field: string): ResticError => new ResticError('ResticTooOld', `${field} of source group ${name} needs restic 0.17 or newer on this host, which has ${restic.version}`);
  if (stdin && !restic.can('stdin-from-command')) throw needs('stdin.command');
  if (skipIfUnchanged && !restic.can('skip-if-unchanged')) throw needs('skipIfUnchanged');
}

function flags(restic: Restic, { group, snapshotHost, dryRun }: BackupOptions): string[] {
  return [
    '--json',
    `--host=${snapshotHost}`,
    `--tag=${group.tag}`,
    ...(restic.can('group-by') ? ['--group-by=host,tags'] : []),
    ...(group.excludes ?? []).map((pattern) => `--exclude=${pattern}`),
    ...(group.excludeIfPresent ?? []).map((name) => `--exclude-if-present=${name}`),
    ...(group.excludeCaches ? ['--exclude-caches'] : []),
    ...(group.excludeLargerThan ? [`--exclude-larger-than=${group.excludeLargerThan}`] : []),
    ...(group.oneFileSystem ? ['--one-file-system'] : []),
    ...(group.skipIfUnchanged ? ['--skip-if-unchanged'] : []),
    ...(group.useFsSnapshot && platform.os === 'windows' ? ['--use-fs-snapshot'] : []),
    ...(dryRun ? ['--dry-run'] : []),
  ];
}

async function parentFlag(restic: Restic, { group, snapshotHost }: BackupOptions, signal: AbortSignal): Promise<string[]> {
  const parent = newest(await snapshots(restic, { host: snapshotHost, tag: group.tag, latest: true }, signal));
  return parent === undefined ? [] : [`--parent=${parent}`];
}

/** Sorts restic's lines: status frames are progress, everything else is log. */
class OutputReader {
  readonly #options: BackupOptions;
  #summary: Json = {};
  #warnings = 0;
  readonly #skipped: string[] = [];

  constructor(options: BackupOptions) {
    this.#options = options;
  }

  read(stream: 'stdout' | 'stderr', line: string): void {
    const object = jsonLine(line);
    const type = object === undefined ? undefined : text(object, 'message_type');
    if (object !== undefined && type === 'status') {
      this.#options.onProgress(progressOf(object));
      return;
    }
    if (object !== undefined && type === 'summary') this.#summary = object;
    const skipped = object === undefined ? /^(.*) does not exist, skipping$/.exec(line)?.[1] : type === 'error' ? text(object, 'item') ?? '' : undefined;
    if (skipped !== undefined) {
      this.#warnings++;
      if (skipped !== '' && this.#skipped.length < SKIPPED && !this.#skipped.includes(skipped)) this.#skipped.push(skipped.slice(0, 4096));
    }
    this.#options.onLine(stream, line);
  }

  /** A command whose output was to be saved fails the backup in restic's words; they are about the command, not the repository. */
  failure(error: unknown): unknown {
    const { stdin, name } = this.#options.group;
    if (!stdin || !(error instanceof ResticError) || error.reason !== 'ResticFailed') return error;
    // as a shell ends when it finds no such command; a script may pass on that of a command it runs
    const absent = /exit status 127\b/.test(error.message) ? 'it was not found, or a command that it runs; ' : '';
    return new ResticError('StdinCommandFailed', `stdin.command of source group ${name} (${stdin.command[0]}) failed, so nothing was saved: ${absent}${error.message}`, error.exitCode);
  }

  result(code: number, repositoryID: string, missing: readonly string[], group: string): BackupResult {
    const summary = summaryOf(this.#summary);
    if (code === 3 && (summary.filesProcessed ?? 0) === 0 && !this.#options.dryRun) {
      const { stdin } = this.#options.group;
      if (stdin) throw new ResticError('StdinCommandFailed', `stdin.command of source group ${group} (${stdin.command[0]}) printed nothing; the snapshot is empty`, code);
      throw new ResticError('NothingRead', `no file of source group ${group} could be read, so the snapshot is empty${this.#skipped.length > 0 ? `: ${this.#skipped.slice(0, 3).join(', ')}` : ''}; check that the agent may read them`, code);
    }
    return { complete: code === 0 && missing.length === 0, exitCode: code, snapshotID: text(this.#summary, 'snapshot_id'), repositoryID, summary, warnings: Math.max(this.#warnings, missing.length), missing, skippedFiles: this.#skipped.length > 0 ? this.#skipped : missing.slice(0, SKIPPED), unchanged: this.#options.group.skipIfUnchanged === true && code === 0 && !this.#options.dryRun && text(this.#summary, 'snapshot_id') === undefined };
  }
}

function progressOf(line: Json): Progress {
  return {
    percentDone: Math.min(1, Math.max(0, number(line, 'percent_done') ?? 0)),
    totalFiles: count(line, 'total_files'),
    filesDone: count(line, 'files_done'),
    totalBytes: count(line, 'total_bytes'),
    bytesDone: count(line, 'bytes_done'),
    errorCount: count(line, 'error_count'),
    secondsElapsed: count(line, 'seconds_elapsed'),
    secondsRemaining: count(line, 'seconds_remaining'),
    currentFiles: asArray(line['current_files']).filter((file): file is string => typeof file === 'string').slice(0, 16).map((file) => file.slice(0, 2048)),
  };
}

function summaryOf(line: Json): Summary {
  return {
    filesNew: count(line, 'files_new'),
    filesChanged: count(line, 'files_changed'),
    filesUnmodified: count(line, 'files_unmodified'),
    dirsNew: count(line, 'dirs_new'),
    dirsChanged: count(line, 'dirs_changed'),
    dirsUnmodified: count(line, 'dirs_unmodified'),
    filesProcessed: count(line, 'total_files_processed'),
    bytesProcessed: count(line, 'total_bytes_processed'),
    bytesAdded: count(line, 'data_added'),
    bytesStored: count(line, 'data_added_packed'),
    durationSeconds: toMilliseconds(number(line, 'total_duration')),
  };
}


/** restic tells nanoseconds; nobody needs more than milliseconds. */
function toMilliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000) / 1000;
}
