/** What one job does with restic and how it is told: every way out is an Outcome, nothing throws past here. */
import { mkdir } from 'node:fs/promises';
import type { JobReason } from '#crds/conditions.js';
import type { JobFinished, JobIdentity, LogLine, Plan, PlanGroup, PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import { messageOf } from '../log.js';
import { backup, type Progress } from '../restic/backup.js';
import type { ResticProbe } from '../restic/capabilities.js';
import { ResticError } from '../restic/exitCodes.js';
import { init } from '../restic/init.js';
import { cacheDirFor } from '../restic/pinnedCache.js';
import { Restic, ResticAborted } from '../restic/restic.js';
import { describeLocks, unlock, type UnlockFacts } from '../restic/unlock.js';
import type { ChildProcess } from './child.js';

export type Outcome = Pick<JobFinished, 'phase' | 'message' | 'exitCode' | 'warnings' | 'summary' | 'snapshotID' | 'repositoryID'> & {
  reason: JobReason;
  /** To do once the result is told and before the next run begins. */
  after?: () => Promise<void>;
};

/** Why a run was asked to stop. */
export type StopReason = 'Cancelled' | 'DeadlineExceeded' | 'Interrupted';

export interface Operation {
  identity: JobIdentity;
  plan: Plan | undefined;
  probe: ResticProbe;
  cacheRoot: string;
  openLimitMs?: number;
  signal: AbortSignal;
  stopReason(): StopReason;
  unlockFacts(): UnlockFacts;
  onChild(child: ChildProcess): void;
  onLine(stream: LogLine['stream'], line: string): void;
  onProgress(progress: Progress): void;
}

export async function operate(op: Operation): Promise<Outcome> {
  let restic: Restic | undefined;
  try {
    const { plan, repository } = requirePlan(op);
    restic = await openRestic(op, plan, repository);
    return await withUnlock(op, restic, async (own) => (op.identity.type === 'Init' ? runInit(op, own) : runBackup(op, own, plan)));
  } catch (error) {
    return await failed(op, restic, error);
  }
}

function requirePlan({ plan }: Operation): { plan: Plan; repository: PlanRepository } {
  if (!plan) throw new ResticError('NoCredentials', 'this agent has no plan yet; it comes from the server once its repository and groups are declared');
  if (!plan.repository) throw new ResticError('NoCredentials', 'the plan names no repository; set spec.repositoryRef of the Host, or make a Repository of its name');
  return { plan, repository: plan.repository };
}

async function openRestic(op: Operation, plan: Plan, repository: PlanRepository): Promise<Restic> {
  const program = await op.probe.program();
  const cacheDir = cacheDirFor(op.cacheRoot, repository.id);
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  return new Restic({ program, repository, bandwidth: plan.bandwidth, cacheDir, onChild: op.onChild, openLimitMs: op.openLimitMs });
}

/** Runs the work; when the repository is locked, the unlock rule decides whether it may try once more. */
async function withUnlock(op: Operation, restic: Restic, work: (restic: Restic) => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work(restic);
  } catch (error) {
    if (!(error instanceof ResticError) || error.reason !== 'RepositoryLocked') throw error;
    const facts = op.unlockFacts();
    const { decision, left } = await unlock(restic, facts, op.signal);
    if (decision.act !== 'unlock') throw new ResticError('RepositoryLocked', `the repository at ${restic.address} is locked, ${describeLocks(left, facts.now) || 'by a lock that is gone by now'}; wait for it to end, or run restic unlock when you know that nobody works in it`, error.exitCode);
    op.onLine('agent', `removed ${decision.taken.length === 1 ? 'a stale lock' : `${decision.taken.length} stale locks`}: ${describeLocks(decision.taken, facts.now)}; trying again`);
    return work(restic);
  }
}

async function runInit(op: Operation, restic: Restic): Promise<Outcome> {
  const opened = await init(restic, op.onLine, op.signal);
  const how = opened.created ? `created repository ${opened.id.slice(0, 10)} at ${restic.address}` : `opened repository ${opened.id.slice(0, 10)} at ${restic.address}`;
  op.onLine('agent', how);
  return { phase: 'Succeeded', reason: opened.created ? 'Initialized' : 'Opened', message: how, exitCode: 0, repositoryID: opened.id };
}

async function runBackup(op: Operation, restic: Restic, plan: Plan): Promise<Outcome> {
  const group = plan.groups.find(({ name }) => name === op.identity.sourceGroup);
  if (!group) throw new ResticError('UnknownGroup', `source group ${op.identity.sourceGroup ?? '(none named)'} is not in this host's plan; it was removed, or does not match this host`);
  const result = await backup(restic, { group, snapshotHost: plan.snapshotHost, onLine: op.onLine, onProgress: op.onProgress, signal: op.signal });
  return {
    phase: 'Succeeded',
    reason: result.complete ? 'Completed' : 'Partial',
    message: result.complete ? `snapshot ${(result.snapshotID ?? '').slice(0, 8)} of ${group.name}` : partialMessage(group, result.snapshotID, result.warnings, result.missing),
    exitCode: result.exitCode,
    warnings: result.warnings,
    summary: result.summary,
    snapshotID: result.snapshotID,
    repositoryID: result.repositoryID,
  };
}

function partialMessage(group: PlanGroup, snapshotID: string | undefined, warnings: number, missing: readonly string[]): string {
  const what = missing.length > 0 ? `${missing.join(', ')} ${missing.length === 1 ? 'does' : 'do'} not exist on this host` : `${warnings} ${warnings === 1 ? 'path' : 'paths'} could not be read, see the log`;
  return `snapshot ${(snapshotID ?? '').slice(0, 8)} of ${group.name} is incomplete: ${what}`.slice(0, 4096);
}

async function failed(op: Operation, restic: Restic | undefined, error: unknown): Promise<Outcome> {
  if (op.signal.aborted || error instanceof ResticAborted) {
    const exitCode = error instanceof ResticAborted ? error.exitCode : undefined;
    const own = restic;
    if (error instanceof ResticAborted && error.killed && own) await clearOwnLock(op, own);
    // 0.14 may leave its lock even when it stops by itself; looking takes seconds, and a cancel is told at once
    const after = error instanceof ResticAborted && !error.killed && own ? async (): Promise<void> => { await unlock(own, op.unlockFacts()); } : undefined;
    return { ...stopped(op.stopReason()), exitCode, after };
  }
  if (error instanceof ResticError) return { phase: 'Failed', reason: error.reason, message: error.message.slice(0, 4096), exitCode: error.exitCode };
  return { phase: 'Failed', reason: 'InternalError', message: `the agent failed: ${messageOf(error)}`.slice(0, 4096) };
}

function stopped(reason: StopReason): Outcome {
  switch (reason) {
    case 'Cancelled': return { phase: 'Cancelled', reason, message: 'cancelled' };
    case 'DeadlineExceeded': return { phase: 'Failed', reason, message: 'stopped: it ran longer than activeDeadlineSeconds' };
    case 'Interrupted': return { phase: 'Failed', reason, message: 'the agent was stopped during the run; a scheduled backup is caught up once' };
  }
}

/** A restic that had to be killed leaves its lock. Failing to remove it is no news about the run: the next one tries again. */
async function clearOwnLock(op: Operation, restic: Restic): Promise<void> {
  try {
    const { decision } = await unlock(restic, op.unlockFacts());
    if (decision.act === 'unlock') op.onLine('agent', 'removed the lock that the killed restic left');
  } catch (error) {
    op.onLine('agent', `the lock that the killed restic left could not be removed: ${messageOf(error)}`);
  }
}
