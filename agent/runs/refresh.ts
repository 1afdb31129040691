/**
 * After a good backup: this host's snapshots and, on the runner, what the repository holds. Not part of the job: it may take a
 * minute at most, and its failure is a line in the journal (E10). Takes no lock, so the next run need not wait for it.
 */
import { createHash } from 'node:crypto';
import type { RepoStats, Snapshot } from '#crds/wire/agentProtocol.gen.js';
import { timestamp, type Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';
import type { PlanFile } from '../plan/planFile.js';
import type { ResticProbe } from '../restic/capabilities.js';
import { catConfig } from '../restic/catConfig.js';
import { locks } from '../restic/locks.js';
import { cacheDirFor } from '../restic/pinnedCache.js';
import { Restic } from '../restic/restic.js';
import { snapshots } from '../restic/snapshots.js';
import { stats } from '../restic/stats.js';
import type { Spool } from '../spool/spool.js';

const LIMIT_MS = 60_000;
const STATS_EVERY_MS = 7 * 24 * 3_600_000;
const PAGE = 1_000;
const PAGE_CHARACTERS = 400_000;

export interface RefreshOptions {
  plan: PlanFile;
  probe: ResticProbe;
  spool: Spool;
  clock: Clock;
  log: Log;
  cacheRoot: string;
  /** When the size of this repository was last asked, epoch ms. */
  lastStats(repositoryID: string): number | undefined;
  setLastStats(repositoryID: string, at: number): Promise<void>;
}

export class Refresh {
  readonly #options: RefreshOptions;
  #abort: AbortController | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(options: RefreshOptions) {
    this.#options = options;
  }

  /** Begins one, or one more after the one that runs. */
  begin(): void {
    if (this.#running) {
      this.#again = true;
      return;
    }
    const abort = new AbortController();
    this.#abort = abort;
    const cancel = this.#options.clock.setTimer(LIMIT_MS, () => { abort.abort(); });
    this.#running = this.#refresh(abort.signal)
      .catch((error: unknown) => { this.#options.log.warn({ error: messageOf(error) }, 'snapshots or statistics could not be refreshed after the backup; the backup itself is good'); })
      .finally(() => {
        cancel();
        this.#running = undefined;
        if (this.#again && !abort.signal.aborted) this.begin();
        this.#again = false;
      });
  }

  /** Ends what runs. */
  async stop(): Promise<void> {
    this.#again = false;
    this.#abort?.abort();
    await this.#running;
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    const { plan: { current }, probe, spool, clock, cacheRoot } = this.#options;
    const repository = current?.plan.repository;
    if (!current || repository?.id === undefined) return;
    const restic = new Restic({ program: await probe.program(), repository, bandwidth: current.plan.bandwidth, cacheDir: cacheDirFor(cacheRoot, repository.id) });
    const { snapshotHost } = current.plan;
    const listed = await snapshots(restic, repository.runner ? {} : { host: snapshotHost }, signal);
    const own = listed.filter(({ hostname }) => hostname === snapshotHost);
    const time = timestamp(clock.now());
    const digest = createHash('sha256').update(own.map(({ id }) => id).sort().join('\n')).digest('hex');
    const pages = pagesOf(own);
    for (const [index, page] of pages.entries()) await spool.append({ type: 'snapshots.report', payload: { repository: repository.name, repositoryID: repository.id, hostname: snapshotHost, digest, snapshots: page, more: index < pages.length - 1, time } });
    if (!repository.runner) return;
    await spool.append({ type: 'repo.stats', payload: { repository: repository.name, time, repositoryID: repository.id, snapshotCount: listed.length } });
    const last = this.#options.lastStats(repository.id);
    if (last !== undefined && last <= clock.now() && clock.now() - last < STATS_EVERY_MS) return;
    await spool.append({ type: 'repo.stats', payload: await this.#wholeStats(restic, repository.name, repository.id, signal) });
    await this.#options.setLastStats(repository.id, clock.now());
  }

  async #wholeStats(restic: Restic, name: string, pinned: string, signal: AbortSignal): Promise<RepoStats> {
    const size = await stats(restic, signal);
    const { formatVersion } = await catConfig(restic, signal);
    const held = await locks(restic, signal);
    return {
      repository: name,
      time: timestamp(this.#options.clock.now()),
      repositoryID: pinned,
      formatVersion,
      ...size,
      locks: held.slice(0, 10).map(({ hostname, pid, time, exclusive }) => ({ hostname, pid, time: timestamp(time), exclusive })),
    };
  }
}

/** At least one page: an empty list is a report too. */
export function pagesOf(list: readonly Snapshot[]): Snapshot[][] {
  const pages: Snapshot[][] = [[]];
  let characters = 0;
  for (const snapshot of list) {
    const size = JSON.stringify(snapshot).length;
    if ((pages.at(-1)?.length ?? 0) >= PAGE || (characters + size > PAGE_CHARACTERS && characters > 0)) {
      pages.push([]);
      characters = 0;
    }
    pages.at(-1)?.push(snapshot);
    characters += size;
  }
  return pages;
}
