/**
 * What is told of a repository beside the jobs: this host's snapshots and, on the runner, everybody's, its size, its locks and
 * whether the everyday credential may delete. Never part of a job: it begins when nothing works in the repository or is about
 * to, each look takes a minute at most, and a failure is a line in the agent's journal (E10). Takes no lock.
 */
import type { JobIdentity, Plan, PlanRepository, RepoStats, Snapshot } from '#crds/wire/agentProtocol.gen.js';
import { timestamp, type Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';
import type { PlanFile } from '../plan/planFile.js';
import type { Policy } from '../policy/policy.js';
import type { ResticProbe } from '../restic/capabilities.js';
import { catConfig } from '../restic/catConfig.js';
import { probeDeletion, type DeletionProtection } from '../restic/deletionProbe.js';
import { locks } from '../restic/locks.js';
import type { Restic } from '../restic/restic.js';
import { snapshots } from '../restic/snapshots.js';
import { stats } from '../restic/stats.js';
import type { Spool } from '../spool/spool.js';
import type { JobArguments, Outcome } from './operations/index.js';
import { openRepository } from './operations/open.js';
import type { RepositoryMemory } from './repositoryFacts.js';
import { changeReport, digestOf, ReportedList, wholeReport, type ReportHead } from './snapshotReports.js';

const LIMIT_MS = 60_000;
const WEEK_MS = 7 * 24 * 3_600_000;
const DAY_MS = 24 * 3_600_000;
const LOOK_EVERY_MS = 3_600_000;
/** Starting a process holds this one up for milliseconds: a result goes out before what follows it begins. */
const AFTER_RESULT_MS = 100;
/** A host that is never idle is looked at all the same, after this long. */
const PATIENCE_MS = 10 * 60_000;

/** What is to be looked at; the weekly things come by themselves. */
export type Wanted = 'own' | 'others' | 'locks' | 'protection' | 'size';

export interface RefreshOptions {
  plan: PlanFile;
  probe: ResticProbe;
  spool: Spool;
  clock: Clock;
  log: Log;
  stateDir: string;
  policy: Policy;
  memory: RepositoryMemory;
  /** Nothing works in the repository or is about to. */
  idle(): boolean;
  /** Told of every listing of the whole repository: when each snapshot was first seen is remembered. */
  onListing?(repositoryID: string, list: readonly Snapshot[], now: number): Promise<void>;
}

export class Refresh {
  readonly #options: RefreshOptions;
  readonly #reported: ReportedList;
  readonly #wanted = new Set<Wanted>();
  #wantedSince: number | undefined;
  readonly #abort = new AbortController();
  #current: { abort: AbortController; over: Promise<void> } | undefined;
  /** A listing that fails is not begun again at once. */
  #othersTried: string | undefined;
  #locksLooked: string | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelBegin: (() => void) | undefined;
  #stopped = false;

  constructor(options: RefreshOptions) {
    this.#options = options;
    this.#reported = new ReportedList(options.stateDir);
  }

  /** Looks hourly whether something weekly is due. */
  start(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.setTimer(LOOK_EVERY_MS, () => { this.start(); });
    this.look();
  }

  /** The link came up: a lock that somebody left meanwhile is seen without anybody asking, once an hour however often the link drops. */
  connected(): void {
    if (this.#isOld(this.#locksLooked, LOOK_EVERY_MS)) this.want('locks');
  }

  /** What the end of a job calls for. */
  after({ type }: JobIdentity, { phase, reason, summary }: Outcome, { dryRun, repository }: JobArguments): void {
    if (dryRun || repository) return;
    if (reason === 'RepositoryLocked' || type === 'Unlock') this.want('locks');
    if (type === 'Backup' && phase === 'Succeeded') this.want('own');
    if (type === 'Init' && phase === 'Succeeded') this.want('own', 'others', 'protection', 'locks', 'size');
    if (type === 'Forget' && (phase === 'Succeeded' || (summary?.snapshotsRemoved ?? 0) > 0)) this.want('own', 'others');
    if (type === 'Prune' && phase === 'Succeeded') this.want('size');
  }

  /** A job showed whether the everyday credential may delete. */
  learned(repositoryID: string, deletionProtection: DeletionProtection): void {
    const repository = this.#options.plan.current?.plan.repository;
    if (repository?.id !== repositoryID || this.#options.memory.deletionProtection(repositoryID) === deletionProtection) return;
    this.#keep(repositoryID, { deletionProtection });
    this.#options.spool.append({ type: 'repo.stats', payload: { repository: repository.name, time: timestamp(this.#options.clock.now()), repositoryID, deletionProtection } })
      .catch((error: unknown) => { this.#options.log.warn({ error: messageOf(error) }, 'what a job showed of the repository could not be written to the spool'); });
  }

  want(...what: Wanted[]): void {
    for (const one of what) this.#wanted.add(one);
    this.#wantedSince ??= this.#options.clock.now();
    this.look();
  }

  /** Begins what is wanted or due, when it may, and gives way to a job that comes. Call after each change of what runs and of the plan. */
  look(): void {
    if (this.#stopped) return;
    const busy = !this.#options.idle();
    if (this.#current) {
      if (busy && !this.#patienceIsOver()) this.#current.abort.abort();
      return;
    }
    if (this.#wanted.size + this.#due().length === 0 || (busy && !this.#patienceIsOver())) return;
    this.#cancelBegin ??= this.#options.clock.setTimer(AFTER_RESULT_MS, () => { this.#begin(); });
  }

  #begin(): void {
    this.#cancelBegin = undefined;
    if (this.#stopped || this.#current || (!this.#options.idle() && !this.#patienceIsOver())) return;
    for (const one of this.#due()) this.#wanted.add(one);
    this.#wantedSince ??= this.#options.clock.now();
    const abort = new AbortController();
    const since = this.#wantedSince;
    const left = new Set(this.#wanted);
    this.#wanted.clear();
    const work = this.#refresh(left, AbortSignal.any([abort.signal, this.#abort.signal])).catch((error: unknown) => {
      left.clear();
      this.#options.log.warn({ error: messageOf(error) }, 'what is told of the repository could not be kept');
    });
    this.#current = { abort, over: work.then(() => {
      this.#current = undefined;
      if (!abort.signal.aborted) left.clear();
      for (const one of left) this.#wanted.add(one); // interrupted by a job: the rest comes after it
      this.#wantedSince = left.size > 0 ? since : this.#wanted.size > 0 ? this.#options.clock.now() : undefined;
      this.look();
    }) };
  }

  #patienceIsOver(): boolean {
    return this.#wantedSince !== undefined && this.#options.clock.now() - this.#wantedSince >= PATIENCE_MS;
  }

  /** Every list, whole, now: the server asks for it. @throws what kept it from being listed */
  async whole(signal: AbortSignal): Promise<void> {
    await this.#current?.over;
    const setting = this.#setting();
    if (!setting || this.#stopped) return;
    await this.#lists(setting, { whole: true, others: setting.repository.runner === true }, AbortSignal.any([signal, this.#abort.signal]));
  }

  /** Ends what runs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelBegin?.();
    this.#abort.abort();
    await this.#current?.over;
  }

  #setting(): { plan: Plan; repository: PlanRepository & { id: string } } | undefined {
    const plan = this.#options.plan.current?.plan;
    const repository = plan?.repository;
    return plan && repository?.id !== undefined ? { plan, repository: { ...repository, id: repository.id } } : undefined;
  }

  #due(): Wanted[] {
    const setting = this.#setting();
    if (setting?.repository.runner !== true) return [];
    const { lastStats, lastStatsTried, lastWhole } = this.#options.memory.of(setting.repository.id);
    return [
      ...(this.#isOld(lastStats, WEEK_MS) && this.#isOld(lastStatsTried, DAY_MS) ? ['size', 'protection', 'locks'] as const : []),
      ...(this.#isOld(lastWhole, WEEK_MS) && this.#isOld(this.#othersTried, LOOK_EVERY_MS) ? ['others'] as const : []),
    ];
  }

  #isOld(time: string | undefined, ms: number): boolean {
    const age = time === undefined ? Infinity : this.#options.clock.now() - Date.parse(time);
    return !(age >= 0 && age < ms); // a time in the future is as good as none
  }

  /** What is done leaves `wanted`; the rest is still there when `signal` ends it. */
  async #refresh(wanted: Set<Wanted>, signal: AbortSignal): Promise<void> {
    const setting = this.#setting();
    if (!setting) {
      wanted.clear();
      return;
    }
    const { id, runner = false } = setting.repository;
    const { memory } = this.#options;
    const look = async (those: Wanted[], what: string, work: (limited: AbortSignal) => Promise<void>): Promise<void> => {
      if (signal.aborted) return;
      await this.#bounded(what, signal, work);
      if (!signal.aborted) for (const one of those) wanted.delete(one);
    };
    if (wanted.has('others')) this.#othersTried = this.#now();
    if (wanted.has('own') || (runner && wanted.has('others'))) await look(['own', 'others'], 'the snapshots', async (limited) => this.#lists(setting, { whole: false, others: runner && wanted.has('others') }, limited));
    if (!runner) return;
    if (wanted.has('protection')) {
      await look(['protection'], 'whether the repository lets its everyday credential delete', async (limited) => {
        const deletionProtection = await probeDeletion(await this.#restic(setting), limited);
        if (deletionProtection === 'Unknown') return; // what a job showed stays
        await this.#tell(setting.repository, { deletionProtection });
        await memory.change(id, { deletionProtection });
      });
    }
    if (wanted.has('locks') || memory.of(id).locksShown) await look(['locks'], 'the locks', async (limited) => this.#locks(setting, limited));
    if (!wanted.has('size')) return;
    await look(['size'], 'the size of the repository', async (limited) => {
      const restic = await this.#restic(setting);
      const { formatVersion } = await catConfig(restic, limited);
      const size = await stats(restic, limited);
      await this.#tell(setting.repository, { formatVersion, ...size });
      await memory.change(id, { lastStats: this.#now() });
    });
    if (!signal.aborted) await memory.change(id, { lastStatsTried: this.#now() });
  }

  async #lists(setting: { plan: Plan; repository: PlanRepository & { id: string } }, { whole, others }: { whole: boolean; others: boolean }, signal: AbortSignal): Promise<void> {
    const { plan: { snapshotHost }, repository } = setting;
    const { spool, clock } = this.#options;
    const listed = await snapshots(await this.#restic(setting), repository.runner ? {} : { host: snapshotHost }, signal);
    const byHost = new Map<string, Snapshot[]>([[snapshotHost, []]]);
    for (const snapshot of listed) {
      const list = byHost.get(snapshot.hostname);
      if (list) list.push(snapshot);
      else byHost.set(snapshot.hostname, [snapshot]);
    }
    const own = byHost.get(snapshotHost) ?? [];
    const head = { repository: repository.name, repositoryID: repository.id, hostname: snapshotHost, time: this.#now() };
    const before = whole ? undefined : await this.#reported.read(repository.id, snapshotHost);
    for (const payload of before === undefined ? wholeReport(head, own) : changeReport(head, own, before)) await spool.append({ type: 'snapshots.report', payload });
    await this.#reported.write(repository.id, snapshotHost, own.map(({ id }) => id));
    if (!repository.runner) return;
    await this.#options.onListing?.(repository.id, listed, clock.now());
    await this.#tell(repository, { snapshotCount: listed.length });
    if (others) await this.#others(head, byHost, whole);
  }

  /** Lists of the other hosts, each whole: their agents may have reported in between. Weekly (or asked for) all of them, else those that changed. */
  async #others(head: ReportHead, byHost: ReadonlyMap<string, Snapshot[]>, asked: boolean): Promise<void> {
    const { spool, memory } = this.#options;
    const { others: reported = {}, lastWhole } = memory.of(head.repositoryID);
    const all = asked || this.#isOld(lastWhole, WEEK_MS);
    const digests: Record<string, string> = {};
    for (const hostname of new Set([...byHost.keys(), ...Object.keys(reported)])) {
      if (hostname === head.hostname) continue;
      const list = byHost.get(hostname) ?? []; // its last snapshot may be gone
      const digest = digestOf(list.map(({ id }) => id));
      if (all || reported[hostname] !== digest) for (const payload of wholeReport({ ...head, hostname }, list)) await spool.append({ type: 'snapshots.report', payload });
      if (list.length > 0) digests[hostname] = digest;
    }
    await memory.change(head.repositoryID, { others: digests, ...(all ? { lastWhole: this.#now() } : {}) });
  }

  async #locks(setting: { plan: Plan; repository: PlanRepository & { id: string } }, signal: AbortSignal): Promise<void> {
    const held = await locks(await this.#restic(setting), signal);
    this.#locksLooked = this.#now();
    await this.#tell(setting.repository, { locks: held.slice(0, 10).map(({ hostname, pid, time, exclusive }) => ({ hostname, pid, time: timestamp(time), exclusive })) });
    if ((this.#options.memory.of(setting.repository.id).locksShown ?? false) !== held.length > 0) await this.#options.memory.change(setting.repository.id, { locksShown: held.length > 0 });
  }

  async #restic({ plan, repository }: { plan: Plan; repository: PlanRepository & { id: string } }): Promise<Restic> {
    return openRepository(this.#options, repository, { bandwidth: plan.bandwidth, resources: plan.resources });
  }

  async #tell({ name, id }: PlanRepository, seen: Omit<RepoStats, 'repository' | 'time' | 'repositoryID'>): Promise<void> {
    await this.#options.spool.append({ type: 'repo.stats', payload: { repository: name, time: this.#now(), repositoryID: id, ...seen } });
  }

  /** One look, a minute at most; its failure keeps the others from nothing. */
  async #bounded(what: string, signal: AbortSignal, work: (limited: AbortSignal) => Promise<void>): Promise<void> {
    const limit = new AbortController();
    const cancel = this.#options.clock.setTimer(LIMIT_MS, () => { limit.abort(); });
    try {
      await work(AbortSignal.any([limit.signal, signal]));
    } catch (error) {
      if (!signal.aborted) this.#options.log.warn({ error: limit.signal.aborted ? `it took longer than ${LIMIT_MS / 1_000} seconds` : messageOf(error) }, `${what} could not be refreshed; no job is concerned`);
    } finally {
      cancel();
    }
  }

  #keep(repositoryID: string, change: Parameters<RepositoryMemory['change']>[1]): void {
    this.#options.memory.change(repositoryID, change).catch((error: unknown) => { this.#options.log.warn({ error: messageOf(error) }, 'state.json could not be written'); });
  }

  #now(): string {
    return timestamp(this.#options.clock.now());
  }
}
