import { expect } from 'chai';
import { AdminCredentials, JobRun } from '#crds/wire/agentProtocol.validate.gen.js';
import type { KubeObject, Stored } from '#crds/meta.js';
import type { Repository } from '#crds/kinds.js';
import { cacheOf } from '../../test/builders/cacheOf.js';
import { aGroup, aHost, aJob, aRepository, aRepositorySecret, aSecret } from '../../test/builders/objects.js';
import { adminCredentialsForJob, checkRuns, repositoryForJob } from './access.js';
import { deletionProblem } from './adminCredentials.js';
import { credentialsHash } from './credentials.js';
import { forgetPolicies, guardOf, hasPolicies, sharedTags } from './policies.js';

const repository = aRepository('shared');
const on = (name: string, more: object = {}): KubeObject => aHost(name, { repositoryRef: { name: 'shared' }, ...more }, { labels: { role: 'db' } });
const daily = { keepDaily: 7 };
const withStatus = <T extends { status?: object }>(object: T, status: T['status']): T => ({ ...object, status });

describe('the retention of a repository', () => {
  it('is one policy per host and tag, of every host that uses it, under the names its snapshots have', () => {
    const cache = cacheOf(on('db2'), on('db1', { snapshotHost: 'Old.Name' }), aHost('elsewhere', {}, { labels: { role: 'db' } }),
      aGroup('data', { hostSelector: { matchLabels: { role: 'db' } }, retention: daily }), aGroup('etc', { hostRef: { name: 'db2' }, tag: 'Config', suspend: true, retention: { keepLast: 3, keepTags: [] } }));
    expect(forgetPolicies(repository, cache)).to.deep.equal([
      { host: 'Old.Name', tag: 'data', retention: daily },
      { host: 'db2', tag: 'Config', retention: { keepLast: 3 } },
      { host: 'db2', tag: 'data', retention: daily },
    ]);
    expect(hasPolicies(repository, cache)).to.equal(true);
  });

  it('never means "delete all": a group without it has no policy', () => {
    const cache = cacheOf(on('db1'), aGroup('a', { hostRef: { name: 'db1' } }), aGroup('b', { hostRef: { name: 'db1' }, retention: {} }), aGroup('c', { hostRef: { name: 'db1' }, retention: { keepTags: [] } }));
    expect(forgetPolicies(repository, cache)).to.deep.equal([]);
    expect(hasPolicies(repository, cache)).to.equal(false);
  });

  it('stops where two groups share a tag on a host, also when only one of them has any (E2)', () => {
    const cache = cacheOf(on('db1'), on('db2'), aGroup('data', { hostSelector: { matchLabels: { role: 'db' } }, tag: 'Data', retention: daily }),
      aGroup('more', { hostRef: { name: 'db1' }, tag: 'Data' }), aGroup('etc', { hostRef: { name: 'db1' }, retention: daily }));
    expect(forgetPolicies(repository, cache).map(({ host, tag }) => `${host} ${tag}`)).to.deep.equal(['db1 etc', 'db2 Data']);
    expect(sharedTags(on('db1'), cache)).to.deep.equal([{ tag: 'Data', groups: ['data', 'more'] }]);
  });

  it('is not that of a host under the snapshotHost of an older one', () => {
    const cache = cacheOf(on('db1', { snapshotHost: 'db' }), { ...on('db2', { snapshotHost: 'db' }), metadata: { name: 'db2', creationTimestamp: '2026-02-01T00:00:00Z' } },
      aGroup('one', { hostRef: { name: 'db1' }, retention: daily }), aGroup('two', { hostRef: { name: 'db2' }, retention: { keepLast: 1 } }));
    expect(forgetPolicies(repository, cache)).to.deep.equal([{ host: 'db', tag: 'one', retention: daily }]);
  });

  it('is guarded with 30 % and 14 days unless the repository says otherwise (X6)', () => {
    expect(guardOf(repository)).to.deep.equal({ maxRemovalPercent: 30, keepWithinFloor: '14d' });
    expect(guardOf(aRepository('r', { retentionGuard: { maxRemovalPercent: 0 } }))).to.deep.equal({ maxRemovalPercent: 0, keepWithinFloor: '14d' });
  });
});

describe('what a job gets beyond the plan of its host', () => {
  const input = (...objects: KubeObject[]): { cache: ReturnType<typeof cacheOf>; namespace: string } => ({ cache: cacheOf(...objects), namespace: 'default' });

  it('is any repository with its everyday credential, nothing of its runner, or why not', () => {
    const got = repositoryForJob('shared', input(withStatus(aRepository('shared', { options: { 's3.region': 'eu' }, adminCredentialsSecretRef: { name: 'admin' } }), { id: 'ab' }), aRepositorySecret('repo-shared', { 'ca.pem': 'PEM' }), on('db1')));
    expect(got).to.deep.equal({ ok: true, value: { name: 'shared', url: 'rest:https://backup.example/shared/', id: 'ab', password: 'correct horse', files: { 'ca.pem': 'PEM' }, options: { 's3.region': 'eu' } } });
    const identity = { job: 'j', runID: 'u', type: 'Restore', startedBy: 'Server' };
    expect(JobRun({ identity, planGeneration: 1, repository: got.ok && got.value })).to.equal(true);
    expect(repositoryForJob('gone', input())).to.deep.equal({ ok: false, message: 'Repository default/gone does not exist' });
    expect(repositoryForJob('shared', input(repository))).to.include({ ok: false, message: 'Secret default/repo-shared (spec.credentialsSecretRef) does not exist' });
  });

  it('is the admin credential only where the server has it', () => {
    const withAdmin = aRepository('shared', { adminCredentialsSecretRef: { name: 'admin' } });
    const secret = aSecret('admin', 'repository-admin', { password: 'p', username: 'root', RESTIC_REST_PASSWORD: 'x' });
    const got = adminCredentialsForJob(withAdmin, input(secret));
    expect(got).to.deep.equal({ ok: true, value: { username: 'root', password: 'p', env: { RESTIC_REST_PASSWORD: 'x' } } });
    expect(AdminCredentials(got.ok && got.value)).to.equal(true);
    expect(adminCredentialsForJob(repository, input(secret))).to.deep.equal({ ok: true, value: undefined });
    expect(adminCredentialsForJob(aRepository('shared', { ...withAdmin.spec, runner: { hostRef: { name: 'db1' }, adminCredentials: 'OnRunner' } }), input(secret))).to.deep.equal({ ok: true, value: undefined });
    expect(adminCredentialsForJob(withAdmin, input(aRepositorySecret('admin')))).to.deep.include({ ok: false, reason: 'AdminSecretNotLabelled', message: 'Secret default/admin lacks the label restic-manager.io/use=repository-admin' });
  });

  it('is that a check goes on beside it', () => {
    const running = (name: string, spec: object): KubeObject => withStatus(aJob(name, 'Check', 'db1', spec), { phase: 'Running' });
    expect(checkRuns('shared', cacheOf(on('db1'), running('c', {})))).to.equal(true);
    expect(checkRuns('shared', cacheOf(on('db1'), running('c', { repositoryRef: { name: 'shared' } })))).to.equal(true);
    expect(checkRuns('shared', cacheOf(on('db1'), running('c', { repositoryRef: { name: 'other' } })))).to.equal(false);
    expect(checkRuns('shared', cacheOf(on('db1'), aJob('c', 'Check', 'db1')))).to.equal(false);
  });
});

describe('deletion in a repository (E16, E34)', () => {
  const admin = aSecret('admin', 'repository-admin', { password: 'p' });
  const problem = (spec: Partial<Repository['spec']>, deletionProtection?: 'Enforced' | 'NotEnforced' | 'Unknown', ...objects: KubeObject[]): string | undefined =>
    deletionProblem({ ...aRepository('shared', spec), status: { deletionProtection } } as Stored<Repository>, { cache: cacheOf(...objects), namespace: 'default' });
  const named = { adminCredentialsSecretRef: { name: 'admin' } };

  it('is possible with an admin credential, and tried with the everyday one unless that is known to be refused', () => {
    expect(problem(named, 'Enforced', admin)).to.equal(undefined);
    expect(problem({ runner: { hostRef: { name: 'db1' }, adminCredentials: 'OnRunner' } }, 'Enforced')).to.equal(undefined);
    for (const protection of [undefined, 'Unknown', 'NotEnforced'] as const) expect(problem({}, protection)).to.equal(undefined);
    expect(problem({}, 'Enforced')).to.contain('refuses deletion to the everyday credential; name an account that may delete in spec.adminCredentialsSecretRef');
  });
  it('waits for the Secret that is named and not fit, also where the everyday one would do', () => {
    for (const protection of ['Unknown', 'NotEnforced', 'Enforced'] as const) expect(problem(named, protection)).to.equal('Secret default/admin (spec.adminCredentialsSecretRef) does not exist');
  });
});

describe('the hash of what a repository is opened with', () => {
  const of = (spec: Partial<Repository['spec']>, files?: Record<string, string>): string => credentialsHash(aRepository('r', spec), { password: 'p', env: {}, ...(files ? { files } : {}) }, Buffer.alloc(32));
  it('covers url, credentials, files, options and the format to make, and nothing that opening does not depend on', () => {
    const changes = [of({}), of({ url: '/elsewhere' }), of({}, { 'ssh-key': 'k' }), of({ options: { 's3.region': 'eu' } }), of({ formatVersion: 1 })];
    expect(new Set(changes).size).to.equal(changes.length);
    expect(of({ compression: 'max', packSizeMiB: 64, options: {}, suspend: true, displayName: 'x' })).to.equal(of({}));
  });
});
