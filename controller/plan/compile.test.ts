import { expect } from 'chai';
import { jitterSeconds } from '#crds/schedule.js';
import { PlanSet as isPlanSet } from '#crds/wire/agentProtocol.validate.gen.js';
import type { Repository, SourceGroup } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { cacheOf } from '../../test/builders/cacheOf.js';
import { aGroup, aHost, aRepository, aRepositorySecret, aSchedule, aSecret } from '../../test/builders/objects.js';
import { compilePlan, type CompiledPlan } from './compile.js';

const planKey = Buffer.alloc(32, 1);
const compile = (...objects: KubeObject[]): CompiledPlan => compilePlan('web1', { cache: cacheOf(...objects), planKey, namespace: 'default' });
const planOf = (...objects: KubeObject[]): Extract<CompiledPlan, { ok: true }> => {
  const compiled = compile(...objects);
  if (!compiled.ok) throw new Error(`${compiled.reason}: ${compiled.message}`);
  return compiled;
};
const host = aHost('web1', {}, { labels: { env: 'prod' } });
const base = [host, aRepositorySecret('repo-web1', { username: 'web1', AWS_ACCESS_KEY_ID: 'k' }), aRepository('web1')];

describe('the plan of a host', () => {
  it('holds everything its agent needs to work alone, in a shape the wire accepts (S7)', () => {
    const { plan, revision } = planOf(...base, aGroup('docs', { hostRef: { name: 'web1' }, excludes: ['*.tmp'] }), aSchedule('nightly', ['docs'], { timeZone: 'Europe/Berlin' }));
    expect(plan).to.deep.equal({
      hostName: 'web1', hostUID: 'uid-Host-web1', snapshotHost: 'web1', presence: 'AlwaysOn',
      repository: { name: 'web1', url: 'rest:https://backup.example/web1/', username: 'web1', password: 'correct horse', env: { AWS_ACCESS_KEY_ID: 'k' }, runner: true },
      groups: [{ uid: 'uid-SourceGroup-docs', name: 'docs', tag: 'docs', includes: ['/srv'], excludes: ['*.tmp'], activeDeadlineSeconds: 86_400 }],
      schedules: [{ uid: 'uid-Schedule-nightly', name: 'nightly', schedule: '0 2 * * *', timeZone: 'Europe/Berlin', groups: ['uid-SourceGroup-docs'], jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 60 }, effectiveSince: '2026-01-01T00:00:00Z' }],
    });
    expect(isPlanSet({ revision, generation: 1, plan })).to.equal(true);
  });

  it('has one revision for one content, whatever order objects came in, and another one for another password', () => {
    const objects = [...base, aGroup('b', { hostSelector: { matchLabels: { env: 'prod' } } }), aGroup('a', { hostRef: { name: 'web1' } }), aSchedule('s2', ['a', 'b']), aSchedule('s1', ['b'])];
    const { revision } = planOf(...objects);
    expect(planOf(...objects.toReversed()).revision).to.equal(revision);
    expect(revision).to.match(/^[0-9a-f]{64}$/);
    expect(planOf(...objects.filter((object) => object.kind !== 'Secret'), aRepositorySecret('repo-web1', { password: 'other' })).revision).to.not.equal(revision);
    expect(compilePlan('web1', { cache: cacheOf(...objects), planKey: Buffer.alloc(32, 2), namespace: 'default' })).to.not.include({ revision });
  });

  it('names the repository id only once it is pinned (H5)', () => {
    const pinned = { ...aRepository('web1'), status: { id: 'ab', phase: 'Ready' } };
    expect(planOf(host, base[1] as KubeObject, pinned).plan.repository?.id).to.equal('ab');
    expect(planOf(...base).plan.repository).to.not.have.property('id');
  });

  it('has no schedule for a repository that was replaced (H5)', () => {
    const replaced = { ...aRepository('web1'), status: { id: 'ab', phase: 'Replaced' } };
    const { plan } = planOf(host, base[1] as KubeObject, replaced, aGroup('docs', { hostRef: { name: 'web1' } }), aSchedule('nightly', ['docs']));
    expect(plan.schedules).to.deep.equal([]);
    expect(plan.repository?.id, 'the agent refuses any other').to.equal('ab');
  });

  it('leaves out suspended and invalid schedules and those of other hosts, and marks suspended groups and hosts (E12, S5)', () => {
    const { plan } = planOf(aHost('web1', { suspend: true }), base[1] as KubeObject, base[2] as KubeObject, aHost('web2'),
      aGroup('docs', { hostRef: { name: 'web1' }, suspend: true }), aGroup('theirs', { hostRef: { name: 'web2' } }),
      aSchedule('off', ['docs'], { suspend: true }), aSchedule('bad', ['docs'], { schedule: '61 * * * *' }), aSchedule('zone', ['docs'], { timeZone: 'Mars/Olympus' }), aSchedule('theirs', ['theirs']), aSchedule('mixed', ['theirs', 'docs']));
    expect(plan.suspend).to.equal(true);
    expect(plan.groups.map(({ name, suspend }) => [name, suspend])).to.deep.equal([['docs', true]]);
    expect(plan.schedules.map(({ name, groups }) => [name, groups])).to.deep.equal([['mixed', ['uid-SourceGroup-docs']]]);
  });

  it('spreads what comes through a selector over 15 minutes, and the rest as the schedule says', () => {
    const { plan } = planOf(...base, aGroup('many', { hostSelector: { matchExpressions: [{ key: 'env', operator: 'Exists' }] } }), aSchedule('wide', ['many']), aSchedule('exact', ['many'], { jitter: '0s' }), aSchedule('hour', ['many'], { jitter: '1h' }));
    const seconds = Object.fromEntries(plan.schedules.map(({ name, jitterSeconds: value }) => [name, value]));
    expect(seconds).to.deep.equal({ wide: jitterSeconds('uid-Schedule-wide', 'uid-Host-web1', 900), exact: 0, hour: jitterSeconds('uid-Schedule-hour', 'uid-Host-web1', 3600) });
  });

  it('knows since when a schedule is in force: its last change, and for a newer host the host (S7)', () => {
    const since = (schedule: KubeObject, web1 = host): string | undefined => planOf(web1, base[1] as KubeObject, base[2] as KubeObject, aGroup('docs', { hostRef: { name: 'web1' } }), schedule).plan.schedules[0]?.effectiveSince;
    const changed = (fields: object, subresource?: string): KubeObject => aSchedule('nightly', ['docs'], {}, { managedFields: [{ manager: 'kubectl', time: '2026-02-01T00:00:00Z', subresource, fieldsV1: { 'f:spec': fields } }] });
    expect(since(changed({ 'f:suspend': {} }))).to.equal('2026-02-01T00:00:00Z');
    expect(since(changed({ 'f:jitter': {} }))).to.equal('2026-01-01T00:00:00Z');
    expect(since(changed({ 'f:schedule': {} }, 'status'))).to.equal('2026-01-01T00:00:00Z');
    expect(since(aSchedule('nightly', ['docs']), aHost('web1', {}, { creationTimestamp: '2026-03-01T00:00:00Z' }))).to.equal('2026-03-01T00:00:00Z');
  });

  it('is not made over a mistake, and says which', () => {
    const reason = (...objects: KubeObject[]): string => { const compiled = compile(...objects); return compiled.ok ? 'ok' : `${compiled.reason}: ${compiled.message}`; };
    expect(reason()).to.equal('HostNotFound: Host default/web1 does not exist');
    expect(reason(host)).to.equal('RepositoryNotFound: Repository default/web1 does not exist');
    expect(reason(host, aRepository('web1'))).to.contain('SecretNotFound: Secret default/repo-web1');
    expect(reason(host, aRepository('web1'), aRepositorySecret('repo-web1', {}, { labels: { 'restic-manager.io/use': 'user' } }))).to.contain('SecretNotLabelled');
    expect(reason(host, aRepository('web1'), aRepositorySecret('repo-web1', { RESTIC_PASSWORD_COMMAND: 'sh' }))).to.contain('SecretVariableRefused: key RESTIC_PASSWORD_COMMAND');
    expect(reason(host, aRepository('web1'), aRepositorySecret('repo-web1', { password: '\n' }))).to.contain('SecretIncomplete');
    const text = reason(host, aRepository('web1'), aRepositorySecret('repo-web1', { AWS_PROFILE: 'canary-value' }));
    expect(text).to.not.contain('canary-value');
  });

  it('carries everything a source may ask for, with defaults where the agent needs a number', () => {
    const stdin = { command: ['pg_dump', '-Fc', 'shop'], filename: 'shop.dump' };
    const { plan, revision } = planOf(aHost('web1', { resources: { nice: 10, ioNice: 'Idle' }, maxConcurrentJobs: 3 }), ...base.slice(1),
      aGroup('docs', { hostRef: { name: 'web1' }, requireMount: ['/srv'], skipIfUnchanged: true, windows: { useFsSnapshot: true }, retry: { maxAttempts: 3 } }),
      aGroup('shop', { hostRef: { name: 'web1' }, includes: undefined, stdin, retry: { maxAttempts: 2, backoffSeconds: 5 } }));
    expect(plan).to.deep.include({ resources: { nice: 10, ioNice: 'Idle' }, maxConcurrentJobs: 3 });
    expect(plan.groups[0]).to.deep.include({ requireMount: ['/srv'], skipIfUnchanged: true, useFsSnapshot: true, retry: { maxAttempts: 3, backoffSeconds: 60 } });
    expect(plan.groups[1]).to.deep.include({ includes: [], stdin, retry: { maxAttempts: 2, backoffSeconds: 5 } });
    expect(isPlanSet({ revision, generation: 1, plan })).to.equal(true);
  });

  it('tells restic how to reach and write the repository, and hands over what back ends read from files as it is', () => {
    const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n';
    const spec = { options: { 's3.region': 'eu-1' }, formatVersion: 2, compression: 'max', packSizeMiB: 64 } as const;
    const { plan, revision } = planOf(host, aRepositorySecret('repo-web1', { 'ssh-key': key, known_hosts: 'h k\n' }), aRepository('web1', spec));
    expect(plan.repository).to.deep.include({ ...spec, files: { 'ssh-key': key, known_hosts: 'h k\n' } });
    expect(isPlanSet({ revision, generation: 1, plan })).to.equal(true);
  });

  it('has no schedule while its repository is suspended', () => {
    const docs = [aGroup('docs', { hostRef: { name: 'web1' } }), aSchedule('nightly', ['docs'])];
    expect(planOf(host, base[1] as KubeObject, aRepository('web1', { suspend: true }), ...docs).plan.schedules).to.deep.equal([]);
    expect(planOf(host, base[1] as KubeObject, aRepository('web1', { suspend: false }), ...docs).plan.schedules).to.have.length(1);
  });

  describe('names the source of the credential that may delete', () => {
    const admin = aSecret('repo-admin', 'repository-admin', { password: 'p', AWS_ACCESS_KEY_ID: 'admin' });
    const source = (spec: Partial<Repository['spec']>, ...more: KubeObject[]): unknown => planOf(host, base[1] as KubeObject, aRepository('web1', spec), ...more).plan.repository?.adminCredentials;

    it('to the runner only, and never the credential itself', () => {
      const shared = [aHost('web2', { repositoryRef: { name: 'web1' } }), admin];
      const repository = aRepository('web1', { adminCredentialsSecretRef: { name: 'repo-admin' }, runner: { hostRef: { name: 'web1' } } });
      const { plan } = planOf(host, base[1] as KubeObject, repository, ...shared);
      expect(plan.repository).to.include({ runner: true, adminCredentials: 'FromServer' });
      expect(JSON.stringify(plan)).to.not.contain('admin"');
      const other = compilePlan('web2', { cache: cacheOf(host, base[1] as KubeObject, repository, ...shared), planKey, namespace: 'default' });
      expect(other.ok && other.plan.repository).to.not.have.any.keys('runner', 'adminCredentials');
    });
    it('OnRunner before a Secret, and none while the Secret is not fit', () => {
      expect(source({ runner: { hostRef: { name: 'web1' }, adminCredentials: 'OnRunner' }, adminCredentialsSecretRef: { name: 'repo-admin' } }, admin)).to.equal('OnRunner');
      expect(source({ adminCredentialsSecretRef: { name: 'absent' } })).to.equal(undefined);
      expect(source({ runner: { hostRef: { name: 'web1' }, adminCredentials: 'FromServer' } })).to.equal(undefined);
    });
  });

  describe('resolves hooks (E14)', () => {
    const script = aSecret('scripts', 'hook', { pre: '#!/bin/sh\nlock\n', post: '#!/bin/sh\nunlock\n', blank: ' \n' });
    const ref = (key: string, name = 'scripts'): { secretKeyRef: { name: string; key: string } } => ({ secretKeyRef: { name, key } });
    const hooks = (group: SourceGroup['spec']['hooks'], ofHost: SourceGroup['spec']['hooks'], ...more: KubeObject[]): unknown =>
      planOf(aHost('web1', ofHost ? { hooks: ofHost } : {}), ...base.slice(1), aGroup('docs', { hostRef: { name: 'web1' }, ...(group ? { hooks: group } : {}) }), ...more).plan.groups[0]?.hooks;

    it('to the group\'s own, else its host\'s, and to none when the group asks for none', () => {
      expect(hooks({ pre: ref('pre'), timeoutSeconds: 30 }, { post: ref('post') }, script)).to.deep.equal({ pre: { body: '#!/bin/sh\nlock\n' }, timeoutSeconds: 30 });
      expect(hooks(undefined, { post: ref('post') }, script)).to.deep.equal({ post: { body: '#!/bin/sh\nunlock\n' }, timeoutSeconds: 600 });
      expect(hooks({}, { post: ref('post') }, script)).to.equal(undefined);
    });
    it('to what is wrong when one cannot be read, by Secret and key, and the plan is made all the same', () => {
      const problem = (key: string, ...more: KubeObject[]): unknown => (hooks({ pre: ref(key) }, undefined, ...more) as { pre: { problem: string } }).pre.problem;
      expect(problem('pre')).to.equal('Secret default/scripts (spec.hooks.pre.secretKeyRef) does not exist');
      expect(problem('pre', aSecret('scripts', 'user', { pre: 'x' }))).to.equal('Secret default/scripts (spec.hooks.pre.secretKeyRef) lacks the label restic-manager.io/use=hook');
      expect(problem('absent', script)).to.equal('Secret default/scripts (spec.hooks.pre.secretKeyRef) has no key absent');
      expect(problem('blank', script)).to.equal('key blank of Secret default/scripts (spec.hooks.pre.secretKeyRef) is empty');
    });
  });

  it('refuses a Secret with what does not fit the wire, naming the key and never the value', () => {
    const reason = (data: Record<string, string>): string => { const compiled = compile(host, aRepository('web1'), aRepositorySecret('repo-web1', data)); return compiled.ok ? 'ok' : `${compiled.reason}: ${compiled.message}`; };
    expect(reason({ password: 'two\nlines' })).to.equal('SecretVariableRefused: key password of Secret default/repo-web1 holds more than one line');
    expect(reason({ 'ssh-key': 'x'.repeat(65_537) })).to.equal('SecretVariableRefused: key ssh-key of Secret default/repo-web1 is longer than 65536 characters');
    expect(reason({ username: 'x'.repeat(1025) })).to.contain('key username of Secret default/repo-web1 is longer than 1024 characters');
    expect(reason({ 'ssh-key ': 'x' })).to.contain('is not one a repository may use');
  });

  it('takes a password as files hold it, without its line end', () => {
    expect(planOf(host, aRepository('web1'), aRepositorySecret('repo-web1', { password: 'secret\r\n' })).plan.repository?.password).to.equal('secret');
  });
});
