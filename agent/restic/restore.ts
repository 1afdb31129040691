/** `restic restore` of literal paths, checked afterwards: what was chosen is there, or the job failed. */
import { lstat, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RestoreArgs, Summary } from '#crds/wire/agentProtocol.gen.js';
import { platform } from '../platform/here.js';
import type { Platform } from '../platform/platform.js';
import type { Progress } from './backup.js';
import { ResticError } from './exitCodes.js';
import { asObject, count, number, text, type Json } from './json.js';
import { jsonLine } from './lines.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';
import { firstLinkIn, landsAt, makeTarget, requireSafeAncestors, restoreTarget } from './restoreTarget.js';
import { listNodes, requireText } from './tree.js';
import { requireSnapshotID } from './snapshots.js';

export interface RestoreOptions extends CommandIo {
  args: RestoreArgs;
  /** Name of the ResticJob: the default target is `$HOME/rm-restore/<job>`. */
  job: string;
  dryRun?: boolean;
  /** Asked before anything is written, and once more of the directory that was made. @throws ResticError PolicyRefused */
  mayWrite?(target: string): Promise<void>;
  onProgress(progress: Progress): void;
}

const SKIPPED = 20;
const overwriteFlags: Record<RestoreArgs['overwrite'], string> = { Never: 'never', IfChanged: 'if-changed', IfNewer: 'if-newer', Always: 'always' };

/**
 * Outcomes, all with targetDirectory: Succeeded/Completed; Failed/PathNotFound, RestoreIncomplete (with skippedFiles).
 * @throws ResticError TargetRefused, PathNotText, SnapshotNotFound, ResticTooOld, RepositoryLocked, DiskFull, ...; ResticAborted
 */
export async function restore(restic: Restic, options: RestoreOptions): Promise<CommandOutcome> {
  const { args, job, dryRun, mayWrite, onLine, onProgress, signal } = options;
  requireSnapshotID(args.snapshot);
  const target = restoreTarget(args, job);
  await mayWrite?.(target);
  const paths = chosenPaths(args);
  for (const path of paths) requireText(path);
  const told = { targetDirectory: target };
  const missing = await missingIn(restic, args, paths, signal);
  if (missing.length > 0) return { ...told, phase: 'Failed', reason: 'PathNotFound', message: `not in snapshot ${args.snapshot.slice(0, 8)}: ${missing.slice(0, 10).join(', ')}; nothing was restored`.slice(0, 4096) };
  if (args.inPlace) await requireSafeAncestors(await directoriesOf(restic, args, paths, signal));
  else if (!dryRun) await makeTarget(target).then(async () => mayWrite?.(target));
  const flags = await versionFlags(restic, options, target);

  const reader = new RestoreReader(onLine, onProgress);
  try {
    const { code } = await restic.run('restore', ['--json', `--target=${target}`, ...flags, ...paths.map((path) => `--include=${literal(path)}`), '--', args.snapshot], { signal, onLine: (stream, line) => { reader.read(stream, line); } });
    const { summary } = reader;
    if (dryRun) return { ...told, phase: 'Succeeded', reason: 'Completed', message: `dry run: ${summary.filesRestored ?? 'an unknown number of'} files would be restored to ${target}`, exitCode: code, summary };
    const lost = await notThere(target, paths);
    if (lost.length > 0) return { ...told, phase: 'Failed', reason: 'PathNotFound', message: `restic ended well, but these are not there: ${lost.slice(0, 10).join(', ')}`.slice(0, 4096), exitCode: code, summary };
    if (reader.skipped.length > 0) return incomplete(told, reader, code);
    return { ...told, phase: 'Succeeded', reason: 'Completed', message: `restored ${paths.length === 0 ? 'everything' : paths.slice(0, 5).join(', ')} of snapshot ${args.snapshot.slice(0, 8)} to ${target}${args.verify ? ', and read it again' : ''}`.slice(0, 4096), exitCode: code, summary };
  } catch (error) {
    if (error instanceof ResticError && error.reason === 'ResticFailed' && reader.skipped.length > 0) return incomplete(told, reader, error.exitCode);
    throw error;
  }
}

function incomplete(told: { targetDirectory: string }, { skipped, lost, summary }: RestoreReader, exitCode: number | undefined): CommandOutcome {
  return { ...told, phase: 'Failed', reason: 'RestoreIncomplete', message: `${lost} ${lost === 1 ? 'file' : 'files'} could not be restored: ${skipped.slice(0, 3).join('; ')}; the rest is in ${told.targetDirectory}`.slice(0, 4096), exitCode, warnings: lost, summary, skippedFiles: skipped };
}

/** No path, or the top, is everything. */
function chosenPaths({ paths = [] }: RestoreArgs): string[] {
  const cut = paths.map((path) => (path.length > 1 ? path.replace(/\/+$/, '') : path));
  return cut.includes('/') ? [] : cut;
}

/** A path as a pattern that matches it alone. restic's patterns are Go's filepath.Match, which knows a backslash only where it separates nothing: elsewhere a set of one character says the same. */
export function literal(path: string, os: Platform['os'] = platform.os): string {
  const sets = path.replaceAll(/[*?[]/g, '[$&]');
  return os === 'windows' ? sets : sets.replaceAll('\\', '\\\\');
}

/** Asked before anything is written: an include that matches nothing restores nothing, with exit 0. */
async function missingIn(restic: Restic, { snapshot }: RestoreArgs, paths: readonly string[], signal: AbortSignal): Promise<string[]> {
  if (paths.length === 0) return [];
  const left = new Set(paths);
  await listNodes(restic, snapshot, paths, signal, (node) => { left.delete(text(node, 'path') ?? ''); });
  return [...left];
}

/** The directories that a restore in place writes into. */
async function directoriesOf(restic: Restic, { snapshot }: RestoreArgs, paths: readonly string[], signal: AbortSignal): Promise<Set<string>> {
  const directories = new Set<string>(paths.map((path) => dirname(path)));
  await listNodes(restic, snapshot, paths.length === 0 ? ['/'] : paths, signal, (node) => {
    const path = text(node, 'path');
    if (path !== undefined) directories.add(text(node, 'type') === 'dir' ? path : dirname(path));
  }, true);
  return directories;
}

/** @throws ResticError ResticTooOld, naming what this restic cannot do */
async function versionFlags(restic: Restic, { args, dryRun }: RestoreOptions, target: string): Promise<string[]> {
  const verify = args.verify && !dryRun ? ['--verify'] : [];
  if (restic.can('restore-overwrite')) return [`--overwrite=${overwriteFlags[args.overwrite]}`, ...(dryRun ? ['--dry-run'] : []), ...(args.inPlace ? [] : ['--sparse']), ...verify];
  if (dryRun) throw new ResticError('ResticTooOld', `a dry run of a restore needs restic 0.17 or newer on this host, which has ${restic.version}`);
  // older ones always overwrite, which a directory without files makes the same
  if (args.overwrite !== 'Always' && (args.inPlace || (await readdir(target)).length > 0)) throw new ResticError('ResticTooOld', `overwrite ${args.overwrite} where files may be already needs restic 0.17 or newer on this host, which has ${restic.version}; restore into a new directory, or say overwrite: Always`);
  const link = args.inPlace ? undefined : await firstLinkIn(target);
  if (link !== undefined) throw new ResticError('ResticTooOld', `${link} is a symbolic link, and restic before 0.17 writes through the links that it finds: out of ${target}; restore into a new directory`);
  return verify;
}

async function notThere(target: string, paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(paths.map(async (path) => lstat(landsAt(target, path)).then(() => true, () => false)));
  return paths.filter((_, index) => !there[index]);
}

/** Sorts restic's lines: status frames are progress, everything else is log; errors are what was not restored. */
class RestoreReader {
  /** The first 20 of what was not restored, each with its first error. */
  readonly skipped: string[] = [];
  readonly #items = new Set<string>();
  summary: Summary = {};
  readonly #onLine: RestoreOptions['onLine'];
  readonly #onProgress: RestoreOptions['onProgress'];

  constructor(onLine: RestoreOptions['onLine'], onProgress: RestoreOptions['onProgress']) {
    this.#onLine = onLine;
    this.#onProgress = onProgress;
  }

  read(stream: 'stdout' | 'stderr', line: string): void {
    const object = jsonLine(line);
    const type = object && text(object, 'message_type');
    if (object && type === 'status') {
      this.#onProgress(progressOf(object));
      return;
    }
    if (object && type === 'summary') this.summary = { filesRestored: count(object, 'files_restored'), filesSkipped: count(object, 'files_skipped'), bytesRestored: count(object, 'bytes_restored') };
    if (object && type === 'error') this.#skip(text(object, 'item') ?? '', text(asObject(object['error']), 'message') ?? text(object, 'message') ?? '');
    const [, old, why = ''] = (object ? null : /^ignoring error for (.+?)(?:: (.*))?$/.exec(line)) ?? [];
    if (old !== undefined) this.#skip(old, why);
    if (line !== '') this.#onLine(stream, line);
  }

  /** Files that were not restored; restic tells several errors of one, first of its content, then of its times and owner. */
  get lost(): number {
    return this.#items.size;
  }

  #skip(item: string, why: string): void {
    if (this.#items.has(item)) return;
    this.#items.add(item);
    if (this.skipped.length < SKIPPED) this.skipped.push(`${item}: ${why}`.slice(0, 4096));
  }
}

function progressOf(line: Json): Progress {
  return {
    percentDone: Math.min(1, Math.max(0, number(line, 'percent_done') ?? 0)),
    totalFiles: count(line, 'total_files'), filesDone: count(line, 'files_restored'), totalBytes: count(line, 'total_bytes'), bytesDone: count(line, 'bytes_restored'), secondsElapsed: count(line, 'seconds_elapsed'),
  };
}
