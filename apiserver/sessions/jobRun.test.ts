import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { KubeObject } from '#crds/meta.js';
import type { ResticJob } from '#crds/kinds.js';
import { MAX_FRAME_BYTES } from '#crds/wire/frames.js';
import { JobRun as isJobRun } from '#crds/wire/agentProtocol.validate.gen.js';
import { cacheOf } from '../../test/builders/cacheOf.js';
import { aGroup, aHost, aJob, aRepository, aRepositorySecret, aSecret } from '../../test/builders/objects.js';
import { makeJobRun, type MadeRun } from './jobRun.js';

const ID = createHash('sha256').update('web1').digest('hex');
const opened = (name: string, spec = {}, id = ID): KubeObject => ({ ...aRepository(name, spec), status: { id, phase: 'Ready' } }) as KubeObject;
const base = [aHost('web1'), aRepositorySecret('repo-web1', { username: 'web1' }), opened('web1')];

/** @param known ids that records know of the repository */
function made(job: ResticJob, objects: KubeObject[] = base, known: string[] = []): MadeRun {
  const cache = cacheOf(...objects, { ...job, status: { phase: 'Offered', desiredRun: { id: 'uid', planGeneration: 7, state: 'Run' } } } as KubeObject);
  const stored = cache.get('ResticJob', { namespace: 'default', name: job.metadata.name });
  if (!stored) throw new Error('no job');
  const records = { knownSnapshots: (id: string, limit: number) => (id === ID ? known.slice(0, limit) : []) };
  return makeJobRun({ informers: { cache }, records, namespace: 'default' } as unknown as Parameters<typeof makeJobRun>[0], stored, 'uid');
}
function frameOf(...args: Parameters<typeof made>): Extract<MadeRun, { ok: true }>['frame'] {
  const run = made(...args);
  if (!run.ok) throw new Error(run.message);
  expect(isJobRun(run.frame), 'the wire accepts it').to.equal(true);
  return run.frame;
}
const problemOf = (...args: Parameters<typeof made>): Extract<MadeRun, { ok: false }> => { const run = made(...args); return run.ok ? expect.fail('it was put together') : run; };
/** Without identity and generation, which every frame has. */
function argumentsOf(...args: Parameters<typeof made>): object {
  const { identity, planGeneration, ...rest } = frameOf(...args);
  return rest;
}

describe('job.run', () => {
  it('says what the spec of each type says, and nothing else (J1)', () => {
    expect(frameOf(aJob('b', 'Backup', 'web1', { sourceGroupRef: { name: 'docs' }, origin: { type: 'Schedule', name: 'nightly', dueTime: '2026-01-01T00:00:00Z' } }))).to.deep.equal({
      identity: { job: 'b', runID: 'uid', type: 'Backup', startedBy: 'Server', sourceGroup: 'docs', origin: 'Schedule', schedule: 'nightly', dueTime: '2026-01-01T00:00:00Z' }, planGeneration: 7,
    });
    const rows: [ResticJob, object][] = [
      [aJob('i', 'Init', 'web1'), {}],
      [aJob('u', 'Unlock', 'web1'), {}],
      [aJob('c', 'Check', 'web1', { check: { readDataSubsetPercent: 5 }, activeDeadlineSeconds: 60 }), { check: { readDataSubsetPercent: 5 }, activeDeadlineSeconds: 60 }],
      [aJob('d', 'Diff', 'web1', { diff: { a: 'cafecafe', b: 'beefbeef' } }), { diff: { a: 'cafecafe', b: 'beefbeef' } }],
      [aJob('p', 'Prune', 'web1', { dryRun: true }), { dryRun: true }],
      [aJob('limited', 'Backup', 'web1', { bandwidth: { uploadKiBps: 0 } }), { bandwidth: { uploadKiBps: 0 } }],
      [aJob('r', 'Restore', 'web1', { restore: { snapshot: 'cafecafe' } }), { restore: { snapshot: 'cafecafe', overwrite: 'Never' } }],
      [aJob('in-place', 'Restore', 'web1', { restore: { snapshot: 'cafecafe', paths: ['/a[1]'], inPlace: true, confirmHostName: 'web1', overwrite: 'IfNewer', verify: true } }), { restore: { snapshot: 'cafecafe', paths: ['/a[1]'], inPlace: true, overwrite: 'IfNewer', verify: true } }],
      [aJob('to', 'Restore', 'web1', { restore: { snapshot: 'cafecafe', targetDirectory: '~/x' } }), { restore: { snapshot: 'cafecafe', targetDirectory: '~/x', overwrite: 'Never' } }],
    ];
    for (const [job, expected] of rows) expect(argumentsOf(job), job.metadata.name).to.deep.equal(expected);
  });

  it('lets what reads go beside a check, and nothing else (J9)', () => {
    const check = { ...aJob('c', 'Check', 'web1'), status: { phase: 'Running' } } as KubeObject;
    const waiting = { ...aJob('c', 'Check', 'web1'), status: { phase: 'Queued' } } as KubeObject;
    for (const type of ['Restore', 'Diff'] as const) {
      expect(frameOf(aJob('j', type, 'web1'), [...base, check]).noLock).to.equal(true);
      expect(frameOf(aJob('j', type, 'web1'), [...base, waiting])).to.not.have.property('noLock');
    }
    for (const type of ['Backup', 'Prune', 'Unlock'] as const) expect(frameOf(aJob('j', type, 'web1'), [...base, check])).to.not.have.property('noLock');
  });

  it('carries another repository only for a restore that names it, and only when it was opened (R4)', () => {
    const other = [opened('other', {}, 'a'.repeat(64)), aRepositorySecret('repo-other', { password: 'canary' })];
    const restore = aJob('r', 'Restore', 'web1', { restore: { snapshot: 'cafecafe', repositoryRef: { name: 'other' } } });
    expect(frameOf(restore, [...base, ...other]).repository).to.deep.equal({ name: 'other', url: 'rest:https://backup.example/other/', id: 'a'.repeat(64), password: 'canary' });
    expect(frameOf(aJob('r', 'Restore', 'web1', { restore: { snapshot: 'cafecafe', repositoryRef: { name: 'web1' } } }))).to.not.have.property('repository');
    expect(problemOf(restore, base).message).to.contain('Repository default/other does not exist');
    expect(problemOf(restore, [...base, opened('other')]).message).to.contain('Secret default/repo-other');
    expect(problemOf(restore, [...base, aRepository('other'), aRepositorySecret('repo-other')]).message).to.contain('was never opened');
    const diff = problemOf(aJob('d', 'Diff', 'web1', { repositoryRef: { name: 'other' } }), [...base, ...other]);
    expect(diff.message).to.equal('host web1 uses repository web1, not other');
    expect(diff.reason, 'it may be again').to.equal(undefined);
  });

  describe('of a deletion', () => {
    const admin = [aHost('web1'), aRepositorySecret('repo-web1'), opened('web1', { adminCredentialsSecretRef: { name: 'admin-web1' } })];
    const secret = aSecret('admin-web1', 'repository-admin', { password: 'admin-canary', username: 'boss' });
    it('carries the admin credential from the server, for forget and prune alone (E16)', () => {
      for (const type of ['Forget', 'Prune'] as const) expect(frameOf(aJob('j', type, 'web1'), [...admin, secret]).adminCredentials).to.deep.equal({ username: 'boss', password: 'admin-canary' });
      for (const type of ['Check', 'Unlock', 'Backup', 'Restore', 'Diff', 'Init'] as const) expect(JSON.stringify(frameOf(aJob('j', type, 'web1'), [...admin, secret]))).to.not.contain('canary');
      for (const type of ['Forget', 'Prune'] as const) expect(frameOf(aJob('j', type, 'web1', { dryRun: true }), [...admin, secret]), 'a dry run needs none').to.not.have.property('adminCredentials');
      expect(frameOf(aJob('j', 'Prune', 'web1'))).to.not.have.property('adminCredentials');
      expect(frameOf(aJob('j', 'Prune', 'web1'), [aHost('web1'), aRepositorySecret('repo-web1'), opened('web1', { adminCredentialsSecretRef: { name: 'admin-web1' }, runner: { hostRef: { name: 'web1' }, adminCredentials: 'OnRunner' } }), secret]), 'it never leaves the runner').to.not.have.property('adminCredentials');
    });
    it('waits for a Secret that vanished in between, and says which', () => {
      const { message, reason } = problemOf(aJob('j', 'Prune', 'web1'), admin);
      expect(message).to.contain('Secret default/admin-web1 (spec.adminCredentialsSecretRef) does not exist');
      expect(reason).to.equal(undefined);
    });
    it('forgets exactly what a person named, without policies', () => {
      expect(argumentsOf(aJob('f', 'Forget', 'web1', { forget: { snapshotIDs: ['cafecafe'] } }), base, ['k'])).to.deep.equal({ forget: { snapshotIDs: ['cafecafe'] } });
    });
    it('forgets by the retention of every host, behind the guard, with what is known and what was approved (X6)', () => {
      const objects = [...base, aGroup('docs', { hostRef: { name: 'web1' }, retention: { keepDaily: 7 } }), aGroup('all', { hostRef: { name: 'web1' } })];
      expect(argumentsOf(aJob('f', 'Forget', 'web1', { forget: { approvedPlan: 'ab'.repeat(16) } }), objects, ['0123456789abcdef'])).to.deep.equal({
        forget: { policies: [{ host: 'web1', tag: 'docs', retention: { keepDaily: 7 } }], guard: { maxRemovalPercent: 30, keepWithinFloor: '14d' }, known: ['0123456789abcdef'], approvedPlan: 'ab'.repeat(16) },
      });
      expect(argumentsOf(aJob('f', 'Forget', 'web1'))).to.deep.equal({ forget: { policies: [], guard: { maxRemovalPercent: 30, keepWithinFloor: '14d' }, known: [] } });
    });
    it('carries the newest known snapshots that fit into a frame', () => {
      const known = Array.from({ length: 100_000 }, (_, index) => index.toString(16).padStart(16, '0'));
      const few = frameOf(aJob('f', 'Forget', 'web1'), base, known);
      expect(few.forget?.known).to.deep.equal(known.slice(0, 40_000));
      const groups = Array.from({ length: 250 }, (_, index) => aGroup(`g${String(index)}`, { hostRef: { name: 'web1' }, retention: { keepTags: Array.from({ length: 8 }, (__, tag) => `${String(tag)}${'x'.repeat(200)}`) } }));
      const crowded = frameOf(aJob('f', 'Forget', 'web1'), [...base, ...groups], known);
      expect(crowded.forget?.policies).to.have.length(250);
      expect(crowded.forget?.known?.length).to.be.within(20_000, 39_000);
      expect(crowded.forget?.known).to.deep.equal(known.slice(0, crowded.forget?.known?.length));
      expect(Buffer.byteLength(JSON.stringify({ type: 'job.run', payload: crowded }))).to.be.within(MAX_FRAME_BYTES * 0.99, MAX_FRAME_BYTES);
    });
  });

  it('ends a job whose arguments no frame holds, with what to do', () => {
    const paths = Array.from({ length: 256 }, (_, index) => `/${String(index)}${'ä'.repeat(4000)}`);
    const { reason, message } = problemOf(aJob('r', 'Restore', 'web1', { restore: { snapshot: 'cafecafe', paths } }));
    expect(reason).to.equal('Unsupported');
    expect(message).to.match(/^the arguments of this job have \d+ bytes, an agent takes 1048576: choose fewer paths/);
    const groups = Array.from({ length: 250 }, (_, index) => aGroup(`g${String(index)}`, { hostRef: { name: 'web1' }, retention: { keepTags: Array.from({ length: 32 }, (__, tag) => `${String(tag)}${'x'.repeat(250)}`) } }));
    expect(problemOf(aJob('f', 'Forget', 'web1'), [...base, ...groups]).message).to.contain('use fewer source groups in this repository');
  });
});
