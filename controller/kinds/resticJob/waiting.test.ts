import { expect } from 'chai';
import type { Host, Repository, ResticJob } from '#crds/kinds.js';
import type { KubeObject, Stored } from '#crds/meta.js';
import { cacheOf } from '../../../test/builders/cacheOf.js';
import { aBackup, aGroup, aHost, aJob, aRepository, aRepositorySecret } from '../../../test/builders/objects.js';
import { compilePlan } from '../../plan/compile.js';
import type { ReconcileContext } from '../../runtime/types.js';
import { jobLane } from './lane.js';
import { generationNeeded, whyWait } from './waiting.js';

const planKey = Buffer.alloc(32, 1);
type Status<T extends { status?: object }> = T['status'];
const withStatus = <T extends { status?: object }>(object: T, status: Status<T>): T => ({ ...object, status });
const condition = (type: string, status: 'True' | 'False'): NonNullable<NonNullable<Status<Host>>['conditions']>[number] => ({ type, status, reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' });
const repository = (name: string, spec: Partial<Repository['spec']> = {}, status: Status<Repository> = {}): Repository => withStatus(aRepository(name, spec), { phase: 'Ready', id: 'ab', ...status });
const job = (name: string, type: ResticJob['spec']['type'], host: string, spec: Partial<ResticJob['spec']> = {}): ResticJob => (type === 'Backup' ? aBackup(name, host, 'docs', spec) : aJob(name, type, host, spec));
const running = (it: ResticJob): ResticJob => withStatus(it, { phase: 'Running' });
const host = (name: string, spec: Host['spec'] = { repositoryRef: { name: 'shared' } }, away = false): Host => withStatus(aHost(name, spec), { conditions: [condition('Online', away ? 'False' : 'True')] });

/** Two hosts of a shared repository with db1 as its runner, and web1 with its own; all are online and have their plans. */
function world(...more: KubeObject[]): ReconcileContext {
  const objects: KubeObject[] = [
    repository('shared', { runner: { hostRef: { name: 'db1' } } }), aRepositorySecret('repo-shared'), host('db1'), host('db2'),
    repository('web1'), aRepositorySecret('repo-web1'), host('web1', {}),
    aGroup('docs', { hostSelector: { matchExpressions: [{ key: 'none', operator: 'DoesNotExist' }] } }),
  ];
  for (const object of more) {
    const at = objects.findIndex((other) => other.kind === object.kind && other.metadata.name === object.metadata.name);
    if (at < 0) objects.push(object); else objects[at] = object;
  }
  const bare = cacheOf(...objects);
  const planned = objects.map((object) => {
    const compiled = object.kind === 'Host' ? compilePlan(object.metadata.name, { cache: bare, planKey, namespace: 'default' }) : undefined;
    return compiled?.ok ? { ...object, status: { ...(object as Host).status, desiredRevision: compiled.revision, planGeneration: 1 } } : object;
  });
  return { cache: cacheOf(...planned), planKey, namespace: 'default' } as unknown as ReconcileContext;
}
function waitOf(it: ResticJob, ...others: KubeObject[]): string {
  const ctx = world(...others, it);
  const wait = whyWait(ctx.cache.get('ResticJob', { namespace: 'default', name: it.metadata.name }) as Stored<ResticJob>, ctx);
  return wait ? `${wait.reason}: ${wait.message}${wait.hopeless ? ` [${wait.hopeless}]` : ''}` : 'starts';
}

describe('what keeps a job waiting', () => {
  for (const type of ['Backup', 'Forget', 'Prune', 'Check', 'Unlock', 'Restore', 'Diff'] as const) {
    it(`nothing keeps a ${type} on the runner of a quiet repository`, () => { expect(waitOf(job('j', type, 'db1'))).to.equal('starts'); });
    it(`a suspended repository keeps a ${type}, which people read`, () => { expect(waitOf(job('j', type, 'db1'), repository('shared', { suspend: true, runner: { hostRef: { name: 'db1' } } }))).to.equal('Suspended: repository shared is suspended'); });
  }

  for (const type of ['Forget', 'Prune', 'Check', 'Unlock'] as const) {
    it(`${type} is the runner's alone, whatever repository it names (J9)`, () => {
      expect(waitOf(job('j', type, 'db2'))).to.equal(`NotRunner: a job of type ${type} runs on the runner of its repository only: the runner of repository shared is host db1 [NotRunner]`);
      expect(waitOf(job('j', type, 'db1', { repositoryRef: { name: 'web1' } }))).to.equal('RepositoryNotFound: host db1 uses repository shared, not web1 (spec.repositoryRef) [RepositoryNotFound]');
      expect(waitOf(job('j', type, 'db1'), repository('shared'))).to.match(/^NotRunner: .*2 hosts share this repository: name the one that looks after it in spec.runner.hostRef \[NotRunner\]$/);
    });
  }
  it('reading is any host\'s', () => { for (const type of ['Restore', 'Diff'] as const) expect(waitOf(job('j', type, 'db2'))).to.equal('starts'); });

  it('deleting waits for an account that may, said by name, while checking does not; a dry run deletes nothing (E16)', () => {
    const enforced = repository('shared', { runner: { hostRef: { name: 'db1' } } }, { deletionProtection: 'Enforced' });
    for (const type of ['Forget', 'Prune'] as const) {
      expect(waitOf(job('j', type, 'db1'), enforced)).to.match(/^AdminCredentialsRequired: .*spec.adminCredentialsSecretRef.* \[AdminCredentialsRequired\]$/);
      expect(waitOf(job('j', type, 'db1', { dryRun: true }), enforced)).to.equal('starts');
    }
    for (const type of ['Check', 'Unlock', 'Restore', 'Backup'] as const) expect(waitOf(job('j', type, 'db1'), enforced)).to.equal('starts');
    const unfit = repository('shared', { runner: { hostRef: { name: 'db1' } }, adminCredentialsSecretRef: { name: 'gone' } });
    for (const dryRun of [false, true]) expect(waitOf(job('j', 'Prune', 'db1', { dryRun }), unfit)).to.equal('AdminCredentialsRequired: Secret default/gone (spec.adminCredentialsSecretRef) does not exist [AdminCredentialsRequired]');
    expect(waitOf(job('j', 'Prune', 'db1'), repository('shared', { runner: { hostRef: { name: 'db1' }, adminCredentials: 'OnRunner' } }, { deletionProtection: 'Enforced' }))).to.equal('starts');
  });

  it('what only a person can mend is said before what passes', () => {
    expect(waitOf(job('j', 'Prune', 'db2'), host('db2', { repositoryRef: { name: 'shared' }, suspend: true }, true))).to.match(/^NotRunner/);
  });

  describe('a restore out of another repository (R4)', () => {
    const foreign = (name = 'web1'): ResticJob => job('j', 'Restore', 'db2', { restore: { snapshot: 'cafecafe', repositoryRef: { name } } });
    it('runs on any host, also while that host\'s own repository is gone, or another one', () => {
      expect(waitOf(foreign())).to.equal('starts');
      expect(waitOf(foreign(), repository('shared', { runner: { hostRef: { name: 'db1' } } }, { phase: 'Replaced' }))).to.equal('starts');
    });
    it('needs the other repository, opened once, and its credentials', () => {
      expect(waitOf(foreign('none'))).to.equal('RepositoryNotFound: Repository default/none (spec.restore.repositoryRef) does not exist [RepositoryNotFound]');
      expect(waitOf(foreign(), aRepository('web1'))).to.equal('WaitingForRepository: repository web1 is not initialised yet');
      expect(waitOf(foreign(), aRepositorySecret('repo-web1', { PATH: '/' }))).to.match(/^NoCredentials: repository web1: key PATH of Secret default\/repo-web1 .* \[NoCredentials\]$/);
      expect(waitOf(foreign(), repository('web1', { suspend: true }))).to.equal('Suspended: repository web1 is suspended');
    });
    it('stands in the queue of that repository, not of its host\'s', () => {
      expect(waitOf(foreign(), running(job('p', 'Prune', 'web1')))).to.equal('WaitingForRepository: job p (Prune) is running in repository web1 on host web1');
      expect(waitOf(foreign(), running(job('p', 'Prune', 'db1')))).to.equal('starts');
      expect(waitOf(job('p', 'Prune', 'web1'), running(foreign()))).to.equal('WaitingForRepository: job j (Restore) is running in repository web1 on host db2');
    });
    it('needs no plan of a host whose plan cannot be made, or that never had one (R4)', () => {
      const broken = withStatus(host('db3', { repositoryRef: { name: 'gone' } }), { conditions: [condition('Online', 'True')], planGeneration: 4 });
      const onBroken = job('j', 'Restore', 'db3', { restore: { snapshot: 'cafecafe', repositoryRef: { name: 'web1' } } });
      expect(waitOf(onBroken, broken)).to.equal('starts');
      expect(waitOf(onBroken, host('db3', { repositoryRef: { name: 'gone' } }))).to.equal('starts');
      const generation = (it: ResticJob, ...more: KubeObject[]): number => {
        const ctx = world(...more, it);
        return generationNeeded(it as Stored<ResticJob>, ctx.cache.get('Host', { namespace: 'default', name: it.spec.hostRef.name }) as Stored<Host>, ctx);
      };
      expect([generation(onBroken, broken), generation(foreign()), generation(job('b', 'Backup', 'db1'))]).to.deep.equal([0, 1, 1]);
    });
  });
});

describe('the queue of a repository (J9)', () => {
  const rows: [type: ResticJob['spec']['type'], on: string, other: ResticJob['spec']['type'], otherOn: string, starts: boolean][] = [
    ['Prune', 'db1', 'Check', 'db1', false], ['Check', 'db1', 'Forget', 'db1', false], ['Forget', 'db1', 'Restore', 'db2', false], ['Check', 'db1', 'Diff', 'db2', false], ['Prune', 'db1', 'Diff', 'db1', false],
    ['Restore', 'db2', 'Prune', 'db1', false], ['Diff', 'db2', 'Forget', 'db1', false], ['Restore', 'db1', 'Forget', 'db1', false],
    ['Restore', 'db2', 'Check', 'db1', true], ['Diff', 'db1', 'Check', 'db1', true], ['Restore', 'db2', 'Restore', 'db2', true], ['Restore', 'db1', 'Backup', 'db1', true], ['Unlock', 'db1', 'Prune', 'db1', true],
    ['Prune', 'db1', 'Backup', 'db2', true], ['Backup', 'db2', 'Prune', 'db1', true], ['Prune', 'db1', 'Unlock', 'db1', true], ['Prune', 'db1', 'Prune', 'web1', true],
  ];
  for (const [type, on, other, otherOn, starts] of rows) {
    it(`${type} on ${on} ${starts ? 'starts beside' : 'waits for'} ${other} on ${otherOn}`, () => {
      const wait = waitOf(job('j', type, on), running(job('o', other, otherOn)));
      expect(wait).to.equal(starts ? 'starts' : wait.startsWith('WaitingForTurn') ? `WaitingForTurn: job o is running on this host` : `WaitingForRepository: job o (${other}) is running in repository shared on host ${otherOn}`);
    });
  }

  it('counts what was offered as running, and what waits not', () => {
    expect(waitOf(job('j', 'Prune', 'db1'), withStatus(job('o', 'Restore', 'db2'), { phase: 'Offered' }))).to.match(/^WaitingForRepository/);
    expect(waitOf(job('j', 'Prune', 'db1'), job('a', 'Restore', 'db2'))).to.equal('starts');
    expect(waitOf(job('j', 'Restore', 'db2'), job('a', 'Prune', 'db1'))).to.equal('starts');
  });

  it('never holds a restore up for a host that is away, and a deletion not for a reader that is away, but for one that may still delete', () => {
    const away = (name: string): Host => host(name, { repositoryRef: { name: 'shared' } }, true);
    expect(waitOf(job('j', 'Restore', 'db2'), away('db1'), running(job('o', 'Prune', 'db1')))).to.equal('starts');
    expect(waitOf(job('j', 'Prune', 'db1'), away('db2'), running(job('o', 'Restore', 'db2')))).to.equal('starts');
    expect(waitOf(job('j', 'Prune', 'db1'), away('db2'), running(job('o', 'Prune', 'db2')))).to.equal('WaitingForRepository: job o (Prune) is perhaps still running in repository shared on host db2');
  });
});

describe('the places on a host', () => {
  const places = (count: number): Host => host('db1', { repositoryRef: { name: 'shared' }, maxConcurrentJobs: count });
  it('are one unless it says otherwise, and light jobs take none and wait for none', () => {
    expect(waitOf(job('b', 'Backup', 'db1'), running(job('a', 'Backup', 'db1')))).to.equal('WaitingForTurn: job a is running on this host');
    for (const light of ['Restore', 'Diff', 'Unlock'] as const) {
      expect(waitOf(job('b', light, 'db1'), running(job('a', 'Backup', 'db1')), job('0', 'Backup', 'db1'))).to.equal('starts');
      expect(waitOf(job('b', 'Backup', 'db1'), running(job('a', light, 'db1')), job('0', light, 'db1'))).to.equal('starts');
    }
  });
  /** Backups of different groups. */
  const backup = (name: string, group = name, spec: Partial<ResticJob['spec']> = {}): ResticJob => aBackup(name, 'db1', group, spec);
  const groups = ['a', 'b', 'c'].map((name) => aGroup(name, { hostRef: { name: 'db1' } }));
  it('go to the oldest first, as many as there are', () => {
    expect(waitOf(backup('c'), places(3), ...groups, running(backup('a')), backup('b'))).to.equal('starts');
    expect(waitOf(backup('c'), places(2), ...groups, running(backup('a')), backup('b'))).to.equal('WaitingForTurn: job b is older and next on this host');
    expect(waitOf(backup('c'), places(2), ...groups, running(backup('a')), running(backup('b')))).to.equal('WaitingForTurn: job a is running on this host, and 1 more');
    expect(waitOf(backup('c'), places(2), ...groups, running(backup('a')), backup('b', 'b', { cancel: true }))).to.equal('starts');
  });
  it('hold one backup of a group, and those that wait for it keep no place from others', () => {
    expect(waitOf(job('c', 'Backup', 'db1'), places(3), running(job('a', 'Backup', 'db1')))).to.equal('WaitingForTurn: job a is backing up the same source group');
    expect(waitOf(backup('c', 'etc'), places(2), running(job('a', 'Backup', 'db1')), job('b', 'Backup', 'db1'), aGroup('etc', { hostRef: { name: 'db1' } }))).to.equal('starts');
  });
  it('are never shared with what needs the repository for itself, which younger ones do not pass', () => {
    expect(waitOf(job('c', 'Prune', 'db1'), places(3), running(job('a', 'Backup', 'db1')))).to.equal('WaitingForRepository: job a (Backup) is running on this host, and this one needs the repository for itself');
    expect(waitOf(job('c', 'Backup', 'db1'), places(3), running(job('a', 'Prune', 'db1')))).to.equal('WaitingForRepository: job a (Prune) is running on this host, and it needs the repository for itself');
    expect(waitOf(backup('c'), places(3), ...groups, running(backup('a')), job('b', 'Prune', 'db1'))).to.equal('WaitingForTurn: job b is older and next on this host');
  });
  it('are not held by a job that waits for its repository', () => {
    expect(waitOf(job('c', 'Backup', 'db1'), job('b', 'Prune', 'db1'), running(job('a', 'Restore', 'db2')))).to.equal('starts');
  });
});

describe('the lane of a job', () => {
  it('is that of its repository for its runner and for all that read there, so that no two decisions cross (J9)', () => {
    const { cache } = world();
    const lane = (it: ResticJob): string | undefined => jobLane(it as Stored<ResticJob>, { cache, namespace: 'default' });
    expect(['Backup', 'Prune', 'Init', 'Restore'].map((type) => lane(job('j', type as 'Backup', 'db1')))).to.deep.equal(Array(4).fill('repository/shared'));
    expect(lane(job('j', 'Restore', 'db2'))).to.equal('repository/shared');
    expect(lane(job('j', 'Backup', 'db2'))).to.equal('host/db2');
    expect(lane(job('j', 'Restore', 'db2', { restore: { snapshot: 'cafecafe', repositoryRef: { name: 'web1' } } }))).to.equal('repository/web1');
    expect(lane(job('j', 'Backup', 'gone'))).to.equal('host/gone');
    expect(jobLane(undefined, { cache, namespace: 'default' })).to.equal(undefined);
  });
});
