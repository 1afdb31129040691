/** Snapshots by /api: lists from what agents reported, trees asked of them, diffs and restores with everything that is refused. */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { Snapshot } from '#crds/wire/agentProtocol.gen.js';
import { items, refused, startOperatorBed, type OperatorBed } from '../builders/operatorBed.js';
import type { Person, Reply } from '../builders/person.js';
import type { ScriptedAgent } from '../builders/scriptedAgent.js';
import { until } from '../builders/until.js';

const REPOSITORY = 'd'.repeat(64);
const idOf = (index: number, host = 'web1'): string => createHash('sha256').update(`${host} ${String(index)}`).digest('hex');
const snapshot = (index: number, tags: string[], hostname = 'web1'): Snapshot => ({ id: idOf(index, hostname), time: new Date(Date.UTC(2026, 0, 1, index)).toISOString(), hostname, tags, paths: ['/srv'], filesProcessed: index, bytesProcessed: 1000 + index });
const digest = (snapshots: readonly Snapshot[]): string => createHash('sha256').update(snapshots.map(({ id }) => id).sort().join('\n')).digest('hex');

describe('snapshots by /api', function () {
  this.timeout(60_000);
  let bed: OperatorBed;
  let admin: Person;
  let operator: Person;
  let agent: ScriptedAgent;
  let seq = 0;
  before(async () => {
    bed = await startOperatorBed();
    ({ admin, operator } = bed);
    const host = await bed.addHost('web1');
    if (!host.agent) throw new Error('web1 is not connected');
    agent = host.agent;
    await bed.addHost('db1', { away: true });
    for (const name of ['web1', 'db1']) expect((await bed.patch(`repositories/${name}/status`, { status: { id: name === 'web1' ? REPOSITORY : 'e'.repeat(64) } })).status).to.equal(200);
    await report([...Array.from({ length: 150 }, (_, index) => snapshot(index, index % 2 === 0 ? ['default'] : ['default', 'extra'])), snapshot(150, ['stray'])]);
    await report([snapshot(1, ['default'], 'old-host')], 'old-host');
    await until('the list to be there', async () => (await operator.call('GET', '/api/hosts/web1/snapshots?hostname=old-host')).body['total'] === 1);
  });
  after(() => bed.stop());

  async function report(snapshots: Snapshot[], hostname = 'web1'): Promise<void> {
    seq += 1;
    agent.send('snapshots.report', { repository: 'web1', repositoryID: REPOSITORY, hostname, digest: digest(snapshots), snapshots, more: false, time: new Date().toISOString() }, seq);
    await agent.acked(seq);
  }

  const jobOf = async (reply: Reply): Promise<Record<string, unknown>> => (await operator.call('GET', `/api/jobs/${String(reply.body['job_id'])}`)).body;
  const jobs = async (host = 'web1'): Promise<number> => items(await operator.call('GET', `/api/hosts/${host}/jobs`)).filter((job) => job['origin'] === 'user').length;

  describe('lists (R1)', () => {
    it('come by pages, newest first, each once', async () => {
      const seen: unknown[] = [];
      let path: string | undefined = '/api/hosts/web1/snapshots?limit=60';
      while (path !== undefined) {
        const reply: Reply = await bed.viewer.call('GET', path);
        expect(reply.status, reply.text).to.equal(200);
        expect(reply.body).to.include({ total: 151, stale: false });
        seen.push(...items(reply).map((item) => item['id']));
        path = typeof reply.body['next'] === 'string' ? `/api/hosts/web1/snapshots?limit=60&after=${encodeURIComponent(reply.body['next'])}` : undefined;
      }
      expect(seen).to.deep.equal(Array.from({ length: 151 }, (_, index) => idOf(150 - index)));
    });

    it('say what a snapshot is, and which retention never touches', async () => {
      const group = items(await operator.call('GET', '/api/hosts/web1/source-groups'))[0]?.['id'];
      const [stray, second, third] = items(await operator.call('GET', '/api/hosts/web1/snapshots?limit=3'));
      expect(stray).to.include({ source_group_id: null, managed: false });
      // Another tag beside the group's: not the group's any more.
      expect(second).to.deep.include({ tags: ['default', 'extra'], source_group_id: null, managed: false });
      expect(third).to.deep.include({ short_id: idOf(148).slice(0, 8), hostname: 'web1', tags: ['default'], paths: ['/srv'], size_bytes: 1148, files: 148, source_group_id: group, managed: true });
    });

    it('are filtered by tag and by another restic host of the repository, which is named even when no host is left of it (R4)', async () => {
      expect((await operator.call('GET', '/api/hosts/web1/snapshots?tag=stray')).body).to.include({ total: 1, next: null });
      const { body } = await operator.call('GET', '/api/hosts/web1/snapshots?hostname=old-host');
      expect(body).to.include({ total: 1, stale: true });
      expect((body['hostnames'] as Record<string, unknown>[]).map(({ hostname, count, host_id: id }) => [hostname, count, id === null])).to.deep.equal([['old-host', 1, true], ['web1', 151, false]]);
    });

    it('are filtered by time and path, with the count of what matches (R1)', async () => {
      const all = items(await operator.call('GET', '/api/hosts/web1/snapshots?limit=1000'));
      const cut = String(all[50]?.['time']);
      expect((await operator.call('GET', `/api/hosts/web1/snapshots?since=${encodeURIComponent(cut)}&limit=1000`)).body).to.include({ total: 51 });
      expect((await operator.call('GET', `/api/hosts/web1/snapshots?before=${encodeURIComponent(cut)}&limit=1`)).body).to.include({ total: 100 });
      expect((await operator.call('GET', '/api/hosts/web1/snapshots?path=/srv/www/index.html')).body).to.include({ total: all.filter(({ paths }) => (paths as string[]).includes('/srv')).length });
      expect((await operator.call('GET', '/api/hosts/web1/snapshots?path=/nowhere')).body).to.deep.include({ items: [], total: 0 });
    });

    it('tell unknown from empty, and mark what an absent host last said as stale (E15)', async () => {
      expect((await operator.call('GET', '/api/hosts/db1/snapshots')).body).to.deep.include({ items: [], total: 0, refreshed_at: null, stale: true });
      expect((await operator.call('GET', '/api/hosts/web1/snapshots')).body['refreshed_at']).to.match(/^\d{4}-/);
    });

    it('are refused a bad page by name', async () => {
      for (const [query, field] of [['limit=0', 'limit'], ['limit=1001', 'limit'], ['limit=x', 'limit'], ['surprise=1', 'surprise'], ['tag=a&tag=b', 'tag'], ['after=', 'after'], ['since=yesterday', 'since'], ['before=2026-13-01T00:00:00Z', 'before'], ['path=srv', 'path']] as const) {
        const reply = await operator.call('GET', `/api/hosts/web1/snapshots?${query}`);
        expect(reply.status, query + reply.text).to.equal(422);
        expect(reply.body['message'], query).to.match(new RegExp(`^${field}: `));
      }
    });
  });

  describe('trees', () => {
    const tree = (path: string, id = idOf(1)): Promise<Reply> => operator.call('GET', `/api/hosts/web1/snapshots/${id}/tree?path=${encodeURIComponent(path)}`);
    const requests = (): { id?: string; payload: { params?: unknown } }[] => agent.frames.filter((frame) => frame.type === 'rpc.request') as never;
    async function answer(count: number, result: object): Promise<void> {
      await until(`question ${String(count)}`, () => requests().length === count);
      agent.raw(JSON.stringify({ type: 'rpc.result', id: requests().at(-1)?.id, payload: result }));
    }

    it('are asked of the host, by the full id, and kept; an error is never kept (E25)', async () => {
      const first = tree('/srv', idOf(1).slice(0, 8));
      await answer(1, { error: { code: 'RepositoryLocked', message: 'locked by pid 7' } });
      expect(refused(await first)).to.deep.equal({ status: 502, code: 'agent_failed' });
      const second = tree('/srv');
      await answer(2, { result: { entries: [{ name: 'a', path: '/srv/a', type: 'file', size: 3, mode: 420 }, { name: 'b\ufffd', path: '/srv/b\ufffd', type: 'dir', notText: true }], more: true } });
      const reply = await second;
      expect(requests().at(-1)?.payload.params).to.deep.equal({ snapshot: idOf(1), path: '/srv' });
      expect(reply.body).to.deep.include({
        snapshot_id: idOf(1), path: '/srv', next: 'b\ufffd', listed_by: 'web1',
        items: [{ name: 'a', path: '/srv/a', type: 'file', size: 3, mtime: null, mode: 420, selectable: true }, { name: 'b\ufffd', path: '/srv/b\ufffd', type: 'dir', size: null, mtime: null, mode: null, selectable: false }],
      });
      expect((await tree('/srv', idOf(1).slice(0, 10))).body).to.deep.equal(reply.body);
      expect(requests()).to.have.length(2);
    });

    it('say what is not there, and what an older agent cannot do', async () => {
      const missing = tree('/none');
      await answer(3, { error: { code: 'PathNotFound', message: '/none is not in the snapshot' } });
      expect(refused(await missing)).to.deep.equal({ status: 404, code: 'not_found' });
      const old = tree('/old');
      await answer(4, { error: { code: 'unknown_method', message: 'no method tree.list' } });
      expect(refused(await old)).to.deep.equal({ status: 409, code: 'agent_too_old' });
    });

    it('are refused at once while nobody can read them (E9), for a relative path and to viewers', async () => {
      expect(refused(await operator.call('GET', `/api/hosts/db1/snapshots/${idOf(1)}/tree`))).to.deep.equal({ status: 503, code: 'host_offline' });
      expect((await tree('srv')).body['message']).to.match(/^path: must be absolute/);
      expect((await operator.call('GET', '/api/hosts/web1/snapshots/latest/tree')).status).to.equal(404);
      expect((await bed.viewer.call('GET', `/api/hosts/web1/snapshots/${idOf(1)}/tree`)).status).to.equal(403);
      expect(requests()).to.have.length(4);
    });
  });

  describe('diffs (R2)', () => {
    const diff = (a: string, b: string, host = 'web1'): Promise<Reply> => operator.call('POST', `/api/hosts/${host}/snapshots/diff`, { a, b });
    it('take short ids and become jobs', async () => {
      const reply = await diff(idOf(1).slice(0, 8), idOf(2).slice(0, 12));
      expect(reply.status, reply.text).to.equal(202);
      expect(await jobOf(reply)).to.deep.include({ kind: 'diff', args: { a: idOf(1), b: idOf(2) } });
    });
    it('refuse a snapshot against itself (E25), what is no id, and a host that is away', async () => {
      const before = await jobs();
      for (const [a, b] of [[idOf(1), idOf(1)], [idOf(1).slice(0, 8), idOf(1)], ['abcdef01', 'abcdef0123']] as const) {
        const reply = await diff(a, b);
        expect([reply.status, reply.body['message']], a + b).to.deep.equal([422, 'b: is the same snapshot as a']);
      }
      for (const bad of ['latest', '--json--', 'abc']) expect((await diff(bad, idOf(1))).body['message'], bad).to.match(/^a: /);
      expect(refused(await diff(idOf(1), idOf(2), 'db1'))).to.deep.equal({ status: 503, code: 'host_offline' });
      expect(await jobs()).to.equal(before);
    });
  });

  describe('restores (R3, R4, E11)', () => {
    const restore = (body: object, person = operator, host = 'web1'): Promise<Reply> => person.call('POST', `/api/hosts/${host}/restore`, { snapshot_id: idOf(1), paths: ['/srv/a'], ...body });

    it('become jobs: chosen paths to a new directory by default, everything for /', async () => {
      const reply = await restore({ snapshot_id: idOf(1).slice(0, 8), paths: ['/srv/report[1].txt', '/srv/report[1].txt'], target_directory: '$HOME/back', overwrite: 'if_newer', verify: true });
      expect(reply.status, reply.text).to.equal(202);
      expect(await jobOf(reply)).to.deep.include({ kind: 'restore', args: { snapshot_id: idOf(1), paths: ['/srv/report[1].txt'], in_place: false, target_directory: '$HOME/back', overwrite: 'if_newer', verify: true } });
      const whole = await jobOf(await restore({ paths: ['/', '/srv'] }));
      expect(whole['args']).to.deep.include({ paths: ['/'], overwrite: 'never' });
      const asked = await operator.call('POST', '/api/hosts/web1/jobs', { kind: 'restore', args: { snapshot_id: idOf(1), paths: ['/srv'], dry_run: true } });
      expect((await jobOf(asked))['args'], asked.text).to.deep.include({ dry_run: true });
    });

    it('are refused by the name of the field, and start nothing', async () => {
      const before = await jobs();
      for (const [body, field] of [
        [{ paths: [] }, 'paths'], [{ paths: ['srv'] }, 'paths[0]'], [{ paths: ['/a', '-o'] }, 'paths[1]'], [{ snapshot_id: 'latest' }, 'snapshot_id'], [{ target_directory: 'back' }, 'target_directory'], [{ target_directory: '/srv/../etc' }, 'target_directory'],
        [{ target_directory: '$HOMER/x' }, 'target_directory'], [{ target_directory: '~root/x' }, 'target_directory'], [{ overwrite: 'maybe' }, 'overwrite'], [{ source_host_id: 'none' }, 'source_host_id'], [{ source_repository_id: 'none' }, 'source_repository_id'],
        [{ source_repository_id: 'web1', source_host_id: 'web1' }, 'source_repository_id'], [{ surprise: true }, 'surprise'],
      ] as const) {
        const reply = await restore(body, admin);
        expect(reply.status, JSON.stringify(body) + reply.text).to.equal(422);
        expect(reply.body['message']).to.match(new RegExp(`^${field.replaceAll(/[[\]]/g, '\\$&')}: `));
      }
      expect(refused(await restore({}, operator, 'db1'))).to.deep.equal({ status: 503, code: 'host_offline' });
      expect(await jobs()).to.equal(before);
      expect(await jobs('db1')).to.equal(0);
    });

    it('in place need the right, and the host\'s name typed: a wrong one starts nothing', async () => {
      const before = await jobs();
      expect((await restore({ in_place: true, confirm_host_name: 'web1' })).body['message']).to.match(/^in_place: role operator may not restoreinplace/);
      for (const name of [undefined, 'web', 'WEB1', 'db1']) {
        const reply = await restore({ in_place: true, ...(name === undefined ? {} : { confirm_host_name: name }) }, admin);
        expect([reply.status, reply.body['message']]).to.deep.equal([422, 'confirm_host_name: type "web1", the host that gets the files: files of web1 will be overwritten. Nothing was started']);
      }
      expect((await restore({ in_place: true, confirm_host_name: 'web1', target_directory: '/x' }, admin)).body['message']).to.match(/^target_directory: /);
      expect(await jobs()).to.equal(before);
      const reply = await restore({ in_place: true, confirm_host_name: 'web1' }, admin);
      expect((await jobOf(reply))['args'], reply.text).to.deep.include({ in_place: true });
    });

    it('of another host\'s data in the same repository need the name typed, also of a host that is no more (R4)', async () => {
      const old = { snapshot_id: idOf(1, 'old-host') };
      expect((await restore(old)).body['message']).to.equal('confirm_host_name: type "web1", the host that gets the files: the data of old-host will be readable on web1. Nothing was started');
      const reply = await restore({ ...old, confirm_host_name: 'web1' });
      expect(reply.status, reply.text).to.equal(202);
      expect((await bed.kube('resticjobs', String((await jobOf(reply))['name']))).body).to.not.have.nested.property('spec.restore.repositoryRef');
    });

    it('out of another repository need the right restorefrom as well', async () => {
      for (const source of [{ source_host_id: 'db1' }, { source_repository_id: 'db1' }]) {
        expect((await restore({ ...source, confirm_host_name: 'web1' })).body['message']).to.match(/^source_(host|repository)_id: role operator may not restorefrom/);
        expect((await restore(source, admin)).body['message']).to.match(/^confirm_host_name: type "web1"/);
        const reply = await restore({ ...source, confirm_host_name: 'web1' }, admin);
        expect(reply.status, reply.text).to.equal(202);
        expect((await bed.kube('resticjobs', String((await jobOf(reply))['name']))).body).to.have.nested.property('spec.restore.repositoryRef.name', 'db1');
      }
      const own = await jobOf(await restore({ source_host_id: 'web1' }));
      expect(own).to.include({ kind: 'restore' });
    });
  });

  it('the health of the repository: what nobody knows is null (R6)', async () => {
    const { body: unknown } = await bed.viewer.call('GET', '/api/hosts/db1/repo-stats');
    expect(unknown).to.deep.include({ size_bytes: null, snapshot_count: null, deletion_protection: 'unknown', locks: [], last_check: null, trend: [], snapshots_per_tag: [] });
    await bed.patch('repositories/web1/status', { status: { lastCheck: { time: '2026-01-01T05:00:00Z', result: 'Failed', reason: 'CheckFoundErrors', message: 'pack abc is damaged', jobName: 'gone' } } });
    seq += 1;
    agent.send('repo.stats', { repository: 'web1', repositoryID: REPOSITORY, time: new Date().toISOString(), sizeBytes: 5000, uncompressedSizeBytes: 9000, snapshotCount: 152, deletionProtection: 'Enforced', locks: [{ hostname: 'elsewhere', pid: 7, time: new Date(Date.now() - 7_200_000).toISOString(), exclusive: true }] }, seq);
    await agent.acked(seq);
    const body = await until('the figures to be there', async () => { const reply = await bed.viewer.call('GET', '/api/hosts/web1/repo-stats?days=30'); return reply.body['size_bytes'] === 5000 && reply.body; });
    expect(body).to.deep.include({ uncompressed_size_bytes: 9000, snapshot_count: 152, restic_id: REPOSITORY, snapshots_per_tag: [{ tag: 'default', count: 150 }, { tag: 'extra', count: 75 }, { tag: 'stray', count: 1 }] });
    expect(body['last_check']).to.deep.equal({ at: '2026-01-01T05:00:00Z', status: 'failed', reason: 'CheckFoundErrors', message: 'pack abc is damaged', job_id: null });
    expect((body['locks'] as Record<string, unknown>[])[0]).to.include({ hostname: 'elsewhere', pid: 7, exclusive: true });
    expect((body['locks'] as Record<string, unknown>[])[0]?.['age_seconds']).to.be.within(7_200, 7_260);
    expect((body['trend'] as unknown[]).at(-1)).to.deep.equal({ day: new Date().toISOString().slice(0, 10), size_bytes: 5000, snapshot_count: 152 });
    expect((await bed.viewer.call('GET', '/api/hosts/web1/repo-stats?days=31')).body['message']).to.match(/^days: /);
  });
});
