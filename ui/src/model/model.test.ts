import { expect } from 'chai';
import type { ManifestsStatus } from '#crds/operator/operator.gen.js';
import type { Host, Repository, ResticJob, Schedule, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { failureFrom } from '../api/client.js';
import { plaintextRefused } from './commands.js';
import { cronWords, presets } from './cronWords.js';
import { bytes, count, duration, relative } from './format.js';
import { matches, ordered } from './hostFilter.js';
import { hostRow, hostState, troubleOf, type HostRow } from './hostRow.js';
import { jobState, keepsWords } from './jobs.js';
import { marks } from './lanes.js';
import { lineKind, readable } from './logLine.js';
import { deletionRefusal, nextMaintenance } from './repository.js';
import { runChoice } from './run.js';
import { sortFrom, sortText } from './table.js';
import { throughput } from './throughput.js';
import { allowRemoval, manifestsState, manifestsTrouble } from './manifests.js';
import { ownersOf } from './owners.js';

const meta = (name: string) => ({ name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '2026-11-23T10:00:00Z' });
const host = (name: string, status: Host['status'] = {}, spec: Host['spec'] = {}, labels: Record<string, string> = {}): Stored<Host> => ({ apiVersion: '', kind: 'Host', metadata: { ...meta(name), labels }, spec, status });
const job = (status: ResticJob['status'], spec: Partial<ResticJob['spec']> = {}): Stored<ResticJob> => ({ apiVersion: '', kind: 'ResticJob', metadata: meta('job'), spec: { hostRef: { name: 'web1' }, type: 'Backup', ...spec }, status });
const group = (name: string): Stored<SourceGroup> => ({ apiVersion: '', kind: 'SourceGroup', metadata: meta(name), spec: { hostRef: { name: 'web1' }, includes: ['/etc'] } });
const schedule = (name: string, ...groups: string[]): Stored<Schedule> => ({ apiVersion: '', kind: 'Schedule', metadata: meta(name), spec: { schedule: '@daily', sourceGroupRefs: groups.map((entry) => ({ name: entry })) as [{ name: string }] } });
const condition = (type: string, status: 'True' | 'False', reason: string, message = '') => ({ type, status, reason, message, lastTransitionTime: '2026-11-23T10:00:00Z' });

describe('values as people read them', () => {
  it('writes what is unknown as unknown, never as 0', () => {
    expect([bytes(undefined), count(undefined), duration(undefined)]).to.deep.equal(['unknown', 'unknown', 'unknown']);
    expect([bytes(0), count(0)]).to.deep.equal(['0 B', '0']);
  });
  it('writes sizes in binary units with three digits', () => {
    expect([bytes(1536), bytes(40_909_563_494), bytes(6.7e12)]).to.deep.equal(['1.5 KiB', '38.1 GiB', '6.09 TiB']);
  });
  it('writes distances in time with one unit and durations with two', () => {
    expect([relative(0, 1000), relative(0, 90_000), relative(7_200_000, 0), relative(0, 200_000_000)]).to.deep.equal(['just now', '1 min ago', 'in 2 h', '2 d ago']);
    expect([duration(2.1), duration(192), duration(7500), duration(60)]).to.deep.equal(['2.1 s', '3 min 12 s', '2 h 5 min', '1 min']);
  });
});

describe('trouble of a host', () => {
  const good: Host['status'] = { phase: 'Online', agent: { resticVersion: '0.19.1' }, conditions: [condition('Ready', 'True', 'Reconciled'), condition('RepositoryReady', 'True', 'Opened')] };
  const rows: [string, Stored<Host>, string[]][] = [
    ['none when it is online, its repository opens and its last backup succeeded', host('a', { ...good, lastBackup: { result: 'Succeeded' } }), []],
    ['none while it has never connected (E1)', host('a', { phase: 'Pending' }), []],
    ['none while an intermittent host is asleep', host('a', { ...good, phase: 'Asleep' }), []],
    ['none while the repository is being set up', host('a', { ...good, conditions: [condition('RepositoryReady', 'False', 'Initializing')] }), []],
    ['the refused password, as bad', host('a', { ...good, conditions: [condition('RepositoryReady', 'False', 'WrongPassword', 'restic refused')] }), ['bad WrongPassword']],
    ['a missing restic (E27), as bad', host('a', { ...good, agent: { version: '1' } }), ['bad ResticMissing']],
    ['a failed last backup before an offline agent', host('a', { ...good, phase: 'Offline', lastBackup: { result: 'Failed', jobName: 'j' } }), ['bad LastBackupFailed', 'warn Offline']],
    ['skipped files, as a warning', host('a', { ...good, lastBackup: { result: 'Partial' } }), ['warn LastBackupPartial']],
    ['an unapplied plan only while it is online', host('a', { ...good, conditions: [condition('Synced', 'False', 'InternalError', 'disk full')] }), ['warn InternalError']],
    ['one line when Ready and RepositoryReady say the same', host('a', { ...good, conditions: [condition('Ready', 'False', 'RepositoryNotFound', 'x'), condition('RepositoryReady', 'False', 'RepositoryNotFound', 'x')] }), ['warn RepositoryNotFound']],
  ];
  for (const [what, subject, expected] of rows) it(`is ${what}`, () => { expect(troubleOf(subject, undefined).map((trouble) => `${trouble.severity} ${trouble.reason}`)).to.deep.equal(expected); });
});

describe('a row of the dashboard', () => {
  const row = (subject: Stored<Host>, jobs: Stored<ResticJob>[] = [], repository?: Stored<Repository>): HostRow => hostRow({ host: subject, groups: [], jobs, ...(repository ? { repository } : {}) });
  it('says what the host does before whether it is there', () => {
    expect(hostState(row(host('a', { phase: 'Online' }), [job({ phase: 'Running' })])).label).to.equal('Backing up');
    expect(hostState(row(host('a', { phase: 'Asleep' }))).label).to.equal('Asleep');
    expect(hostState(row(host('a', { phase: 'Online' }, { suspend: true }))).label).to.equal('Suspended');
  });
  it('leaves size and snapshots unknown without a repository that says them', () => {
    expect(row(host('a')).sizeBytes).to.equal(undefined);
  });
  it('shows labels of people, not of machinery', () => {
    expect(row(host('a', {}, {}, { prod: '', env: 'eu', 'restic-manager.io/x': '1', 'app.kubernetes.io/name': 'y' })).labels).to.deep.equal(['env=eu', 'prod']);
  });
  it('is found by name, label and state, and sorted with unknown values last', () => {
    const rows = [row(host('b', { phase: 'Online' }, {}, { prod: '' })), row(host('a', { phase: 'Offline', lastBackup: { time: '2026-11-23T10:00:00Z' } }))];
    expect(rows.filter((entry) => matches(entry, { text: 'PROD', state: 'online', labels: ['prod'] })).map((entry) => entry.name)).to.deep.equal(['b']);
    for (const descending of [true, false]) expect(ordered(rows, { key: 'last', descending }).map((entry) => entry.name)).to.deep.equal(['a', 'b']);
  });
  it('keeps its order in the URL and ignores an unknown one', () => {
    expect(sortFrom(sortText({ key: 'size', descending: true }), { key: 'name', descending: false }, ['size'])).to.deep.equal({ key: 'size', descending: true });
    expect(sortFrom('nonsense', { key: 'name', descending: false }, ['size'])).to.deep.equal({ key: 'name', descending: false });
  });
});

describe('run now (S5)', () => {
  it('means the only group, else the schedule that covers all groups, else a choice', () => {
    const [a, b] = [group('a'), group('b')];
    expect(runChoice([], []).type).to.equal('none');
    expect(runChoice([a], [])).to.deep.equal({ type: 'group', group: a });
    expect(runChoice([a, b], [schedule('s', 'a')]).type).to.equal('choose');
    expect(runChoice([a, b], [schedule('s', 'a'), schedule('t', 'a', 'b')])).to.deep.include({ type: 'schedule' });
  });
});

describe('a job in words', () => {
  it('never calls a partial backup a success', () => {
    expect(jobState(job({ phase: 'Succeeded', reason: 'Partial', warnings: 2 }))).to.include({ tone: 'warn', label: '2 files skipped' });
    expect(jobState(job({ phase: 'Succeeded' }))).to.include({ tone: 'ok' });
  });
  it('says cancelling until the job has ended (J4)', () => {
    expect(jobState(job({ phase: 'Running' }, { cancel: true })).label).to.equal('Cancelling');
    expect(jobState(job({ phase: 'Cancelled' }, { cancel: true })).label).to.equal('Cancelled');
  });
});

describe('log lines', () => {
  it('shows restic\'s errors as text and keeps what it does not know', () => {
    const error = '{"message_type":"error","error":{"message":"open /x: permission denied"},"during":"archival","item":"/x"}';
    expect(readable(error)).to.equal('archival: open /x: permission denied');
    expect(readable('{"message_type":"exit_error","code":12,"message":"Fatal: wrong password"}')).to.equal('Fatal: wrong password');
    expect(readable('{broken')).to.equal('{broken');
    expect(readable('{"message_type":"new"}')).to.equal('{"message_type":"new"}');
    expect(lineKind({ seq: 1, ts: '', stream: 'stdout', payload: error })).to.equal('error');
    expect(lineKind({ seq: 1, ts: '', stream: 'stdout', payload: 'open repository' })).to.equal('plain');
  });
  it('measures throughput over the last frames, not over the whole run', () => {
    expect(throughput([{ at: 0, bytes: 0 }, { at: 2000, bytes: 4000 }], 100, 100)).to.equal(2000);
    expect(throughput([], 100, 50)).to.equal(2);
    expect(throughput([], undefined, undefined)).to.equal(undefined);
  });
});

describe('cron in plain words (S3)', () => {
  it('explains every preset and the macros', () => {
    for (const { cron } of presets) expect(cronWords(cron).problem, cron).to.equal('');
    expect(cronWords('41 2 * * *').words).to.equal('At 02:41');
    expect(cronWords('@daily').words).to.equal('At 00:00');
  });
  it('names what is wrong in the words of the server', () => {
    expect(cronWords('61 * * * *').problem).to.equal('"61 * * * *" is not a cron expression: minute 61 is outside 0-59');
    expect(cronWords('')).to.deep.equal({ words: '', problem: '' });
  });
});

describe('an answer that is no success', () => {
  it('puts each message beside its field', () => {
    const failure = failureFrom(422, { code: 'invalid', message: 'cron: bad', details: [{ field: 'cron', message: 'bad' }, { field: 'source_group_ids[1]', message: 'foreign' }] });
    expect(failure.fields).to.deep.equal({ cron: 'bad', source_group_ids: 'foreign' });
    expect(failure).to.include({ status: 422, code: 'invalid', message: 'cron: bad' });
  });
  it('says when to try again, and something when the server said nothing', () => {
    expect(failureFrom(429, { code: 'too_many_requests', message: 'Too many attempts.' }, '30').message).to.equal('Too many attempts. Try again in 30 s.');
    expect(failureFrom(502, undefined)).to.include({ code: 'http_502', message: 'The server answered 502 without saying why.' });
  });
});

describe('the command for a new host', () => {
  it('warns where agents would refuse plain http', () => {
    expect(plaintextRefused({ protocol: 'http:', hostname: 'backup.example.com' })).to.equal(true);
    expect(plaintextRefused({ protocol: 'http:', hostname: '127.0.0.1' })).to.equal(false);
    expect(plaintextRefused({ protocol: 'https:', hostname: 'backup.example.com' })).to.equal(false);
  });
});

describe('runs and retention at a glance', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  const ran = (startTime: string, phase: 'Succeeded' | 'Failed'): Stored<ResticJob> => ({ ...job({ phase, startTime }, { sourceGroupRef: { name: 'www' } }), metadata: meta(startTime) });

  it('piles runs that would hide each other, and shows the worst of them', () => {
    const jobs = [ran('2026-11-23T11:59:00Z', 'Succeeded'), ran('2026-11-23T11:50:00Z', 'Failed'), ran('2026-11-23T11:45:00Z', 'Succeeded'), ran('2026-11-23T10:00:00Z', 'Succeeded')];
    expect(marks('www', jobs, [], now).map(({ runs, kind, key }) => [runs, kind, key])).to.deep.equal([[3, 'bad', 'uid-2026-11-23T11:50:00Z'], [1, 'ok', 'uid-2026-11-23T10:00:00Z']]);
  });

  it('says what forget keeps, and when maintenance comes', () => {
    const kept = (retention: SourceGroup['spec']['retention']): string => keepsWords({ ...group('www'), spec: { retention } });
    expect([kept({}), kept({ keepLast: 3, keepDaily: 7, keepWithin: '14d' })]).to.deep.equal(['', 'last 3, 7 daily, within 14d']);
    const next = (text?: string) => nextMaintenance({ apiVersion: '', kind: 'Repository', metadata: { name: 'r' }, spec: { url: '/r' }, status: { nextMaintenance: text } } as unknown as Repository);
    expect([next(), next('Forget 2026-11-26T03:44:00Z'), next('Prune as soon as possible, due since 2026-11-26T03:44:00Z')]).to.deep.equal([undefined, { what: 'Forget', at: '2026-11-26T03:44:00Z' }, { what: 'Prune as soon as possible, due since', at: '2026-11-26T03:44:00Z' }]);
  });
});

describe('whether deletion can be tried (E16, E34)', () => {
  const repository = (spec: Partial<Repository['spec']>, status: Repository['status']): Repository => ({ apiVersion: '', kind: 'Repository', metadata: { name: 'r' }, spec: { url: '/r', credentialsSecretRef: { name: 'r' }, ...spec }, status });

  it('it can while the storage is not known to refuse it, as the server has it', () => {
    for (const deletionProtection of [undefined, 'Unknown', 'NotEnforced'] as const) expect(deletionRefusal(repository({}, { deletionProtection }))).to.equal('');
    expect(deletionRefusal(repository({}, { deletionProtection: 'Enforced' }))).to.contain('adminCredentialsSecretRef');
    expect(deletionRefusal(repository({ adminCredentialsSecretRef: { name: 'a' } }, { deletionProtection: 'Enforced' }))).to.equal('');
    expect(deletionRefusal(repository({ runner: { hostRef: { name: 'h' }, adminCredentials: 'OnRunner' } }, { deletionProtection: 'Enforced' }))).to.equal('');
  });

  it('it cannot while the Secret of the admin credential is not fit, which is said by name', () => {
    const conditions = [{ type: 'Ready', status: 'False', reason: 'AdminSecretNotFound', message: 'Secret default/a (spec.adminCredentialsSecretRef) does not exist', lastTransitionTime: '2026-01-01T00:00:00Z' }] as NonNullable<Repository['status']>['conditions'];
    expect(deletionRefusal(repository({ adminCredentialsSecretRef: { name: 'a' } }, { conditions }))).to.equal('Secret default/a (spec.adminCredentialsSecretRef) does not exist');
  });
});

describe('manifests and owners in words', () => {
  const status: ManifestsStatus = { state: 'synced', directory: '/fleet', revision: null, last_sync_at: null, last_success_at: null, objects: 3, error_count: 0, errors: [], prune: { state: 'none', objects: [] }, held: [] };

  it('needs nobody while all is applied, and says the first error or what waits', () => {
    expect([manifestsState(status), manifestsTrouble(status)]).to.deep.equal([{ tone: 'ok', label: 'Synced' }, undefined]);
    const failing: ManifestsStatus = { ...status, state: 'failing', error_count: 2, errors: [{ file: 'a.yaml', message: 'is empty' }, { message: 'x' }] };
    expect([manifestsState(failing), manifestsTrouble(failing)]).to.deep.equal([{ tone: 'bad', label: '2 errors' }, { tone: 'bad', text: '2 errors in the manifests: a.yaml: is empty' }]);
    const waiting: ManifestsStatus = { ...status, prune: { state: 'confirmation', objects: ['SourceGroup/default/a'], id: 'x' } };
    expect([manifestsState(waiting).tone, manifestsTrouble(waiting)?.tone]).to.deep.equal(['warn', 'warn']);
  });

  it('names the command that lets an object go', () => {
    expect([allowRemoval('Host/default/web1'), allowRemoval('Secret/default/key')]).to.deep.equal(['kubectl annotate host.restic-manager.io web1 restic-manager.io/prune=allowed', 'kubectl annotate secret key restic-manager.io/prune=allowed']);
  });

  it('knows who declares fields, by managed fields and by the annotation of kubectl, whatever it holds (X11)', () => {
    const owned = (metadata: object): ReturnType<typeof ownersOf> => ownersOf({ apiVersion: 'x', kind: 'Host', metadata: { name: 'web1', ...metadata } });
    expect(owned({})).to.deep.equal([]);
    expect(owned({ managedFields: [{ manager: 'flux', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:a': {} }, 'f:annotations': {} }, 'f:spec': { 'f:hooks': { 'f:pre': {} }, 'f:presence': {} } } }] })).to.deep.equal([{ manager: 'flux', fields: ['labels', 'spec.hooks', 'spec.presence'] }]);
    const annotated = (text: string): object => ({ annotations: { 'kubectl.kubernetes.io/last-applied-configuration': text } });
    expect(owned(annotated('{"spec":{"suspend":true}}'))).to.deep.equal([{ manager: 'kubectl-client-side-apply', fields: ['spec.suspend'] }]);
    for (const text of ['', '{', 'null', '[]', '{"spec":null}', '"x"']) expect(owned(annotated(text)), text).to.deep.equal([]);
  });
});
