import { expect } from 'chai';
import { mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ForgetArgs } from '#crds/wire/agentProtocol.gen.js';
import { restics, Scratch } from '../../test/builders/agentParts.js';
import { startBackend, REPOSITORY_PASSWORD, type Backend } from '../../test/builders/backends.js';
import { cheapenKey } from '../../test/builders/resticKey.js';
import { toolPath } from '../../hack/tools/paths.js';
import { ResticProbe } from './capabilities.js';
import { check } from './check.js';
import { probeDeletion } from './deletionProbe.js';
import { diff } from './diff.js';
import { ResticError } from './exitCodes.js';
import { forget, type ForgetOptions } from './forget.js';
import { ForgetLedger } from './forgetLedger.js';
import { prune } from './prune.js';
import type { CommandOutcome } from './outcome.js';
import { Restic } from './restic.js';
import { snapshots } from './snapshots.js';
import { listTree } from './tree.js';

const NOW = Date.parse('2026-11-25T03:00:00Z');
const guard = { maxRemovalPercent: 100, keepWithinFloor: '14d' };
const reasonOf = async (work: Promise<unknown>): Promise<string> => work.then(() => 'succeeded', (error: unknown) => (error instanceof ResticError ? error.reason : `not a ResticError: ${String(error)}`));

for (const { name, path } of restics) {
  describe(`deletion with ${name} (J8)`, function () {
    this.timeout(120_000);
    const scratch = new Scratch();
    const probe = new ResticProbe(path);
    let backend: Backend;
    let dir = '';
    let lines: string[] = [];
    let number = 0;
    let repository = '';

    before(async () => { backend = await startBackend('append-only', Array.from({ length: 12 }, (_, index) => `r${index}`)); });
    after(async () => { await backend.stop(); });
    beforeEach(async () => {
      dir = await scratch.dir('deleting');
      lines = [];
      repository = `r${number++}`;
      backend.restic(repository, ['init', '-q'], { program: toolPath('restic-0.14') });
      await cheapenKey(backend.files(repository), REPOSITORY_PASSWORD);
      await mkdir(join(dir, 'src'));
    });
    afterEach(async () => scratch.clean());

    /** Snapshots on these days, all of host web1 unless said otherwise. @returns their ids, in order */
    async function snapshotsOn(days: readonly string[], { host = 'web1', tags = ['docs'] }: { host?: string; tags?: string[] } = {}): Promise<string[]> {
      for (const day of days) {
        await writeFile(join(dir, 'src', 'file'), day);
        backend.restic(repository, ['backup', '-q', '--host', host, ...tags.flatMap((tag) => ['--tag', tag]), '--time', `${day} 10:00:00`, join(dir, 'src')]);
      }
      return (JSON.parse(backend.restic(repository, ['snapshots', '--json']).stdout) as { id: string }[]).map(({ id }) => id);
    }

    async function open(admin: boolean): Promise<Restic> {
      const secret = backend.secret(repository);
      const account = backend.adminSecret;
      const cacheDir = join(dir, 'cache');
      await mkdir(cacheDir, { recursive: true });
      return new Restic({ program: await probe.program(), cacheDir, repository: { name: repository, url: backend.url(repository), username: secret['username'], password: REPOSITORY_PASSWORD, env: secret['RESTIC_REST_PASSWORD'] === undefined ? {} : { RESTIC_REST_PASSWORD: secret['RESTIC_REST_PASSWORD'] } }, ...(admin && account ? { admin: { username: account['username'], password: account['password'] ?? REPOSITORY_PASSWORD, env: account['RESTIC_REST_PASSWORD'] === undefined ? {} : { RESTIC_REST_PASSWORD: account['RESTIC_REST_PASSWORD'] } } } : {}) });
    }

    async function run(args: ForgetArgs, change: Partial<ForgetOptions> = {}, admin = true): Promise<CommandOutcome> {
      const ledger = await ForgetLedger.open(dir, 'a'.repeat(64));
      return forget(await open(admin), { args, ledger, now: NOW, clockSkewMs: 0, signal: new AbortController().signal, onLine: (stream, line) => { lines.push(`${stream}: ${line}`); }, ...change });
    }

    const left = (): string[] => (JSON.parse(backend.restic(repository, ['snapshots', '--json']).stdout) as { id: string }[]).map(({ id }) => id);
    const known = (ids: readonly string[]): string[] => ids.map((id) => id.slice(0, 16));
    const docs = { host: 'web1', tag: 'docs', retention: { keepLast: 1 } };

    it('removes what the policy does not keep, by id, and proves it by listing again', async () => {
      const ids = await snapshotsOn(['2026-01-01', '2026-02-01', '2026-03-01']);
      const outcome = await run({ policies: [docs], guard, known: known(ids) });
      expect(outcome).to.deep.include({ phase: 'Succeeded', reason: 'Completed', message: 'removed 2 of 3 snapshots', summary: { snapshotsRemoved: 2, snapshotsKept: 1 } });
      expect(left()).to.deep.equal([ids[2]]);
      expect(await run({ policies: [docs], guard, known: known(ids) })).to.deep.include({ phase: 'Succeeded', reason: 'NothingRemoved', message: 'nothing was removed' });
    });

    it('never touches snapshots of other hosts, other tags and more tags: they are unmanaged (S1)', async () => {
      await snapshotsOn(['2026-01-01', '2026-01-02'], { host: 'web2' });
      await snapshotsOn(['2026-01-03', '2026-01-04'], { tags: ['mail'] });
      await snapshotsOn(['2026-01-05', '2026-01-06'], { tags: ['docs', 'legal'] });
      const ids = await snapshotsOn(['2026-01-07', '2026-01-08']);
      expect((await run({ policies: [docs], guard, known: known(ids) })).summary).to.deep.equal({ snapshotsRemoved: 1, snapshotsKept: 7 });
      expect(left()).to.have.length(7).and.not.include(ids[6]);
    });

    it('keeps everything younger than the floor, and waits for approval when more than usual would go (X6)', async () => {
      const ids = await snapshotsOn(['2026-01-01', '2026-02-01', '2026-03-01', '2026-11-20', '2026-11-24']);
      const usual = { policies: [docs], guard: { ...guard, maxRemovalPercent: 30 }, known: known(ids) };
      const outcome = await run(usual);
      expect(outcome).to.deep.include({ phase: 'Failed', reason: 'ApprovalRequired', summary: { snapshotsRemoved: 0, snapshotsKept: 5 } });
      expect(outcome.forgetPlan).to.deep.include({ remove: 3, of: 5, reasons: ['RemovesTooMuch'] });
      expect(outcome.message).to.contain(`kubectl annotate repository ${repository} --overwrite restic-manager.io/approve-forget=${outcome.forgetPlan?.hash ?? ''}`);
      expect(left()).to.have.length(5);
      expect((await run({ ...usual, approvedPlan: 'f'.repeat(64) })).reason, 'another plan').to.equal('ApprovalRequired');
      expect(await run({ ...usual, approvedPlan: outcome.forgetPlan?.hash })).to.deep.include({ phase: 'Succeeded', summary: { snapshotsRemoved: 3, snapshotsKept: 2 } });
      expect(left()).to.deep.equal(ids.slice(3));
    });

    it('lets forged snapshots push out nothing: from the future, or that no backup reported (X6)', async () => {
      const real = await snapshotsOn(['2026-01-01', '2026-01-02', '2026-01-03']);
      await snapshotsOn(['2027-06-01', '2027-06-02']);
      const outcome = await run({ policies: [docs], guard, known: known(real) });
      expect(outcome).to.deep.include({ phase: 'Failed', reason: 'ApprovalRequired' });
      expect(outcome.forgetPlan?.reasons).to.include('FutureSnapshots');
      expect(left()).to.include.members(real);
      // forged ones with believable times rest a day, then wait for a person
      backend.restic(repository, ['forget', ...left().filter((id) => !real.includes(id))]);
      await snapshotsOn(['2026-02-01']);
      expect(await run({ policies: [docs], guard, known: known(real) })).to.deep.include({ phase: 'Succeeded', reason: 'NothingRemoved' });
      expect(lines.join('\n')).to.contain('rests this time');
      const later = await run({ policies: [docs], guard, known: known(real) }, { now: NOW + 25 * 3_600_000 });
      expect(later.forgetPlan?.reasons).to.deep.equal(['UnknownSnapshots']);
      expect(left()).to.include.members(real);
    });

    it('tells that an append-only storage kept them, whatever restic says (E16)', async () => {
      const ids = await snapshotsOn(['2026-01-01', '2026-02-01']);
      const outcome = await run({ policies: [docs], guard, known: known(ids) }, {}, false);
      expect(outcome).to.deep.include({ phase: 'Failed', reason: 'AppendOnly', summary: { snapshotsRemoved: 0, snapshotsKept: 2 } });
      expect(outcome.message).to.contain('1 of 1 snapshots are still there').and.contain('adminCredentialsSecretRef');
      expect(left()).to.have.length(2);
    });

    it('removes exactly the snapshots a person named, and none when one is not there', async () => {
      const ids = await snapshotsOn(['2026-11-23', '2026-11-24']);
      expect(await reasonOf(run({ snapshotIDs: [ids[0] ?? '', 'deadbeef00'] }))).to.equal('SnapshotNotFound');
      expect(left()).to.have.length(2);
      expect((await run({ snapshotIDs: [(ids[0] ?? '').slice(0, 8)] })).summary).to.deep.equal({ snapshotsRemoved: 1, snapshotsKept: 1 });
      expect(left()).to.deep.equal([ids[1]]);
    });

    it('says in a dry run what would go, and removes nothing', async () => {
      const ids = await snapshotsOn(['2026-01-01', '2026-02-01', '2026-03-01']);
      const dry = async (change: Partial<NonNullable<ForgetArgs['guard']>>): Promise<CommandOutcome> => run({ policies: [docs], guard: { ...guard, ...change }, known: known(ids) }, { dryRun: true }, false);
      expect(await dry({ maxRemovalPercent: 100 })).to.deep.include({ phase: 'Succeeded', reason: 'Completed', message: 'dry run: 2 of 3 snapshots would be removed' });
      expect(left()).to.have.length(3);
      const held = await dry({ maxRemovalPercent: 0 });
      expect(held).to.deep.include({ phase: 'Succeeded', reason: 'Completed', message: 'dry run: 0 of 3 snapshots would be removed; 2 would wait for approval: 2 of 3 of web1/docs (more than the guard lets go at once)' });
      expect(held, 'nothing to approve: the forget itself holds its plan').not.to.have.property('forgetPlan');
      expect(await dry({ maxRemovalPercent: 100, keepWithinFloor: '100y' })).to.deep.include({ reason: 'NothingRemoved', message: 'dry run: 0 of 3 snapshots would be removed; web1/docs: 2 snapshots that the retention does not keep are younger than 100y and stay' });
    });

    it('prunes what nothing needs, says how much, and is refused by an append-only storage', async () => {
      await writeFile(join(dir, 'src', 'big'), Buffer.alloc(700_000, 'x'));
      const [first = ''] = await snapshotsOn(['2026-01-01']);
      await rm(join(dir, 'src', 'big'));
      await snapshotsOn(['2026-01-02']);
      backend.restic(repository, ['forget', first]);
      const io = { signal: new AbortController().signal, onLine: (stream: string, line: string) => { lines.push(`${stream}: ${line}`); } };
      expect((await prune(await open(true), { ...io, dryRun: true })).summary?.bytesFreed).to.be.greaterThan(0);
      // 0.14 says the same after a minute of trying
      if (path === restics[0].path) expect(await reasonOf(prune(await open(false), io))).to.equal('AppendOnly');
      const outcome = await prune(await open(true), io);
      expect(outcome).to.deep.include({ phase: 'Succeeded', reason: 'Completed' });
      expect(outcome.summary?.bytesFreed).to.be.greaterThan(0);
      expect(backend.restic(repository, ['check']).status).to.equal(0);
    });

    it('tells by a question that harms nothing whether the credential may delete (E34)', async () => {
      expect(await probeDeletion(await open(false), new AbortController().signal)).to.equal('Enforced');
      expect(await probeDeletion(await open(true), new AbortController().signal)).to.equal('NotEnforced');
    });

    it('checks the repository, and quotes what is damaged', async () => {
      await snapshotsOn(['2026-01-01']);
      const io = { signal: new AbortController().signal, onLine: (stream: string, line: string) => { lines.push(`${stream}: ${line}`); }, onProgress: () => undefined };
      expect(await check(await open(false), { ...io, readDataSubsetPercent: 100 })).to.deep.include({ phase: 'Succeeded', reason: 'Completed', summary: { errorsFound: 0 } });
      if (path !== restics[0].path) return; // 0.14 tries each damaged file for a minute
      const data = join(backend.files(repository), 'data');
      for (const folder of await readdir(data)) for (const pack of await readdir(join(data, folder))) {
        const at = join(data, folder, pack);
        if ((await stat(at)).size > 0) await truncate(at, 10);
      }
      const outcome = await check(await open(false), io);
      expect(outcome.phase).to.equal('Failed');
      expect(outcome.reason).to.be.oneOf(['CheckFoundErrors', 'RepositoryDamaged']);
      expect(outcome.message.length).to.be.greaterThan(40);
    });

    it('compares two snapshots and lists a directory of one, a page at a time (R2, E25)', async () => {
      await writeFile(join(dir, 'src', '[a]*'), 'x');
      await snapshotsOn(['2026-01-01']);
      await rm(join(dir, 'src', '[a]*'));
      await writeFile(join(dir, 'src', 'new'), 'y');
      await snapshotsOn(['2026-01-02']);
      const restic = await open(false);
      const [a, b] = (await snapshots(restic, {})).map(({ id }) => id.slice(0, 10));
      const io = { signal: new AbortController().signal, onLine: () => undefined };
      expect((await diff(restic, { a: a ?? '', b: b ?? '' }, io)).summary).to.deep.include({ filesAdded: 1, filesRemoved: 1, filesChanged: 1 });
      expect(await reasonOf(diff(restic, { a: a ?? '', b: a ?? '' }, io))).to.equal('SnapshotNotFound');
      expect(await reasonOf(diff(restic, { a: a ?? '', b: 'deadbeef00' }, io))).to.equal('SnapshotNotFound');
      const page = await listTree(restic, { snapshot: a ?? '', path: join(dir, 'src') }, io.signal);
      expect(page.entries.map(({ name: entry, type }) => `${entry} ${type}`)).to.deep.equal(['[a]* file', 'file file']);
      expect((await listTree(restic, { snapshot: a ?? '', path: join(dir, 'src'), after: '[a]*' }, io.signal)).entries.map((entry) => entry.name)).to.deep.equal(['file']);
      expect((await listTree(restic, { snapshot: a ?? '', path: '/' }, io.signal)).entries).to.have.length(1);
      expect(await reasonOf(listTree(restic, { snapshot: a ?? '', path: '/nowhere' }, io.signal))).to.equal('PathNotFound');
      expect(await reasonOf(listTree(restic, { snapshot: 'deadbeef00', path: '/' }, io.signal))).to.equal('SnapshotNotFound');
    });
  });
}
