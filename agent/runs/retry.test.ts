import { expect } from 'chai';
import type { JobIdentity, Plan } from '#crds/wire/agentProtocol.gen.js';
import { planGroup, planOf } from '../../test/builders/agentParts.js';
import { decideRetry, type RetryDecision } from './retry.js';

describe('retry of a failed backup', () => {
  const schedule = { uid: 's1', name: 'nightly', schedule: '0 3 * * *', groups: ['group-uid'], jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 60 }, effectiveSince: '2026-01-01T00:00:00Z' };
  const plan = (change: Partial<Plan> = {}): Plan => planOf({ groups: [planGroup({ includes: ['/srv'], retry: { maxAttempts: 8, backoffSeconds: 60 } })], schedules: [schedule], ...change });
  const decide = (reason: string, attempts = 1, change: Partial<JobIdentity> = {}, now: Plan | undefined = plan()): RetryDecision =>
    decideRetry({ identity: { job: 'j', runID: 'j', type: 'Backup', startedBy: 'Server', sourceGroup: 'docs', ...change }, plan: now, outcome: { phase: 'Failed', reason }, attempts });

  it('doubles the delay up to half an hour, and ends after maxAttempts', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map((attempts) => decide('RepositoryUnreachable', attempts)).map((one) => (one.again ? one.delayMs / 1_000 : undefined))).to.deep.equal([60, 120, 240, 480, 960, 1800, 1800]);
    expect(decide('RepositoryUnreachable', 8)).to.deep.equal({ again: false });
  });

  it('is not for failures that only a person can mend', () => {
    for (const reason of ['WrongPassword', 'NoRepository', 'RepositoryReplaced', 'RepositoryFull', 'NoCredentials', 'ResticMissing', 'ResticTooOld', 'SourceMissing', 'HookUnreadable', 'PolicyRefused', 'DeadlineExceeded', 'Interrupted', 'RepositoryDamaged']) expect(decide(reason).again, reason).to.equal(false);
    for (const reason of ['RepositoryLocked', 'ResticFailed', 'ResticKilled', 'HookFailed', 'StdinCommandFailed', 'MountMissing', 'Stuck']) expect(decide(reason).again, reason).to.equal(true);
  });

  it('is not for a success, a cancelled run, another type, or a group without retry', () => {
    expect(decideRetry({ identity: { job: 'j', runID: 'j', type: 'Backup', startedBy: 'Server', sourceGroup: 'docs' }, plan: plan(), outcome: { phase: 'Cancelled', reason: 'Cancelled' }, attempts: 1 })).to.deep.equal({ again: false });
    expect(decide('RepositoryLocked', 1, { type: 'Prune', sourceGroup: undefined })).to.deep.equal({ again: false });
    expect(decide('RepositoryLocked', 1, {}, plan({ groups: [planGroup({ includes: ['/srv'] })] }))).to.deep.equal({ again: false });
  });

  it('is dropped when its group or schedule is gone or suspended meanwhile (E24); a run a person asked for needs no schedule', () => {
    expect(decide('RepositoryLocked', 1, {}, plan({ groups: [] }))).to.deep.include({ dropped: 'its source group is no longer in the plan' });
    expect(decide('RepositoryLocked', 1, { startedBy: 'Agent', schedule: 'nightly' }).again).to.equal(true);
    expect(decide('RepositoryLocked', 1, { startedBy: 'Agent', schedule: 'gone' })).to.deep.include({ dropped: 'its schedule is no longer in the plan, or is suspended' });
    expect(decide('RepositoryLocked', 1, { startedBy: 'Agent', schedule: 'nightly' }, plan({ suspend: true }))).to.deep.include({ dropped: 'the host is suspended' });
    expect(decide('RepositoryLocked', 1, {}, plan({ schedules: [] })).again).to.equal(true);
  });
});
