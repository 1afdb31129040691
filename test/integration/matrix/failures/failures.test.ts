/**
 * Every failure, made to happen for real with both restics, says the same at every place where people look, word for word, and
 * names what mends it (J5, J8, E22, E31, E32).
 */
import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import { startBackend, type Backend } from '../../../builders/backends.js';
import { openWorld, type World } from '../../../builders/world.js';
import { backupRows, endedRows, hostRows } from './backups.js';
import { FailingHost, kubectlRows } from './bed.js';
import { repositoryRows } from './repositories.js';
import { judge, type Row } from './row.js';
import { snapshotRows } from './snapshots.js';
import { appendOnlyRows, beginRefusedForget, impatient, impatientRows, refusedRows } from './storage.js';
import { waitingRows } from './waiting.js';

const name = (restic: 'new' | 'old'): string => (restic === 'new' ? 'newest restic' : 'restic 0.14');

describe('what failures say', function () {
  this.timeout(120_000);
  let world: World;
  let backends: Backend[] = [];
  const hosts = new Map<string, FailingHost>();
  /** What kubectl has to show, by job. */
  const shown = new Map<string, string>();

  before(async function () {
    if (process.getuid?.() !== 0) {
      if (this.test?.parent) this.test.parent.title += ' (missing: root, to mount what cannot be read)';
      this.skip();
    }
    world = await openWorld();
    backends = [await startBackend('local'), await startBackend('append-only', ['ao-new', 'ao-old']), await startBackend('rest')];
    const [local, appendOnly, rest] = backends as [Backend, Backend, Backend];
    const add = async (restic: 'new' | 'old', kind: string, backend: Backend, at = world): Promise<FailingHost> => {
      const host = await FailingHost.add(at, backend, restic, `${kind}-${restic}`);
      hosts.set(`${kind}-${restic}`, host);
      return host;
    };
    const everyday = { ...appendOnly, adminSecret: undefined };
    await Promise.all([
      add('old', 'ao', everyday), add('new', 'ao', everyday), add('new', 'f', local), add('old', 'f', local), add('new', 'near', rest, impatient(world)),
    ]);
  });
  after(async () => {
    await world.close();
    for (const backend of backends) await backend.stop();
    await rm(`/rm-failures-${String(process.pid)}`, { recursive: true, force: true });
  });

  function on(restic: 'new' | 'old', kind: string, rows: readonly Row[]): void {
    for (const row of rows) {
      if ((row.only ?? restic) !== restic) continue;
      it(row.title, async () => {
        const host = hosts.get(`${kind}-${restic}`);
        if (!host) throw new Error(`no host ${kind}-${restic}`);
        const { job, told } = await host.told(await row.make(host));
        shown.set(job.metadata.name, await judge(row, host, job, told));
      });
    }
  }
  for (const restic of ['old', 'new'] as const) {
    describe(`${name(restic)}, storage that refuses`, () => {
      on(restic, 'ao', appendOnlyRows);
      after(() => { const host = hosts.get(`ao-${restic}`); if (host) beginRefusedForget(host); });
    });
  }
  for (const restic of ['new', 'old'] as const) {
    describe(`${name(restic)}, sources, hooks and commands`, () => { on(restic, 'f', backupRows); });
    describe(`${name(restic)}, ended from outside`, () => { on(restic, 'f', endedRows); });
    describe(`${name(restic)}, the host`, () => { on(restic, 'f', hostRows); });
    describe(`${name(restic)}, snapshots`, () => { on(restic, 'f', snapshotRows); });
    describe(`${name(restic)}, the repository`, () => { on(restic, 'f', repositoryRows); });
  }
  // No restic is asked.
  describe('never started', () => { on('new', 'f', waitingRows); });
  describe('storage that does not answer', () => { on('new', 'near', impatientRows); });
  for (const restic of ['new', 'old'] as const) describe(`${name(restic)}, deletion that storage refuses`, () => { on(restic, 'ao', refusedRows); });

  it('what can never work is refused before there is a job, naming the field', async () => {
    const host = hosts.get('f-new');
    if (!host) throw new Error('no host f-new');
    const restore = { snapshot: 'deadbeefdeadbeef' };
    for (const [type, spec, problem] of [
      ['Restore', { restore: { ...restore, targetDirectory: 'relative/path' } }, "spec.restore.targetDirectory: Invalid value: \"relative/path\": spec.restore.targetDirectory in body should match '^(/|~/|\\$HOME/|\\$\\{HOME\\}/|[A-Za-z]:[\\\\/])'"],
      ['Restore', { restore: { ...restore, inPlace: true, confirmHostName: 'another' } }, 'spec: Invalid value: "object": restoring in place overwrites files of the host; restore.confirmHostName must repeat hostRef.name'],
      ['Restore', { restore: { ...restore, inPlace: true, confirmHostName: host.name, targetDirectory: '/srv' } }, 'spec.restore: Invalid value: "object": inPlace and targetDirectory exclude each other'],
      ['Diff', { diff: { a: 'deadbeefdeadbeef', b: 'deadbeefdeadbeef' } }, 'spec.diff: Invalid value: "object": a and b are the same snapshot'],
      ['Backup', {}, 'spec: Invalid value: "object": a Backup needs sourceGroupRef'],
    ] as const) {
      const { message } = await world.create('ResticJob', 'refused', { spec: { hostRef: { name: host.name }, type, ...spec } }).then(() => new Error('taken'), (error: unknown) => error as Error);
      expect(message).to.equal(`create ResticJob refused: 422 ResticJob.restic-manager.io "refused" is invalid: ${problem}`);
    }
  });

  it('kubectl get shows host, type, group, status and reason of each of them', () => {
    const rows = kubectlRows(world);
    expect(Object.fromEntries([...shown.keys()].map((job) => [job, rows.get(job)]))).to.deep.equal(Object.fromEntries(shown));
  });
});
