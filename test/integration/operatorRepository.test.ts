/** A host's repository by /api: credentials that go in and never come out, maintenance, and what is asked of its runner. */
import { expect } from 'chai';
import { refused, startOperatorBed, type OperatorBed } from '../builders/operatorBed.js';
import type { Person, Reply } from '../builders/person.js';
import type { ScriptedAgent } from '../builders/scriptedAgent.js';
import { until } from '../builders/until.js';

const CANARIES = ['canary-password', 'canary-second', 'canary-admin'];

describe('the repository of a host by /api', function () {
  this.timeout(60_000);
  let bed: OperatorBed;
  let admin: Person;
  let operator: Person;
  let agent: ScriptedAgent;
  before(async () => {
    bed = await startOperatorBed();
    ({ admin, operator } = bed);
    const web1 = await bed.addHost('web1', { repo_url: 'rest:http://127.0.0.1:9/web1' });
    if (!web1.agent) throw new Error('web1 is not connected');
    agent = web1.agent;
    await bed.addHost('away1', { away: true });
    await bed.declare('Host', 'hosts', 'bare', {});
  });
  after(() => bed.stop());

  const at = (path: string, host = 'web1'): string => `/api/hosts/${host}/${path}`;
  const spec = async (name = 'web1'): Promise<Record<string, unknown>> => (await bed.kube('repositories', name)).body['spec'] as Record<string, unknown>;
  const secret = async (name: string): Promise<Record<string, string>> => Object.fromEntries(Object.entries(((await admin.call('GET', `/api/v1/namespaces/default/secrets/${name}`)).body['data'] ?? {}) as Record<string, string>).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  const status = (body: object, name = 'web1'): Promise<Reply> => bed.patch(`repositories/${name}/status`, { status: body });

  describe('credentials (R7)', () => {
    it('are shown without any secret, to viewers too', async () => {
      const { body } = await bed.viewer.call('GET', at('repo-credentials'));
      expect(body).to.deep.include({ repository_name: 'web1', url: 'rest:http://127.0.0.1:9/web1', username: 'web1', has_password: true, variables: [], hosts: 1 });
      expect((await bed.viewer.call('GET', at('repo-credentials', 'bare'))).body).to.deep.include({ repository_id: null, url: null, username: null, has_password: false });
    });

    it('keep what is left blank, and a blank form changes nothing and is no success (E18)', async () => {
      const before = await secret('web1');
      for (const body of [{}, { repo_url: '', repo_username: '', repo_password: '' }, { repo_url: null, repo_password: null }]) {
        const reply = await admin.call('PUT', at('repo-credentials'), body);
        expect(reply.status, reply.text).to.equal(422);
        expect(reply.body['message']).to.match(/^repo_url: .*nothing was changed$/);
      }
      expect(await secret('web1')).to.deep.equal(before);
      expect((await admin.call('PUT', at('repo-credentials'), { repo_username: 'web-one', repo_password: '' })).body).to.deep.include({ username: 'web-one', has_password: true });
      expect(await secret('web1')).to.deep.equal({ password: 'canary-password', username: 'web-one' });
      expect((await admin.call('PUT', at('repo-credentials'), { repo_url: 'rest:http://127.0.0.1:9/other', repo_password: 'canary-second' })).body).to.include({ url: 'rest:http://127.0.0.1:9/other' });
      expect(await secret('web1')).to.deep.equal({ password: 'canary-second', username: 'web-one' });
    });

    it('with a bad url change not even the password', async () => {
      const before = [await secret('web1'), await spec()];
      for (const url of ['rest:http://me:canary-second@127.0.0.1:9/', '--password-command=id']) {
        const reply = await admin.call('PUT', at('repo-credentials'), { repo_url: url, repo_password: 'canary-third' });
        expect(reply.status, reply.text).to.equal(422);
        expect(reply.body['message']).to.match(/^repo_url: /).and.not.include('canary');
      }
      expect([await secret('web1'), await spec()]).to.deep.equal(before);
    });

    it('are for who may bind, naming the field', async () => {
      for (const field of ['repo_url', 'repo_username', 'repo_password']) {
        const reply = await operator.call('PUT', at('repo-credentials'), { [field]: 'x' });
        expect(refused(reply)).to.deep.equal({ status: 403, code: 'forbidden' });
        expect(reply.body['message']).to.match(new RegExp(`^${field}: role operator may not bind`));
      }
    });

    it('make Secret and Repository for a host that has none', async () => {
      expect((await admin.call('PUT', at('repo-credentials', 'bare'), { repo_url: '/srv/bare' })).body['message']).to.match(/^repo_password: is required/);
      expect((await bed.kube('repositories', 'bare')).status).to.equal(404);
      const made = await admin.call('PUT', at('repo-credentials', 'bare'), { repo_url: '/srv/bare', repo_password: 'canary-second' });
      expect(made.body, made.text).to.deep.include({ repository_name: 'bare', url: '/srv/bare', username: null, has_password: true });
      expect((await bed.kube('repositories', 'bare')).body).to.have.nested.property('metadata.ownerReferences[0].name', 'bare');
      expect(await secret('bare')).to.deep.equal({ password: 'canary-second' });
    });
  });

  describe('admin credentials', () => {
    it('are on the server: set, kept where blank, shown without secrets, removed with their Secret', async () => {
      expect((await admin.call('GET', at('admin-credentials'))).body).to.deep.equal({ configured: false, location: 'none', username: null, has_password: false, variables: [] });
      expect((await admin.call('PUT', at('admin-credentials'), { repo_username: 'root' })).body['message']).to.match(/^repo_password: is required/);
      expect((await admin.call('PUT', at('admin-credentials'), {})).body['message']).to.match(/nothing was changed$/);
      const set = await admin.call('PUT', at('admin-credentials'), { repo_username: 'root', repo_password: 'canary-admin' });
      expect(set.body, set.text).to.deep.equal({ configured: true, location: 'server', username: 'root', has_password: true, variables: [] });
      expect((await admin.call('PUT', at('admin-credentials'), { repo_username: 'other', repo_password: '' })).body).to.include({ username: 'other', has_password: true });
      expect(await secret('web1-admin')).to.deep.equal({ username: 'other', password: 'canary-admin' });
      expect((await admin.call('GET', '/api/v1/namespaces/default/secrets/web1-admin')).body).to.have.nested.property('metadata.labels').that.deep.equals({ 'restic-manager.io/use': 'repository-admin' });
      expect((await admin.call('DELETE', at('admin-credentials'))).status).to.equal(204);
      expect((await admin.call('GET', '/api/v1/namespaces/default/secrets/web1-admin')).status).to.equal(404);
      expect(await spec()).to.not.have.property('adminCredentialsSecretRef');
    });

    it('on the runner never come to the server', async () => {
      await admin.call('PUT', at('admin-credentials'), { repo_password: 'canary-admin' });
      const sent = await admin.call('PUT', at('admin-credentials'), { location: 'runner', repo_password: 'canary-admin' });
      expect(sent.status).to.equal(422);
      expect(sent.body['message']).to.match(/^repo_password: must not be sent: .*admin-credentials\/web1\.env/);
      const reply = await admin.call('PUT', at('admin-credentials'), { location: 'runner' });
      expect(reply.body, reply.text).to.include({ configured: true, location: 'runner', has_password: false });
      expect(await spec()).to.deep.include({ runner: { hostRef: { name: 'web1' }, adminCredentials: 'OnRunner' } }).and.to.not.have.property('adminCredentialsSecretRef');
      expect((await admin.call('GET', '/api/v1/namespaces/default/secrets/web1-admin')).status).to.equal(404);
      expect((await admin.call('DELETE', at('admin-credentials'))).status).to.equal(204);
      expect((await admin.call('GET', at('admin-credentials'))).body).to.include({ configured: false, location: 'none' });
    });

    it('are for admins alone', async () => {
      for (const method of ['GET', 'PUT', 'DELETE']) expect((await operator.call(method, at('admin-credentials'), method === 'PUT' ? {} : undefined)).status, method).to.equal(403);
    });
  });

  describe('maintenance (J8)', () => {
    it('is set per task: left out keeps, null is the default again', async () => {
      const first = await operator.call('PUT', at('repo-maintenance'), { forget: { schedule: '15 3 * * *', time_zone: 'Europe/Berlin' }, prune: { suspended: true }, check: { read_data_subset_percent: 10 } });
      expect(first.status, first.text).to.equal(200);
      expect(await spec()).to.deep.include({ maintenance: { forget: { schedule: '15 3 * * *', timeZone: 'Europe/Berlin' }, prune: { suspend: true }, check: { readDataSubsetPercent: 10 } } });
      const second = await operator.call('PUT', at('repo-maintenance'), { forget: { schedule: null }, prune: { suspended: false } });
      expect(second.body, second.text).to.have.nested.property('forget.schedule', null);
      // By default staggered over the hour (E13).
      expect(second.body).to.have.nested.property('forget.effective_schedule').that.matches(/^[0-9]+ 3 \* \* \*$/);
      expect(await spec()).to.deep.include({ maintenance: { forget: { timeZone: 'Europe/Berlin' }, check: { readDataSubsetPercent: 10 } } });
      expect((await bed.viewer.call('GET', at('repo-maintenance'))).body).to.deep.include({ max_removal_percent: 30, keep_within_floor: '14d', runner_name: 'web1', approval: null }).and.to.have.nested.property('check.read_data_subset_percent', 10);
    });

    it('is refused a cron, zone or percentage that cannot be, by name, and nothing changes', async () => {
      const before = await spec();
      for (const [body, message] of [
        [{ prune: { schedule: '61 * * * *' } }, 'prune.schedule: "61 * * * *" is not a cron expression: minute 61'], [{ check: { time_zone: 'Mars/Olympus' } }, 'check.time_zone: "Mars/Olympus" is not'],
        [{ check: { read_data_subset_percent: 101 } }, 'check.read_data_subset_percent: must be <= 100'], [{ forget: { keep: 1 } }, 'forget.keep: is not a known field'], [{ backup: {} }, 'backup: is not a known field'],
      ] as const) {
        const reply = await operator.call('PUT', at('repo-maintenance'), body);
        expect(reply.status, reply.text).to.equal(422);
        expect(String(reply.body['message']).slice(0, message.length)).to.equal(message);
      }
      expect(await spec()).to.deep.equal(before);
    });

    it('lets nobody widen the bounds of the guard who may not approve a forget (X6)', async () => {
      for (const [field, value] of [['max_removal_percent', 100], ['keep_within_floor', '0d']] as const) {
        const reply = await operator.call('PUT', at('repo-maintenance'), { [field]: value });
        expect(refused(reply)).to.deep.equal({ status: 403, code: 'forbidden' });
        expect(reply.body['message']).to.match(new RegExp(`^${field}: role operator may not approveforget`));
      }
      expect((await admin.call('PUT', at('repo-maintenance'), { max_removal_percent: 50 })).body).to.include({ max_removal_percent: 50, keep_within_floor: '14d' });
      expect((await admin.call('PUT', at('repo-maintenance'), { keep_within_floor: 'a while' })).body['message']).to.match(/^keep_within_floor: /);
      expect((await admin.call('PUT', at('repo-maintenance'), { max_removal_percent: null, keep_within_floor: null })).body).to.include({ max_removal_percent: 30 });
    });

    it('of a host without a repository says how to give it one', async () => {
      await bed.declare('Host', 'hosts', 'bare2', {});
      for (const [method, path, body] of [['GET', 'repo-maintenance', undefined], ['POST', 'repo/check', {}], ['PUT', 'repo-maintenance', {}]] as const) {
        const reply = await admin.call(method, at(path, 'bare2'), body);
        expect(refused(reply), path).to.deep.equal({ status: 409, code: 'no_repository' });
        expect(reply.body['message']).to.include('PUT /api/hosts/bare2/repo-credentials');
      }
    });
  });

  describe('actions', () => {
    const jobs = async (host = 'web1'): Promise<Record<string, unknown>[]> => ((await operator.call('GET', at('jobs', host))).body['items'] as Record<string, unknown>[]).filter((job) => job['origin'] === 'user');

    it('become jobs of the runner', async () => {
      for (const [path, body, args] of [['check', { read_data_subset_percent: 7, download_kibps: 0 }, { read_data_subset_percent: 7, download_kibps: 0 }], ['unlock', undefined, null], ['probe', {}, null], ['prune', { dry_run: true }, { dry_run: true }]] as const) {
        const reply = await operator.call('POST', at(`repo/${path}`), body);
        expect(reply.status, path + reply.text).to.equal(202);
        expect((await operator.call('GET', `/api/jobs/${String(reply.body['job_id'])}`)).body).to.deep.include({ kind: path === 'probe' ? 'init' : path, args, origin: 'user', started_by: 'otto' });
      }
    });

    it('are refused at once while the runner is away (E9), with bad input by name, and start nothing', async () => {
      const before = (await jobs()).length;
      for (const path of ['check', 'unlock', 'probe', 'reinit']) expect(refused(await operator.call('POST', at(`repo/${path}`, 'away1'), {})), path).to.deep.equal({ status: 503, code: 'host_offline' });
      expect(await jobs('away1')).to.deep.equal([]);
      for (const [path, body, field] of [['check', { read_data_subset_percent: 101 }, 'read_data_subset_percent'], ['prune', { force: true }, 'force'], ['unlock', { remove_all: true }, 'remove_all'], ['forget', { snapshot_ids: ['--all'] }, 'snapshot_ids\\[0\\]'], ['forget', { snapshot_ids: [] }, 'snapshot_ids']] as const) {
        const reply = await admin.call('POST', at(`repo/${path}`), body);
        expect(reply.status, reply.text).to.equal(422);
        expect(reply.body['message']).to.match(new RegExp(`^${field}: `));
      }
      expect(await jobs()).to.have.length(before);
    });

    it('that delete need an account that may, where the storage is known to refuse (E16, E34)', async () => {
      expect((await status({ deletionProtection: 'Enforced' })).status).to.equal(200);
      await until('the cache to have it', async () => refused(await operator.call('POST', at('repo/prune'), {}))['code'] === 'admin_creds_required');
      const before = (await jobs()).length;
      for (const [path, body] of [['repo/prune', {}], ['repo/forget', {}], ['jobs', { kind: 'prune' }], ['jobs', { kind: 'forget' }]] as const) {
        const reply = await operator.call('POST', at(path), body);
        expect(refused(reply), path).to.deep.equal({ status: 409, code: 'admin_creds_required' });
        expect(reply.body['message']).to.include('refuses deletion to the everyday credential');
      }
      expect(await jobs()).to.have.length(before);
      expect((await operator.call('POST', at('repo/forget'), { dry_run: true })).status, 'a dry run deletes nothing').to.equal(202);
      await admin.call('PUT', at('admin-credentials'), { repo_password: 'canary-admin' });
      expect((await operator.call('POST', at('repo/prune'), {})).status).to.equal(202);
      await admin.call('DELETE', at('admin-credentials'));
    });

    it('forget chosen snapshots for who may approve a forget', async () => {
      const reply = await operator.call('POST', at('repo/forget'), { snapshot_ids: ['abcdef01'] });
      expect(refused(reply)).to.deep.equal({ status: 403, code: 'forbidden' });
      expect(reply.body['message']).to.match(/^snapshot_ids: role operator may not approveforget/);
      const made = await admin.call('POST', at('repo/forget'), { snapshot_ids: ['abcdef01', 'abcdef01'], dry_run: true });
      expect(made.status, made.text).to.equal(202);
      expect((await admin.call('GET', `/api/jobs/${String(made.body['job_id'])}`)).body['args']).to.deep.equal({ snapshot_ids: ['abcdef01'], dry_run: true });
    });

    it('initialise nothing that is known (H5)', async () => {
      await status({ id: 'f'.repeat(64) });
      await until('the cache to have it', async () => (await operator.call('POST', at('repo/reinit'), {})).status === 409);
      expect(refused(await operator.call('POST', at('repo/reinit'), {}))).to.deep.equal({ status: 409, code: 'already_initialized' });
      expect((await operator.call('POST', at('repo/probe'), {})).status).to.equal(202);
    });

    it('of a shared repository need a named runner', async () => {
      await bed.addHost('web2', { away: true });
      await bed.patch('repositories/web1', { spec: { runner: null } });
      await bed.patch('hosts/web2', { spec: { repositoryRef: { name: 'web1' } } });
      await until('the repository to be shared', async () => (await bed.viewer.call('GET', at('repo-credentials'))).body['hosts'] === 2);
      expect(refused(await operator.call('POST', at('repo/check'), {}))).to.deep.equal({ status: 409, code: 'no_runner' });
      await bed.patch('repositories/web1', { spec: { runner: { hostRef: { name: 'web1' } } } });
      await until('the runner to be known', async () => (await bed.viewer.call('GET', at('repo-maintenance'))).body['runner_name'] === 'web1');
      const reply = await operator.call('POST', at('repo/check', 'web2'), {});
      expect(reply.status, reply.text).to.equal(202);
      const host = (await operator.call('GET', '/api/hosts/web1')).body['id'];
      expect((await operator.call('GET', `/api/jobs/${String(reply.body['job_id'])}`)).body).to.include({ host_id: host });
    });

    it('are jobs of a kind as well, with the args of the kind, and are found by it (J1, J7, E24)', async () => {
      const common = { upload_kibps: 0, starting_deadline_seconds: 60, active_deadline_seconds: 600 };
      for (const [kind, args] of [['backup', { source_group_id: 'default', dry_run: true, ...common }], ['init', common], ['forget', { dry_run: true, ...common }], ['prune', { dry_run: true, ...common }], ['check', { read_data_subset_percent: 5, ...common }], ['unlock', { active_deadline_seconds: 600 }]] as const) {
        const reply = await operator.call('POST', at('jobs'), { kind, args });
        expect(reply.status, kind + reply.text).to.equal(202);
        const { body } = await operator.call('GET', `/api/jobs/${String(reply.body['job_id'])}`);
        const { source_group_id: _group, ...shown } = body['args'] as Record<string, unknown>;
        const { source_group_id: _asked, ...asked } = args as Record<string, unknown>;
        expect({ kind: body['kind'], args: shown }).to.deep.equal({ kind, args: asked });
        const found = ((await operator.call('GET', `${at('jobs')}?kind=${kind}`)).body['items'] as Record<string, unknown>[]);
        expect(found.map((job) => job['id'])).to.include(reply.body['job_id']);
        expect(new Set(found.map((job) => job['kind']))).to.deep.equal(new Set([kind]));
      }
      for (const [kind, args, field] of [['check', { dry_run: true }, 'args.dry_run'], ['unlock', { upload_kibps: 1 }, 'args.upload_kibps'], ['diff', { a: 'abcdef01' }, 'args.b'], ['restore', { snapshot_id: 'abcdef01' }, 'args.paths'], ['backup', { upload_kibps: -1 }, 'args.upload_kibps'], ['constructor', {}, 'kind']] as const) {
        expect((await operator.call('POST', at('jobs'), { kind, args })).body['message'], kind).to.match(new RegExp(`^${field}: `));
      }
      expect((await operator.call('GET', `${at('jobs')}?status=done`)).body['message']).to.match(/^status: must be one of/);
    });

    it('approve the forget that is held, by its hash, and no other (X6)', async () => {
      const hash = 'ab'.repeat(32);
      const approve = (plan: string, person = admin): Promise<Reply> => person.call('POST', at('repo/approve-forget'), { plan_hash: plan });
      const annotated = async (): Promise<unknown> => ((await bed.kube('repositories', 'web1')).body['metadata'] as { annotations?: unknown }).annotations;
      expect(refused(await approve(hash))).to.deep.equal({ status: 409, code: 'plan_changed' });
      await status({ deletionProtection: 'NotEnforced' });
      const { job_id: job } = (await until('a forget to be possible', async () => { const reply = await admin.call('POST', at('repo/forget'), {}); return reply.status === 202 && reply; })).body;
      const { name } = (await admin.call('GET', `/api/jobs/${String(job)}`)).body;
      agent.send('job.finished', { identity: { job: String(name), runID: String(job), type: 'Forget', startedBy: 'Server' }, phase: 'Failed', reason: 'ApprovalRequired', message: '9 of 10 snapshots wait', completionTime: new Date().toISOString(), forgetPlan: { hash, remove: 9, of: 10, reasons: ['RemovesTooMuch'] } }, 1);
      const held = await until('the plan to be held', async () => (await bed.viewer.call('GET', at('repo-maintenance'))).body['approval'] ?? undefined);
      expect(held).to.deep.equal({ plan_hash: hash, reason: 'RemovesTooMuch', message: '9 of 10 snapshots wait', remove: 9, of: 10 });
      const other = await approve('cd'.repeat(32));
      expect(refused(other)).to.deep.equal({ status: 409, code: 'plan_changed' });
      expect(other.body['message']).to.include(hash);
      expect((await approve(hash, operator)).status).to.equal(403);
      expect(await annotated()).to.equal(undefined);
      expect((await approve(hash)).status).to.equal(202);
      expect(await annotated()).to.deep.equal({ 'restic-manager.io/approve-forget': hash });
    });
  });

  it('never tells a password: in replies, in the log, in objects that are no Secrets', async () => {
    const told = [bed.server.log()];
    for (const path of ['repo-credentials', 'admin-credentials', 'repo-maintenance', 'jobs']) told.push((await admin.call('GET', at(path))).text);
    for (const kind of ['repositories', 'hosts', 'resticjobs']) told.push((await bed.kube(kind)).text);
    for (const canary of CANARIES) for (const text of told) expect(text).to.not.include(canary);
  });
});
