/**
 * The one way restic is run: its process, environment, redaction, line parsing and capabilities are hidden here; a command
 * file says only what to ask and what the answer means.
 */
import { dirname } from 'node:path';
import type { AdminCredentials, JobRun, Plan, PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import { platform } from '../platform/here.js';
import { programInAddress } from '../policy/addresses.js';
import { gently, startChild, type ChildProcess } from '../runs/child.js';
import { backendFiles } from './backendFiles.js';
import type { Capability, ResticProgram } from './capabilities.js';
import { isSecretVariable, refusedOptions, refusedVariables, repositoryRedactor, resticEnvironment } from './env.js';
import { classifyExit, plainWords, ResticError, unreachable, type ResticCommand } from './exitCodes.js';
import { LineSplitter } from './lines.js';
import { cacheFlag } from './pinnedCache.js';
import { redactUrl } from './redact.js';

/** restic gets this long between SIGINT and SIGKILL. */
export const GRACE_MS = 5_000;
/**
 * And this long where it only sleeps: under a bandwidth limit the newest restic has let go of its lock 20 ms after SIGINT, and then
 * waits until the limit allows the 128 KiB it is at (5 s at 20 KiB/s). See docs/decisions/2026-11-27-cancel-under-a-limit.md.
 */
export const LIMITED_GRACE_MS = 700;
/** A restic that is asked to stop and goes on is news after this long. */
const SLOW_STOP_MS = 1_000;
/** While a repository does not open, restic 0.19 retries for a quarter of an hour; this long is enough for a network that hiccups. */
export const OPEN_LIMIT_MS = 20_000;
const openingRetry = /^(?:Stat|Load|List|Open)\(<(?:config|key)\/.*returned error, retrying after/;
/** restic 0.19 tries this again for a quarter of an hour too, though `init` would make the bucket. */
const absentBucket = /specified bucket does not exist|NoSuchBucket/;
const STDERR_KEPT = 200;
const STDOUT_LIMIT = 256 * 1024 * 1024;

export interface ResticOptions {
  program: ResticProgram;
  repository: PlanRepository;
  bandwidth?: Plan['bandwidth'];
  cacheDir: string;
  /** Told of every process before its output is read: the journal keeps (pid, start time). */
  onChild?: (child: ChildProcess) => void;
  /** Default OPEN_LIMIT_MS. */
  openLimitMs?: number;
  /** An account that may delete, in place of the everyday one. Kept in this object only. */
  admin?: AdminCredentials;
  /** What a person who follows the job should know of how restic is run. */
  onNote?: (line: string) => void;
  /** Priority of every restic this starts. */
  resources?: Plan['resources'];
  /** agent.yaml's `environment`: added last. */
  environment?: Readonly<Record<string, string>>;
  /** Restore and diff take no lock: the server says so while a check of this system holds the repository. */
  noLock?: boolean;
  /** Default true: commands that lock wait for others' locks where restic can (--retry-lock). False: RepositoryLocked at once. */
  waitForLocks?: boolean;
}

/** The limits of a job: its own in place of the host's, per direction; 0 lifts. KiB/s. */
export function effectiveBandwidth(host: Plan['bandwidth'], job: JobRun['bandwidth']): Plan['bandwidth'] {
  const of = (own: number | undefined, hosts: number | undefined): number | undefined => (own === undefined ? hosts : own === 0 ? undefined : own);
  return { uploadKiBps: of(job?.uploadKiBps, host?.uploadKiBps), downloadKiBps: of(job?.downloadKiBps, host?.downloadKiBps) };
}

export interface RunOptions {
  /** Exit codes besides 0 that are an answer, not a failure. */
  accept?: readonly number[];
  /** Every line of both streams, redacted, in the order it arrived. */
  onLine?: (stream: 'stdout' | 'stderr', line: string) => void;
  /** SIGINT at abort, SIGKILL five seconds later: see LIMITED_GRACE_MS. */
  signal?: AbortSignal;
}

export interface ResticResult {
  code: number;
  /** Complete standard output, unless onLine took it line by line. */
  stdout: string;
  stderr: readonly string[];
}

/** restic was ended because we asked for it; `killed` when it had to be SIGKILL, which leaves its lock behind unless it only `slept`. */
export class ResticAborted extends Error {
  override name = 'ResticAborted';
  readonly killed: boolean;
  readonly slept: boolean;
  readonly exitCode: number | undefined;

  constructor(killed: boolean, exitCode: number | undefined, slept = false) {
    super(killed ? 'restic did not stop and was killed' : 'restic was stopped');
    this.killed = killed;
    this.slept = slept;
    this.exitCode = exitCode;
  }
}

export class Restic {
  /** As it is opened: an administrator's account in place of the everyday one, where there is one. */
  readonly repository: PlanRepository;
  readonly cacheDir: string;
  readonly #options: ResticOptions;

  constructor(options: ResticOptions) {
    const { repository, admin } = options;
    this.repository = admin ? asAdmin(repository, admin) : repository;
    this.cacheDir = options.cacheDir;
    this.#options = options;
  }

  /** Another one for the same repository, with these options in place of its own. */
  with(change: Partial<Omit<ResticOptions, 'program' | 'repository' | 'cacheDir'>>): Restic {
    return new Restic({ ...this.#options, ...change });
  }

  /** What this machine cannot honour of the options, in sentences: for the job's log, once. */
  get notices(): readonly string[] {
    const { missing } = gently(this.#options.resources);
    const { compression, packSizeMiB } = this.repository;
    return [
      ...(missing.length > 0 ? [`this host has no ${missing.join(' and no ')}: restic runs without the priority that spec.resources of the Host asks for`] : []),
      ...(compression !== undefined && !this.can('compression') ? [`this restic knows no --compression: data are stored as it does it`] : []),
      ...(packSizeMiB !== undefined && !this.can('pack-size') ? [`this restic knows no --pack-size: packs are of its own size`] : []),
    ];
  }

  can(capability: Capability): boolean {
    return this.#options.program.capabilities.includes(capability);
  }

  /** Opened with the account that may delete. */
  get asAdmin(): boolean {
    return this.#options.admin !== undefined;
  }

  get version(): string {
    return this.#options.program.version;
  }

  /** The repository's address as it may be shown. */
  get address(): string {
    return redactUrl(this.repository.url);
  }

  /**
   * Runs `restic <command> <global flags> <args>` to its end.
   * @throws ResticError when it could not start or failed, named by exitCodes.ts; ResticAborted when `signal` ended it
   */
  async run(command: ResticCommand, args: readonly string[], options: RunOptions = {}): Promise<ResticResult> {
    const refused = refusedVariables(this.repository);
    if (refused.length > 0) throw new ResticError('NoCredentials', `the repository's Secret sets ${refused.join(', ')}, which this agent does not pass on`);
    const unwanted = refusedOptions(this.repository);
    if (unwanted.length > 0) throw new ResticError('NoCredentials', `the repository sets option ${unwanted.join(', ')}, which this agent does not pass on: it could name a program to run`);
    const program = programInAddress(this.repository.url);
    if (program !== undefined) throw new ResticError('NoCredentials', `the address ${this.address} is not used by this agent: ${program}`);
    if (options.signal?.aborted) throw new ResticAborted(false, undefined);
    const redact = repositoryRedactor(this.repository, this.#options.environment);
    const stdout: Buffer[] = [];
    let stdoutBytes = 0;
    const stderr: string[] = [];
    const out = new LineSplitter((line) => options.onLine?.('stdout', redact(line)));
    const opening = new AbortController();
    let openTimer: NodeJS.Timeout | undefined;
    const err = new LineSplitter((line) => {
      const clean = redact(line);
      if (openingRetry.test(plainWords(clean))) openTimer ??= setTimeout(() => { opening.abort(); }, absentBucket.test(clean) ? 0 : this.#options.openLimitMs ?? OPEN_LIMIT_MS);
      if (stderr.push(clean) > STDERR_KEPT) stderr.shift();
      options.onLine?.('stderr', clean);
    });
    const files = await backendFiles(this.repository, dirname(this.cacheDir));
    const env = { ...resticEnvironment(this.repository), ...files.env, ...this.#options.environment };
    const argv = [command, await cacheFlag(this.cacheDir), ...this.#globalFlags(), ...this.#lockFlags(command, args), ...files.flags, ...args];
    const child = await this.#start(argv, files.remove, {
      resources: this.#options.resources,
      env,
      onStdout: (chunk) => {
        clearTimeout(openTimer);
        if (options.onLine) out.write(chunk);
        else if ((stdoutBytes += chunk.length) <= STDOUT_LIMIT) stdout.push(chunk);
      },
      onStderr: (chunk) => { err.write(chunk); },
    });
    this.#options.onChild?.(child);
    const sleeps = this.#sleepsAt(command);
    const stop = stopOnAbort(child, options.signal, sleeps ? LIMITED_GRACE_MS : GRACE_MS, () => { this.#options.onNote?.(`restic ${command} was asked to stop and is still at it${this.#isLimited ? ': under its bandwidth limit it ends what it is sending first' : ''}; it is killed after ${GRACE_MS / 1_000} seconds`); });
    const giveUp = stopOnAbort(child, opening.signal, GRACE_MS);
    let exit;
    try {
      exit = await child.exited;
    } catch (error) {
      throw new ResticError('ResticMissing', `${this.#options.program.path} cannot be started: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      clearTimeout(openTimer);
      stop.release();
      giveUp.release();
      await files.remove();
    }
    out.end();
    err.end();
    const succeeded = exit.code !== null && (exit.code === 0 || (options.accept?.includes(exit.code) ?? false));
    if (!succeeded && stop.stopped) throw new ResticAborted(stop.killed, exit.code ?? undefined, stop.killed && sleeps);
    if (!succeeded && giveUp.stopped && stderr.map(plainWords).some((line) => openingRetry.test(line) && absentBucket.test(line))) throw new ResticError('NoRepository', `there is no repository at ${this.address}: its bucket does not exist`, exit.code ?? undefined);
    if (!succeeded && giveUp.stopped) throw new ResticError('RepositoryUnreachable', `${unreachable(this.address)} (restic: ${stderr.map(plainWords).findLast((line) => openingRetry.test(line))?.replace(/^.*retrying after [^:]*: /, '') ?? ''})`, exit.code ?? undefined);
    if (!succeeded || exit.code === null) throw this.#explained(classifyExit({ command, ...exit, stderr, repository: this.address, admin: this.asAdmin }));
    return { code: exit.code, stdout: Buffer.concat(stdout).toString('utf8'), stderr };
  }

  /** Runs a command and parses all it printed as one JSON document. @throws ResticError ResticFailed when it is none */
  async json(command: ResticCommand, args: readonly string[], options: Omit<RunOptions, 'onLine'> = {}): Promise<unknown> {
    const { stdout } = await this.run(command, args, options);
    try {
      return JSON.parse(stdout) as unknown;
    } catch {
      throw new ResticError('ResticFailed', `restic ${command} printed something that is not JSON: "${stdout.slice(0, 120)}"`);
    }
  }

  /** restic takes the password as it is; its own --password-file cuts white space off, so that the same Secret would open by hand. */
  #explained(error: ResticError): ResticError {
    const { password } = this.repository;
    return error.reason === 'WrongPassword' && password !== password.trim() ? new ResticError('WrongPassword', `${error.message}; the password of the Secret begins or ends with white space or a line end, which restic's --password-file would cut off`, error.exitCode) : error;
  }

  /** What the system refuses before there is a process: too many arguments, a NUL in one. Files of the run never stay behind. */
  async #start(argv: readonly string[], remove: () => Promise<void>, options: Parameters<typeof startChild>[2]): Promise<ChildProcess> {
    try {
      return startChild(this.#options.program.path, argv, options);
    } catch (error) {
      await remove();
      const why = (error as NodeJS.ErrnoException).code === 'E2BIG' ? 'its paths and patterns are too many for one command; split them over several groups or jobs' : 'a path, pattern or credential contains a NUL character, which no program can be given';
      throw new ResticError('ResticFailed', `restic ${argv[0] ?? ''} was not started: ${why}`);
    }
  }

  #lockFlags(command: ResticCommand, args: readonly string[]): string[] {
    if (args.includes('--no-lock')) return [];
    if (this.#options.noLock && (command === 'restore' || command === 'diff')) return ['--no-lock'];
    const wait = lockWaits[command];
    return wait !== undefined && this.#options.waitForLocks !== false && this.can('retry-lock') ? [`--retry-lock=${wait}`] : [];
  }

  get #isLimited(): boolean {
    const { uploadKiBps, downloadKiBps } = this.#options.bandwidth ?? {};
    return Boolean(uploadKiBps) || Boolean(downloadKiBps);
  }

  /** Would it, asked to stop, only wait for its limit? Where a broken-off request leaves nothing, and of commands that delete or make nothing. */
  #sleepsAt(command: ResticCommand): boolean {
    return this.#isLimited && /^(?:rest|s3|b2|azure|gs|swift):/.test(this.repository.url) && !['forget', 'prune', 'unlock', 'init'].includes(command);
  }

  #globalFlags(): string[] {
    const { bandwidth } = this.#options;
    const { options, compression, packSizeMiB } = this.repository;
    return [
      ...Object.entries(options ?? {}).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
      ...(compression && this.can('compression') ? [`--compression=${compression}`] : []),
      ...(packSizeMiB && this.can('pack-size') ? [`--pack-size=${packSizeMiB}`] : []),
      ...(bandwidth?.uploadKiBps ? [`--limit-upload=${bandwidth.uploadKiBps}`] : []),
      ...(bandwidth?.downloadKiBps ? [`--limit-download=${bandwidth.downloadKiBps}`] : []),
    ];
  }
}

/** How long a command waits for the locks of others, for restics that can wait; the rest lock nothing or must not wait. */
const lockWaits: Partial<Record<ResticCommand, string>> = { backup: '5m', restore: '5m', diff: '5m', forget: '30m', prune: '30m', check: '30m' };

/** The administrator's account for the same storage: all that is secret of the everyday one goes, its region and endpoint stay. */
function asAdmin(repository: PlanRepository, { username, password, env, files }: AdminCredentials): PlanRepository {
  const everyday = Object.entries(repository.env ?? {}).filter(([name]) => !isSecretVariable(name) && !name.startsWith('RESTIC_REST_'));
  return { ...repository, username, password, env: { ...Object.fromEntries(everyday), ...env }, files: { ...repository.files, ...files } };
}

function stopOnAbort(child: ChildProcess, signal: AbortSignal | undefined, graceMs: number, onSlow?: () => void): { stopped: boolean; killed: boolean; release(): void } {
  let timer: NodeJS.Timeout | undefined;
  let slow: NodeJS.Timeout | undefined;
  const state = {
    stopped: false,
    killed: false,
    release() {
      clearTimeout(timer);
      clearTimeout(slow);
      signal?.removeEventListener('abort', onAbort);
    },
  };
  function onAbort(): void {
    state.stopped = true;
    state.killed = !platform.interrupts;
    child.kill('SIGINT');
    timer = setTimeout(() => {
      state.killed = true;
      child.kill('SIGKILL');
    }, graceMs);
    if (onSlow && graceMs > SLOW_STOP_MS) slow = setTimeout(onSlow, SLOW_STOP_MS);
  }
  signal?.addEventListener('abort', onAbort, { once: true });
  return state;
}
