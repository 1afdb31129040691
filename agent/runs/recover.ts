/**
 * After a start: the runs that a crash left are ended and told. The journalled child is killed first (it is live only where
 * the kernel did not do it), then the unlock rule clears the lock it left, then the run is reported Failed/AgentRestarted.
 */
import { mkdir } from 'node:fs/promises';
import { timestamp, type Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';
import type { PlanFile } from '../plan/planFile.js';
import type { ResticProbe } from '../restic/capabilities.js';
import { cacheDirFor } from '../restic/pinnedCache.js';
import { Restic } from '../restic/restic.js';
import { describeLocks, unlock } from '../restic/unlock.js';
import type { Spool } from '../spool/spool.js';
import { isReaped, killGroup } from './child.js';
import type { Journal, JournalledChild } from './journal.js';
import { stillRuns, unlockFacts, type Supervisor } from './supervisor.js';

export interface RecoverOptions {
  supervisor: Supervisor;
  journal: Journal;
  spool: Spool;
  plan: PlanFile;
  probe: ResticProbe;
  clock: Clock;
  log: Log;
  cacheRoot: string;
  clockSkewMs(): number | undefined;
  openLimitMs?: number;
}

const KILL_WAIT_MS = 5_000;

export async function recover(options: RecoverOptions): Promise<void> {
  const { supervisor, journal, spool, clock, log } = options;
  for (const { identity, startTime, children } of journal.openRuns) {
    const reported = await spool.find('job.finished', (payload) => payload.identity.runID === identity.runID);
    if (reported) { // it ended and is on its way; the journal alone missed it
      await journal.finish(reported);
      continue;
    }
    for (const child of children) await killLeftover(child, log);
    const said = children.length === 0 ? '' : await clearLock(options);
    log.warn({ job: identity.job, runID: identity.runID }, 'a job of the agent before this start is ended');
    await supervisor.report({
      identity, startTime, completionTime: timestamp(clock.now()), attempts: 1, phase: 'Failed', reason: 'AgentRestarted',
      message: `the agent ended during the run and was started again, so the run did not complete${said}`.slice(0, 4096),
    });
  }
}

async function killLeftover(child: JournalledChild, log: Log): Promise<void> {
  const { pid, startTime } = child;
  if (startTime === undefined) return;
  if (stillRuns(child)) {
    log.warn({ pid }, 'killing the restic that the agent before this start left running');
    killGroup(pid, 'SIGKILL');
  }
  // restic takes a process that waits to be reaped for a live one, and would spare its lock
  const until = Date.now() + KILL_WAIT_MS;
  while (!isReaped(pid, startTime) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** What became of the lock, for the message. */
async function clearLock({ plan, probe, cacheRoot, openLimitMs, ...facts }: RecoverOptions): Promise<string> {
  const repository = plan.current?.plan.repository;
  if (!repository) return '';
  try {
    const cacheDir = cacheDirFor(cacheRoot, repository.id);
    await mkdir(cacheDir, { recursive: true, mode: 0o700 });
    const restic = new Restic({ program: await probe.program(), repository, cacheDir, openLimitMs });
    const { decision } = await unlock(restic, unlockFacts(facts));
    if (decision.act === 'unlock') return '; the lock it left was removed';
    return decision.act === 'leave' ? `; a lock was left alone (${describeLocks(decision.spared, facts.clock.now())})` : '';
  } catch (error) {
    return `; its lock could not be looked at: ${messageOf(error)}`;
  }
}
