/** Keeps a repository's status: who uses it, whether it is the pinned one, the job that opens it, and its maintenance. */
import type { RepositoryReason } from '#crds/conditions.js';
import type { Repository } from '#crds/kinds.js';
import type { ObjectKey, Stored } from '#crds/meta.js';
import { AlreadyExists } from '#crds/objectStore.js';
import type { RepositoryStatus } from '#crds/types/repository.gen.js';
import { assertNever, decide } from '../../runtime/decide.js';
import { requeueAt, timestamp } from '../../runtime/time.js';
import type { ReconcileContext, Result } from '../../runtime/types.js';
import { conditionOf, setCondition, summarize, type Finding, type Moment } from '../../status/conditions.js';
import { withStatus } from '../../status/patch.js';
import { failureOf, gatherRepositoryFacts, type GatheredRepository } from './facts.js';
import { newInitJob } from './initJob.js';
import { repositoryMachine, type RepositoryPhase } from './machine.js';
import { actOnMaintenance, dropUntaken, maintenanceMoments, showMaintenance } from './maintenance.js';
import { gatherMaintenance } from './maintenanceFacts.js';

export async function reconcileRepository(key: ObjectKey, ctx: ReconcileContext): Promise<Result> {
  const repository = ctx.cache.get('Repository', key);
  if (!repository || repository.metadata.deletionTimestamp) return {};
  const gathered = gatherRepositoryFacts(repository, ctx);
  const { facts, now, problem, next, stale } = gathered;
  const { phase, actions } = decide(repositoryMachine, repository.status?.phase ?? ('Unknown' as RepositoryPhase), facts);
  const moment: Moment = { generation: repository.metadata.generation, now };
  const maintenance = gatherMaintenance(repository, { phase, id: repository.status?.id, runner: gathered.runner }, ctx);

  return withStatus('Repository', repository, ctx, async (status, tell) => {
    status.phase = phase;
    let madeInit = false;
    for (const job of stale) await dropUntaken(job, ctx);
    for (const action of actions) {
      switch (action.type) {
        case 'makeInit':
          if (next) await makeInit(next, repository, ctx);
          madeInit = true;
          break;
        case 'pinID':
          if (status.id === undefined && gathered.id !== undefined) {
            status.id = gathered.id;
            tell.event(repository, 'Normal', 'Opened', `the repository is ${gathered.id.slice(0, 10)}; another one in its place will be refused`);
          }
          break;
        case 'raiseAlarm':
          tell.event(repository, 'Warning', 'Replaced', gathered.evidence?.message ?? 'the repository is gone or another one');
          break;
        default:
          assertNever(action);
      }
    }
    if (gathered.credentialsHash !== undefined && (madeInit || gathered.attempted)) status.credentialsHash = gathered.credentialsHash;
    if (gathered.evidence && !gathered.evidence.good) status.replacedTime = timestamp(gathered.evidence.at);
    else delete status.replacedTime;
    status.hosts = gathered.hosts;
    status.sharedTrust = gathered.hosts > 1;
    copyObserved(status);
    setAvailable(status, repository, gathered, madeInit, moment);
    await actOnMaintenance(status, repository, maintenance, gathered.runner, ctx);
    showMaintenance(status, repository, maintenance, tell, moment);
    summarize(status, problem ? { type: 'stalled', ...problem } : { type: 'ready' }, moment);
    return requeueAt(now, gathered.retryAt, ...maintenanceMoments(maintenance));
  });
}

async function makeInit({ name, key, host }: NonNullable<GatheredRepository['next']>, repository: Stored<Repository>, ctx: ReconcileContext): Promise<void> {
  try {
    await ctx.store.create('ResticJob', newInitJob(name, key, repository, host), ctx.writer);
    ctx.recorder.event(repository, 'Normal', 'Initializing', `job ${name} opens the repository on host ${host.metadata.name}`);
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error;
  }
}

/** Absent members are unknown and never blank a known value (E22). */
function copyObserved(status: RepositoryStatus): void {
  const { formatVersion, sizeBytes, uncompressedSizeBytes, snapshotCount, locks, deletionProtection } = status.observed ?? {};
  if (formatVersion !== undefined) status.formatVersion = formatVersion;
  if (sizeBytes !== undefined) status.sizeBytes = sizeBytes;
  if (uncompressedSizeBytes !== undefined) status.uncompressedSizeBytes = uncompressedSizeBytes;
  if (snapshotCount !== undefined) status.snapshotCount = snapshotCount;
  if (locks !== undefined) status.locks = locks;
  if (deletionProtection !== undefined) status.deletionProtection = deletionProtection;
  else if (status.id !== undefined) status.deletionProtection ??= 'Unknown';
}

function setAvailable(status: RepositoryStatus, repository: Stored<Repository>, gathered: GatheredRepository, madeInit: boolean, moment: Moment): void {
  const set = (value: 'True' | 'False' | 'Unknown', finding: Finding<RepositoryReason>): void => { setCondition(status, 'Available', value, finding, moment); };
  const { knowledge } = gathered.facts;
  if (status.phase === 'Replaced' || knowledge === 'replaced') {
    set('False', { reason: 'Replaced', message: gathered.evidence && !gathered.evidence.good ? gathered.evidence.message : (conditionOf({ status }, 'Available')?.message ?? 'the repository is gone or another one') });
  } else if (madeInit || knowledge === 'opening') {
    set('Unknown', status.id === undefined ? { reason: 'Initializing', message: 'the repository is being opened' } : { reason: 'CredentialsChanged', message: 'the repository is being opened again' });
  } else if (knowledge === 'failed' && gathered.latest) {
    set('False', failureOf(gathered.latest, repository));
  } else if (knowledge === 'opened') {
    set('True', { reason: 'Opened', message: `opened with id ${(status.id ?? '').slice(0, 10)}` });
  } else if (status.id === undefined && status.phase !== 'InitFailed') {
    const { runner, problem } = gathered;
    set('Unknown', { reason: !runner.ok && runner.reason !== 'RunnerRequired' ? runner.reason : 'NeverOpened', message: problem?.message ?? (runner.ok ? `waits for host ${runner.host.metadata.name}, which opens it` : runner.message) });
  }
}
