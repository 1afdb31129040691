/** A manifest directory on a real file store, with short waits: what is applied, what is told, what goes and what never goes. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '#controller/runtime/clock.js';
import { createInformers } from '#controller/runtime/informer.js';
import type { Informers } from '#controller/runtime/types.js';
import { newObject, type Kind, type KindMap } from '#crds/kinds.js';
import type { KubeObject, Stored } from '#crds/meta.js';
import { NotFound, type Writer } from '#crds/objectStore.js';
import { createAdmission } from '../admission/index.js';
import { openRecords, type Records } from '../records/index.js';
import { openFileStore, type FileStore } from '../stores/file/index.js';
import { createManifests, type Manifests, type ManifestsStatus } from './index.js';

const log = { debug() {}, info() {}, warn() {}, error(fields: Record<string, unknown>, message: string) { console.error(message, fields); } };
const person: Writer = { principal: { name: 'alice', role: 'admin' }, door: 'resources', fieldManager: 'kubectl-edit' };
const host = (name: string, spec = 'displayName: One', more = ''): string => `apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: ${name}${more}}\nspec: {${spec}}\n`;
const schedule = (name: string, cron = '0 2 * * *'): string => `apiVersion: restic-manager.io/v1alpha1\nkind: Schedule\nmetadata: {name: ${name}}\nspec: {schedule: "${cron}", sourceGroupRefs: [{name: files}]}\n`;
const allowed = ', annotations: {restic-manager.io/prune: allowed}';
const fingerprint = `SHA256:${'a'.repeat(43)}`;

describe('the manifest directory', function () {
  this.timeout(20_000);
  let dir: string;
  let tree: string;
  let store: FileStore;
  let records: Records;
  let informers: Informers;
  let manifests: Manifests | undefined;
  let events: string[];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-manifests-'));
    tree = join(dir, 'tree');
    await mkdir(tree);
    store = await openFileStore({ dir, admission: createAdmission({ namespace: 'default' }), secretKey: randomBytes(32) });
    records = await openRecords({ dir });
    informers = createInformers({ store, log, clock: systemClock });
    await informers.start();
    events = [];
  });
  afterEach(async () => {
    await manifests?.stop();
    manifests = undefined;
    await informers.stop();
    await records.close();
    await store.close();
    await rm(dir, { recursive: true });
  });

  function begin(directory = tree): void {
    manifests = createManifests({
      directory, store, cache: informers.cache, records, namespace: 'default', clock: systemClock, log,
      recorder: { event: (object, type, reason, message) => { events.push(`${object.kind}/${object.metadata.name} ${type} ${reason} ${message}`); } },
      timings: { settleMs: 20, rescanMs: 150, pruneAfterMs: 120, resyncMs: 60_000 },
    });
    manifests.start();
  }
  const status = (): ManifestsStatus => {
    if (!manifests) throw new Error('not begun');
    return manifests.status();
  };
  async function until<T>(what: string, probe: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
    for (const end = Date.now() + 5_000; ;) {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      if (Date.now() > end) throw new Error(`timed out waiting for ${what}: ${JSON.stringify(status())} ${events.join('\n')}`);
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
  }
  const isLetGo = (object: Stored<KubeObject> | undefined): boolean => object?.metadata.managedFields?.every(({ manager, operation }) => manager !== 'manifests' || operation !== 'Apply') === true;
  const put = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    await writeFile(join(tree, file), text);
  };
  const get = <K extends Kind>(kind: K, name: string): Promise<Stored<KindMap[K]> | undefined> => store.get(kind, { namespace: 'default', name }).catch((error: unknown) => {
    if (error instanceof NotFound) return undefined;
    throw error;
  });
  const there = (kind: Kind, name: string): Promise<unknown> => until(`${kind} ${name}`, () => get(kind, name));
  const gone = (kind: Kind, name: string): Promise<unknown> => until(`${kind} ${name} gone`, async () => await get(kind, name) === undefined);
  const synced = (): Promise<unknown> => until('synced', () => status().state === 'synced');
  const failing = (text: string): Promise<unknown> => until(`a problem with ${text}`, () => status().problems.some((problem) => JSON.stringify(problem).includes(text)));
  /** Long enough for every scan that a removal would take. */
  const waitOut = async (): Promise<void> => {
    for (let passes = 0, seen = status().lastSync; passes < 4; ) {
      await new Promise((resolve) => { setTimeout(resolve, 20); });
      if (status().lastSync !== seen) { passes++; seen = status().lastSync; }
    }
  };

  it('applies every document of every file, in folders too, as YAML and JSON, with force as `manifests`', async () => {
    await store.create('Host', newObject('Host', { name: 'web1' }, { spec: { displayName: 'Old', suspend: true } }), person);
    await put('hosts.yaml', `${host('web1')}---\n# nothing\n---\n${host('web2')}`);
    await put('more/deep/s.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Schedule', metadata: { name: 'nightly' }, spec: { schedule: '0 2 * * *', sourceGroupRefs: [{ name: 'later' }] } }] }));
    await put('README.md', 'no manifest');
    await put('.github/workflow.yaml', 'on: push');
    begin();
    await synced();
    expect(status()).to.include({ objects: 3 });
    const web1 = await get('Host', 'web1');
    expect(web1?.spec).to.include({ displayName: 'One', suspend: true });
    expect(web1?.metadata.managedFields?.find(({ manager }) => manager === 'manifests')).to.include({ operation: 'Apply' });
    expect(await get('Host', 'web2')).to.not.equal(undefined);
    expect(await get('Schedule', 'nightly')).to.not.equal(undefined);
  });

  it('keeps the last good state of what is wrong, applies the rest, and names file, document and field', async () => {
    await put('a.yaml', `${host('web1')}---\n${host('web2')}`);
    begin();
    await synced();
    await put('a.yaml', `${host('web1', 'displayName: Two')}---\n${host('web2', 'presence: Sometimes')}`);
    await put('b.yaml', host('web3'));
    await failing('spec.presence');
    expect(status().problems).to.deep.equal([{ file: 'a.yaml', document: 2, object: 'host.restic-manager.io/web2', field: 'spec.presence', message: status().problems[0]?.message }]);
    expect((await get('Host', 'web1'))?.spec.displayName).to.equal('Two');
    expect((await get('Host', 'web2'))?.spec).to.deep.equal({ displayName: 'One', presence: 'AlwaysOn', maxConcurrentJobs: 1 });
    await there('Host', 'web3');
    expect(events.join('\n')).to.include('Namespace/default Warning ManifestInvalid a.yaml, document 2: host.restic-manager.io/web2: spec.presence: Unsupported value');
    const told = events.length;
    await waitOut();
    expect(events.length, 'told once').to.equal(told);
    await put('a.yaml', `${host('web1')}---\n${host('web2', 'presence: Intermittent')}`);
    await synced();
    expect((await get('Host', 'web2'))?.spec).to.deep.equal({ presence: 'Intermittent', maxConcurrentJobs: 1 });
  });

  it('removes what it made, after two equal scans, and never what was there before', async () => {
    await store.create('Schedule', newObject('Schedule', { name: 'theirs' }, { spec: { schedule: '0 3 * * *', sourceGroupRefs: [{ name: 'files' }] } }), person);
    await put('keep.yaml', host('web1'));
    await put('mine.yaml', schedule('mine'));
    await put('theirs.yaml', schedule('theirs', '0 4 * * *'));
    begin();
    await synced();
    await rm(join(tree, 'mine.yaml'));
    await rm(join(tree, 'theirs.yaml'));
    await until('the wait', () => status().pruning.state === 'waiting');
    expect(await get('Schedule', 'mine')).to.not.equal(undefined);
    await gone('Schedule', 'mine');
    const theirs = await until('their fields let go', async () => {
      const object = await get('Schedule', 'theirs');
      return isLetGo(object) && object;
    });
    expect(theirs.spec.schedule).to.equal('0 4 * * *');
    await until('the Event', () => events.includes('Schedule/mine Normal ManifestPruned removed, because its manifest is gone'));
  });

  it('removes a Host, Repository or Secret only when the object allows it', async () => {
    await put('keep.yaml', schedule('nightly'));
    await put('a.yaml', host('kept'));
    await put('b.yaml', host('goes', 'displayName: One', allowed));
    begin();
    await synced();
    await rm(join(tree, 'a.yaml'));
    await rm(join(tree, 'b.yaml'));
    await gone('Host', 'goes');
    await waitOut();
    expect(isLetGo(await get('Host', 'kept')), 'its fields may be edited again').to.equal(true);
    expect(status().pruning.held).to.deep.equal(['Host/default/kept']);
    expect(events.filter((event) => event.startsWith('Host/kept'))).to.deep.equal(['Host/kept Warning ManifestHeld the manifest is gone; the object stays unless annotated restic-manager.io/prune: allowed']);
    await store.patchMeta('Host', { namespace: 'default', name: 'kept' }, { annotations: { 'restic-manager.io/prune': 'allowed' } }, person);
    await put('touched.yaml', '# so that it is looked at');
    await gone('Host', 'kept');
  });

  for (const [what, harm] of [
    ['an empty directory', async () => { await rm(tree, { recursive: true }); await mkdir(tree); }],
    ['a directory that is not there', async () => { await rename(tree, `${tree}-away`); }],
    ['an empty file', async () => { await put('a.yaml', ''); }],
    ['a half-written file', async () => { await put('a.yaml', host('web1').slice(0, -15)); }],
    ['a file that does not parse beside a removed one', async () => { await rm(join(tree, 'a.yaml')); await put('b.yaml', 'a: [1'); }],
    ['a link that leads nowhere', async () => { await rm(join(tree, 'a.yaml')); await symlink('away.yaml', join(tree, 'a.yaml')); }],
    ['a link that leads out', async () => { await rm(join(tree, 'a.yaml')); await symlink('/etc/hosts', join(tree, 'a.yaml')); }],
    ['a folder that leads nowhere', async () => { await rm(join(tree, 'a.yaml')); await symlink('gone', join(tree, 'folder')); }],
    ['an object declared twice', async () => { await rm(join(tree, 'a.yaml')); await put('c.yaml', schedule('keep')); }],
    ['a manifest of no known kind', async () => { await rm(join(tree, 'a.yaml')); await put('c.yaml', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}'); }],
    ['a file in place of the directory', async () => { await rm(tree, { recursive: true }); await writeFile(tree, ''); }],
  ] as const) {
    it(`removes nothing for ${what}`, async () => {
      await put('a.yaml', host('web1', `enrollment: {fingerprint: "${fingerprint}"}`, allowed));
      await put('b.yaml', schedule('keep'));
      begin();
      await synced();
      await harm();
      await until('failing', () => status().state === 'failing');
      await waitOut();
      expect((await get('Host', 'web1'))?.spec.enrollment).to.deep.equal({ fingerprint });
      expect(await get('Schedule', 'keep')).to.not.equal(undefined);
      expect(events.some((event) => event.includes('ManifestInvalid'))).to.equal(true);
      await rm(tree, { recursive: true, force: true });
      await put('b.yaml', schedule('keep'));
      await gone('Host', 'web1');
    });
  }

  it('keeps the agent of a host whose file lost its end', async () => {
    await put('a.yaml', `apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata:\n  name: web1\nspec:\n  displayName: One\n  enrollment:\n    fingerprint: "${fingerprint}"\n`);
    begin();
    await synced();
    await put('a.yaml', 'apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata:\n  name: web1\nspec:\n  displayName: Two\n');
    const cut = await until('the cut file', async () => {
      const object = await get('Host', 'web1');
      return object?.spec.displayName === 'Two' && object;
    });
    expect(cut.spec.enrollment).to.deep.equal({ fingerprint });
    await until('the Event', () => events.join('\n').includes('Host/web1 Warning ManifestHeld the manifest no longer names the agent'));
  });

  it('waits for a confirmation of exactly these, when they are many', async () => {
    await put('keep.yaml', schedule('keep'));
    await put('many.yaml', Array.from({ length: 7 }, (_, index) => schedule(`s${String(index)}`)).join('---\n'));
    begin();
    await synced();
    await rm(join(tree, 'many.yaml'));
    const { pruning: { id } } = await until('the question', () => status().pruning.state === 'confirmation' && status());
    expect(events.at(-1)).to.equal(`Namespace/default Warning ManifestPruneWaits 7 objects would be removed, more than 5: confirm with id ${id}`);
    expect(await manifests?.confirm('000000000000')).to.equal(false);
    await waitOut();
    expect(await get('Schedule', 's0')).to.not.equal(undefined);
    // The word of a person outlives the process.
    expect(await manifests?.confirm(id)).to.equal(true);
    await manifests?.stop();
    begin();
    for (let index = 0; index < 7; index++) await gone('Schedule', `s${String(index)}`);
    expect(await get('Schedule', 'keep')).to.not.equal(undefined);
  });

  it('knows after a restart what it made', async () => {
    await put('keep.yaml', schedule('keep'));
    await put('mine.yaml', schedule('mine'));
    begin();
    await synced();
    await manifests?.stop();
    await rm(join(tree, 'mine.yaml'));
    begin();
    await gone('Schedule', 'mine');
  });

  it('leaves alone what somebody made anew under the name of what it made', async () => {
    await put('keep.yaml', schedule('keep'));
    await put('mine.yaml', schedule('mine'));
    begin();
    await synced();
    await manifests?.stop();
    await store.delete('Schedule', { namespace: 'default', name: 'mine' }, person);
    await store.create('Schedule', newObject('Schedule', { name: 'mine' }, { spec: { schedule: '0 3 * * *', sourceGroupRefs: [{ name: 'files' }] } }), person);
    await rm(join(tree, 'mine.yaml'));
    begin();
    await synced();
    await waitOut();
    expect((await get('Schedule', 'mine'))?.spec.schedule).to.equal('0 3 * * *');
  });

  it('does a declared job once', async () => {
    await put('job.yaml', 'apiVersion: restic-manager.io/v1alpha1\nkind: ResticJob\nmetadata: {name: once}\nspec: {hostRef: {name: web1}, type: Backup, sourceGroupRef: {name: files}}\n');
    begin();
    await synced();
    await store.delete('ResticJob', { namespace: 'default', name: 'once' }, person);
    await put('more.yaml', schedule('nightly'));
    await there('Schedule', 'nightly');
    expect(await get('ResticJob', 'once')).to.equal(undefined);
  });

  it('takes a swapped ConfigMap volume as one change', async () => {
    for (const [version, name] of [['..v1', 'One'], ['..v2', 'Two']] as const) for (const each of ['web1', 'web2']) await put(`${version}/${each}.yaml`, host(each, `displayName: ${name}`));
    await symlink('..v1', join(tree, '..data'));
    for (const each of ['web1', 'web2']) await symlink(`..data/${each}.yaml`, join(tree, `${each}.yaml`));
    begin();
    await synced();
    expect(status().objects).to.equal(2);
    await symlink('..v2', join(tree, '..data_tmp'));
    await rename(join(tree, '..data_tmp'), join(tree, '..data'));
    for (const each of ['web1', 'web2']) await until('the new version', async () => (await get('Host', each))?.spec.displayName === 'Two');
    expect(events).to.deep.equal([]);
  });

  it('follows the worktree link of git-sync, also when the directory lies below it', async () => {
    for (const [version, name] of [['one', 'One'], ['two', 'Two']] as const) await put(`.worktrees/${version}/fleet/web1.yaml`, host('web1', `displayName: ${name}`));
    await symlink('.worktrees/one', join(tree, 'current'));
    begin(join(tree, 'current', 'fleet'));
    await synced();
    await symlink('.worktrees/two', join(tree, 'tmp'));
    await rename(join(tree, 'tmp'), join(tree, 'current'));
    await until('the new version', async () => (await get('Host', 'web1'))?.spec.displayName === 'Two');
    expect(events).to.deep.equal([]);
  });

  it('says nothing of what is in a Secret', async () => {
    await put('secret.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: repo}\nstringData: {password: 12345678, other: [hunter2]}\n');
    await put('cut.yaml', 'kind: Secret\nstringData:\n  password: *hunter3\n');
    begin();
    await failing('secret.yaml');
    const said = JSON.stringify([status().problems, events]);
    expect(said).to.include('cut.yaml').and.not.match(/12345678|hunter/);
  });
});
