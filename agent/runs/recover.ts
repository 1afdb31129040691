/**
 * After a start: the runs that a crash left are ended and told. The journalled children are killed first (they are live only
 * where the kernel did not do it), then owed post hooks run, then the unlock rule clears the locks that were left, then each
 * run is reported Failed/AgentRestarted.
 */
import { rm } from 'node:fs/promises';
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { timestamp, type Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';
import type { PlanFile } from '../plan/planFile.js';
import type { Policy } from '../policy/policy.js';
import type { ResticProbe } from '../restic/capabilities.js';
import { describeLocks, unlock } from '../restic/unlock.js';
import type { Spool } from '../spool/spool.js';
import { platform } from '../platform/here.js';
import { isGroupWithoutLeader, isReaped } from '../platform/proc.js';
import { runHook } from './hooks.js';
import type { Journal, JournalledChild, OpenRun } from './journal.js';
import { hookDirectory } from './operations/backup.js';
import { openRepository } from './operations/open.js';
import { unlockFacts } from './processes.js';
import type { Supervisor } from './supervisor.js';

export interface RecoverOptions {
  supervisor: Supervisor;
  journal: Journal;
  spool: Spool;
  plan: PlanFile;
  probe: ResticProbe;
  clock: Clock;
  log: Log;
  stateDir: string;
  policy: Policy;
  clockSkewMs(): number | undefined;
  openLimitMs?: number;
}

const KILL_WAIT_MS = 5_000;

export async function recover(options: RecoverOptions): Promise<void> {
  const { supervisor, journal, spool, clock, log, plan, stateDir } = options;
  await rm(hookDirectory(stateDir), { recursive: true, force: true }); // scripts hold secrets, and nobody runs one now
  const left: OpenRun[] = [];
  for (const run of journal.openRuns) {
    const reported = await spool.find('job.finished', (payload) => payload.identity.runID === run.identity.runID);
    if (reported) await journal.finish(reported); // it ended and is on its way; the journal alone missed it
    else left.push(run);
  }
  for (const { children } of left) for (const child of children) await killLeftover(child, log);
  const hooks = new Map<string, string>();
  for (const run of left) hooks.set(run.identity.runID, await payPost(run, options));
  const worked = left.filter(({ children, repository }) => children.length > 0 && repository === undefined);
  const lock = worked.length > 0 ? await clearLock(options) : '';
  for (const run of left) {
    const { identity, startTime, children, repository } = run;
    const elsewhere = repository !== undefined && repository !== plan.current?.plan.repository?.name && children.length > 0 ? `; it may have left a lock in repository ${repository}, whose credentials this agent does not keep` : '';
    log.warn({ job: identity.job, runID: identity.runID }, 'a job of the agent before this start is ended');
    await supervisor.report({
      identity, startTime, completionTime: timestamp(clock.now()), attempts: 1, phase: 'Failed', reason: 'AgentRestarted',
      message: `the agent ended during the run and was started again, so the run did not complete; ${consequence(identity.type)}${hooks.get(identity.runID) ?? ''}${worked.includes(run) ? lock : elsewhere}`.slice(0, 4096),
    });
  }
}

/** What an unfinished job of this type means for the person who reads it. */
function consequence(type: JobIdentity['type']): string {
  switch (type) {
    case 'Backup': return 'unless restic had finished it made no snapshot, and the next one goes on from what is stored already';
    case 'Init': return 'opening the repository again tells whether it was made';
    case 'Forget': return 'some snapshots may be removed already, the next forget goes on';
    case 'Prune': return 'nothing that a snapshot needs is lost, the next prune goes on';
    case 'Check': return 'it says nothing about the repository';
    case 'Unlock': return 'run it again to see which locks are left';
    case 'Restore': return 'only some files may be restored, run it again';
    case 'Diff': return 'run it again';
  }
}

async function killLeftover(child: JournalledChild, log: Log): Promise<void> {
  const { pid, startTime } = child;
  if (startTime === undefined) return;
  // a leader that only waits to be reaped still names its group, and what it started may live
  if (!isReaped(pid, startTime) || isGroupWithoutLeader(pid)) {
    log.warn({ pid }, 'killing what the agent before this start left running');
    platform.kill(pid, 'SIGKILL');
  }
  // restic takes a process that waits to be reaped for a live one, and would spare its lock
  const until = Date.now() + KILL_WAIT_MS;
  while (!isReaped(pid, startTime) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Runs the post hook that a crash kept from running, as the plan has it now. What became of it, for the message. */
async function payPost({ identity, owedPost }: OpenRun, { journal, plan, clock, log, stateDir, policy }: RecoverOptions): Promise<string> {
  if (owedPost === undefined) return '';
  const hooks = plan.current?.plan.groups.find(({ name }) => name === owedPost)?.hooks;
  const body = hooks?.post?.body;
  if (hooks === undefined || body === undefined) return `; its post hook is owed, but ${hooks?.post?.problem ?? 'the plan has none any more'}: look at what the pre hook stopped`;
  const script = await policy.hook(body, owedPost).catch((error: unknown) => ({ problem: messageOf(error) }));
  if ('problem' in script) return `; its post hook is owed, but ${script.problem}: look at what the pre hook stopped`;
  const result = await runHook({
    phase: 'post', script, environment: policy.environment, timeoutSeconds: hooks.timeoutSeconds, job: identity.job, status: 'failed', directory: hookDirectory(stateDir), clock,
    onChild: (child) => { journal.child(identity.runID, { pid: child.pid, startTime: child.startTime, time: clock.now() }).catch((error: unknown) => { log.warn({ job: identity.job, error: messageOf(error) }, 'a process could not be journalled'); }); },
    onLine: (_, line) => { log.info({ job: identity.job, line: line.slice(0, 1_024) }, 'output of an owed post hook'); },
  });
  await journal.owePost(identity.runID, undefined).catch((error: unknown) => { log.warn({ job: identity.job, error: messageOf(error) }, 'the journal could not note that the post hook ran'); });
  return result.ok ? '; the post hook it owed ran now' : `; the post hook it owed was run now and failed: ${result.message}`;
}

/** What became of the locks, for the message. */
async function clearLock({ plan, openLimitMs, ...options }: RecoverOptions): Promise<string> {
  const repository = plan.current?.plan.repository;
  if (repository?.id === undefined) return ''; // what was being made has no locks yet
  try {
    const { decision } = await unlock(await openRepository(options, repository, { openLimitMs }), unlockFacts(options));
    if (decision.act === 'unlock') return '; the lock it left was removed';
    return decision.act === 'leave' ? `; a lock was left alone (${describeLocks(decision.spared, options.clock.now())})` : '';
  } catch (error) {
    return `; its lock could not be looked at: ${messageOf(error)}`;
  }
}
