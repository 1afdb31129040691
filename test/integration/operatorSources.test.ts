/** Source groups, schedules and settings of a host by /api: what is changed stays what was not said, and every refusal names its field. */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { items, refused, startOperatorBed, type OperatorBed } from '../builders/operatorBed.js';
import type { Person, Reply } from '../builders/person.js';
import { until } from '../builders/until.js';

describe('sources, schedules and settings by /api', function () {
  this.timeout(60_000);
  let bed: OperatorBed;
  let operator: Person;
  before(async () => {
    bed = await startOperatorBed();
    ({ operator } = bed);
    await bed.addHost('web1', { away: true });
    await bed.addHost('web2', { away: true });
  });
  after(() => bed.stop());

  const put = (path: string, body: unknown, person = operator): Promise<Reply> => person.call('PUT', `/api/hosts/web1/${path}`, body);
  const specOf = async (kind: string, name: unknown): Promise<Record<string, unknown>> => (await bed.kube(kind, String(name))).body['spec'] as Record<string, unknown>;

  describe('a source group', () => {
    const everything = {
      name: 'all', includes: ['/srv', '/etc'], excludes: ['*.tmp'], exclude_caches: true, exclude_if_present: ['.nobackup'], exclude_larger_than: '10G', one_file_system: true, require_mount: ['/srv'],
      skip_if_unchanged: true, use_fs_snapshot: true, retention_policy: { keep_last: 3, keep_daily: 7, keep_weekly: 0, keep_within: '2y5m7d3h', keep_tags: ['held'] }, retry_max: 2, retry_backoff_seconds: 30, active_deadline_seconds: 3600, suspended: true,
    };

    it('takes everything a SourceGroup has, and shows it again (S1, S4)', async () => {
      const reply = await operator.call('POST', '/api/hosts/web1/source-groups', everything);
      expect(reply.status, reply.text).to.equal(201);
      const { retention_policy: _asked, ...rest } = everything;
      expect(reply.body).to.deep.include({ ...rest, retention_policy: { keep_last: 3, keep_daily: 7, keep_within: '2y5m7d3h', keep_tags: ['held'] }, shared: false });
      expect(await specOf('sourcegroups', 'web1-all')).to.deep.include({
        tag: 'all', retention: { keepLast: 3, keepDaily: 7, keepWithin: '2y5m7d3h', keepTags: ['held'] }, retry: { maxAttempts: 3, backoffSeconds: 30 }, windows: { useFsSnapshot: true }, requireMount: ['/srv'], suspend: true,
      });
    });

    it('keeps what a PUT leaves out, and loses what it empties', async () => {
      const before = await specOf('sourcegroups', 'web1-all');
      expect((await put('source-groups/all', { includes: ['/srv'] })).status).to.equal(200);
      expect(await specOf('sourcegroups', 'web1-all')).to.deep.equal({ ...before, includes: ['/srv'] });
      const reply = await put('source-groups/all', { excludes: [], exclude_larger_than: null, retention_policy: { keep_last: 0, keep_daily: 0 }, retry_max: 0, suspended: false, use_fs_snapshot: false });
      expect(reply.body, reply.text).to.deep.include({ excludes: [], exclude_larger_than: null, retention_policy: null, retry_max: 0, suspended: false, use_fs_snapshot: false, require_mount: ['/srv'] });
      // Empty retention: forget skips the group; it never means that nothing is kept.
      expect(await specOf('sourcegroups', 'web1-all')).to.not.have.any.keys('excludes', 'excludeLargerThan', 'retention', 'retry', 'suspend', 'windows');
    });

    it('is refused by the name of the field, and nothing changes', async () => {
      const before = await specOf('sourcegroups', 'web1-all');
      for (const [body, field] of [
        [{ name: 'other' }, 'name'], [{ includes: ['srv'] }, 'includes[0]'], [{ includes: [] }, 'includes'], [{ retention_policy: { keep_last: -1 } }, 'retention_policy.keep_last'], [{ retention_policy: { keep_within: '0d' } }, 'retention_policy.keep_within'],
        [{ retention_policy: { keep_tags: ['held'] } }, 'retention_policy'], [{ retention_policy: { keep_forever: 1 } }, 'retention_policy.keep_forever'], [{ retry_max: 10 }, 'retry_max'], [{ retry_backoff_seconds: 3600 }, 'retry_backoff_seconds'],
        [{ exclude_larger_than: '0' }, 'exclude_larger_than'], [{ require_mount: ['srv'] }, 'require_mount[0]'], [{ surprise: 1 }, 'surprise'], [{ active_deadline_seconds: 0 }, 'active_deadline_seconds'],
      ] as const) {
        const reply = await put('source-groups/all', body);
        expect(reply.status, JSON.stringify(body) + reply.text).to.equal(422);
        expect(reply.body['message'], JSON.stringify(body)).to.match(new RegExp(`^${field.replaceAll(/[[\].]/g, '\\$&')}: `));
      }
      expect(await specOf('sourcegroups', 'web1-all')).to.deep.equal(before);
    });

    it('lets only who may set hooks decide what runs on a host (sethooks), naming the field, and others edit around it', async () => {
      const hooks = { pre: { secret: 'scripts', key: 'pre.sh' }, timeout_seconds: 60 };
      const stdin = { command: ['pg_dump', 'shop'], filename: 'shop.dump' };
      for (const [field, body] of [['hooks', { hooks }], ['stdin', { stdin, includes: [] }]] as const) {
        const reply = await put('source-groups/all', body);
        expect(refused(reply), field).to.deep.equal({ status: 403, code: 'forbidden' });
        expect(reply.body['message']).to.match(new RegExp(`^${field}: role operator may not sethooks`));
      }
      const set = await put('source-groups/all', { hooks }, bed.admin);
      expect(set.body, set.text).to.deep.include({ hooks: { ...hooks, post: null } });
      expect((await put('source-groups/all', { excludes: ['*.bak'], hooks: { ...hooks, post: null } })).body).to.deep.include({ excludes: ['*.bak'], hooks: { ...hooks, post: null } });
      expect((await put('source-groups/all', { hooks: null })).status).to.equal(403);
      expect((await put('source-groups/all', { hooks: null }, bed.admin)).body).to.include({ hooks: null });
      const dump = await bed.admin.call('POST', '/api/hosts/web1/source-groups', { name: 'dump', stdin });
      expect(dump.body, dump.text).to.deep.include({ stdin, includes: [] });
      expect((await put('source-groups/dump', { includes: ['/srv'] }, bed.admin)).body['message']).to.match(/^stdin: and includes exclude each other/);
    });

    it('keeps the scripts an admin writes in a Secret of its own, shows them to admins alone, and tells the log their hash (E14)', async () => {
      const path = '/api/hosts/web1/source-groups/all/hooks';
      const script = '#!/bin/sh\nmysql --password=canary-hook -e "FLUSH TABLES"\n';
      for (const person of [operator, bed.viewer]) for (const [method, body] of [['GET', undefined], ['PUT', { pre: script }]] as const) expect((await person.call(method, path, body)).status).to.equal(403);
      const set = await bed.admin.call('PUT', path, { pre: script, post: 'echo done', timeout_seconds: 60 });
      expect(set.status, set.text).to.equal(200);
      expect(set.body).to.deep.include({ pre: script, post: 'echo done', timeout_seconds: 60, problem: null });
      const secret = String(set.body['secret']);
      expect(await specOf('sourcegroups', 'web1-all')).to.deep.include({ hooks: { pre: { secretKeyRef: { name: secret, key: 'pre' } }, post: { secretKeyRef: { name: secret, key: 'post' } }, timeoutSeconds: 60 } });
      const kept = await bed.admin.call('GET', `/api/v1/namespaces/default/secrets/${secret}`);
      expect((kept.body['metadata'] as Record<string, unknown>)['labels']).to.deep.equal({ 'restic-manager.io/use': 'hook' });
      expect((kept.body['metadata'] as { ownerReferences: { kind: string; name: string }[] }).ownerReferences[0]).to.include({ kind: 'SourceGroup', name: 'web1-all' });
      for (const shown of [await operator.call('GET', '/api/hosts/web1/source-groups'), await bed.kube('sourcegroups', 'web1-all')]) expect(shown.text).to.contain(secret).and.not.contain('canary-hook');

      const changed = await bed.admin.call('PUT', path, { pre: 'echo other' });
      expect(changed.body, 'what is left out stays, and so does the Secret').to.deep.include({ pre: 'echo other', post: 'echo done', timeout_seconds: 60, secret });
      for (const [body, field] of [[{ pre: '  \n' }, 'pre'], [{ post: 'a\0b' }, 'post'], [{ timeout_seconds: 0 }, 'timeout_seconds']] as const) {
        const reply = await bed.admin.call('PUT', path, body);
        expect([reply.status, String(reply.body['message']).split(':')[0]]).to.deep.equal([422, field]);
      }
      expect((await bed.admin.call('GET', path)).body).to.deep.equal(changed.body);
      const log = bed.server.log();
      expect(log).to.contain(`sha256:${createHash('sha256').update(script).digest('hex')}`).and.to.contain('hooks read');
      expect(log).not.to.contain('canary-hook');

      const gone = await bed.admin.call('PUT', path, { pre: null, post: '' });
      expect(gone.body).to.deep.equal({ pre: null, post: null, timeout_seconds: null, secret: null, problem: null });
      expect(await specOf('sourcegroups', 'web1-all')).not.to.have.property('hooks');
      expect((await bed.admin.call('GET', `/api/v1/namespaces/default/secrets/${secret}`)).status).to.equal(404);
    });

    it('never writes into a Secret that others may share, and a host has scripts of its own for all its groups (E14)', async () => {
      const shared = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'shared-scripts', labels: { 'restic-manager.io/use': 'hook' } }, stringData: { go: 'echo shared' } };
      expect((await bed.admin.call('POST', '/api/v1/namespaces/default/secrets', shared)).status).to.equal(201);
      expect((await bed.patch('hosts/web1', { spec: { hooks: { pre: { secretKeyRef: { name: 'shared-scripts', key: 'go' } } } } })).status).to.equal(200);
      const path = '/api/hosts/web1/hooks';
      await until('the host to have it', async () => (await bed.admin.call('GET', path)).body['pre'] === 'echo shared');
      expect((await operator.call('PUT', path, { pre: 'x' })).status).to.equal(403);
      const set = await bed.admin.call('PUT', path, { pre: 'echo own' });
      expect(set.body, set.text).to.include({ pre: 'echo own', post: null });
      const kept = await bed.admin.call('GET', '/api/v1/namespaces/default/secrets/shared-scripts');
      expect(Buffer.from((kept.body['data'] as Record<string, string>)['go'] ?? '', 'base64').toString()).to.equal('echo shared');
      await bed.admin.call('PUT', path, { pre: null });
    });

    it('of several hosts is changed where it is declared, and never by way of one host', async () => {
      await bed.patch('hosts/web1', { metadata: { labels: { fleet: 'yes' } } });
      expect((await bed.declare('SourceGroup', 'sourcegroups', 'policy', { hostSelector: { matchLabels: { fleet: 'yes' } }, includes: ['/srv'] })).status).to.equal(201);
      await until('the group to reach the host', async () => items(await operator.call('GET', '/api/hosts/web1/source-groups')).some((group) => group['name'] === 'policy' && group['shared'] === true));
      expect(refused(await put('source-groups/policy', { includes: ['/x'] }))).to.deep.equal({ status: 409, code: 'shared' });
      expect((await bed.admin.call('DELETE', '/apis/restic-manager.io/v1alpha1/namespaces/default/sourcegroups/policy')).status).to.equal(200);
      expect((await operator.call('PUT', '/api/hosts/web2/source-groups/web1-all', { includes: ['/x'] })).status).to.equal(404);
    });
  });

  describe('a schedule', () => {
    it('keeps what a PUT leaves out (S3)', async () => {
      const made = await operator.call('POST', '/api/hosts/web1/schedules', { cron: '0 3 * * *', time_zone: 'Europe/Berlin', source_group_ids: ['all', 'default'] });
      expect(made.status, made.text).to.equal(201);
      await bed.patch(`schedules/${String(made.body['object_name'])}`, { spec: { jitter: '5m' } });
      const path = `schedules/${String(made.body['id'])}`;
      const stopped = await put(path, { enabled: false });
      expect(stopped.body, stopped.text).to.include({ cron: '0 3 * * *', time_zone: 'Europe/Berlin', enabled: false });
      expect((await put(path, { cron: '@hourly', time_zone: null, source_group_ids: ['all'], enabled: true })).body).to.deep.include({ cron: '@hourly', time_zone: null, enabled: true });
      expect(await specOf('schedules', made.body['object_name'])).to.deep.include({ schedule: '@hourly', sourceGroupRefs: [{ name: 'web1-all' }], jitter: '5m' });
    });

    it('is refused a bad cron, zone, group or another host\'s (E12), and nothing changes', async () => {
      const [schedule] = items(await operator.call('GET', '/api/hosts/web1/schedules'));
      const before = await specOf('schedules', schedule?.['object_name']);
      for (const [body, message] of [
        [{ cron: '61 * * * *' }, 'cron: "61 * * * *" is not a cron expression'], [{ time_zone: 'Mars/Olympus' }, 'time_zone: '], [{ source_group_ids: [] }, 'source_group_ids: '], [{ source_group_ids: ['nope'] }, 'source_group_ids[0]: there is no source group'],
        [{ source_group_ids: ['web2-default'] }, 'source_group_ids[0]: source group web2-default belongs to another host'],
      ] as const) {
        const reply = await put(`schedules/${String(schedule?.['id'])}`, body);
        expect(reply.status, reply.text).to.equal(422);
        expect(String(reply.body['message']).slice(0, message.length)).to.equal(message);
      }
      expect(await specOf('schedules', schedule?.['object_name'])).to.deep.equal(before);
    });
  });

  describe('settings of a host', () => {
    it('are its bandwidth: left out keeps, null and 0 lift (H6)', async () => {
      expect((await put('bandwidth', { upload_kibps: 500, download_kibps: 1000 })).body).to.include({ upload_kibps: 500, download_kibps: 1000 });
      expect((await put('bandwidth', { upload_kibps: 200 })).body).to.include({ upload_kibps: 200, download_kibps: 1000 });
      expect((await put('bandwidth', { upload_kibps: 0, download_kibps: null })).body).to.include({ upload_kibps: null, download_kibps: null });
      expect(await specOf('hosts', 'web1')).to.not.have.property('bandwidth');
      const bad = await put('bandwidth', { upload_kibps: -1 });
      expect([bad.status, bad.body['message']]).to.deep.equal([422, 'upload_kibps: must be >= 0']);
    });

    it('are its tags, which are labels; labels of others stay (H2)', async () => {
      await bed.patch('hosts/web1', { metadata: { labels: { 'app.kubernetes.io/part-of': 'shop', old: '' } } });
      expect((await put('tags', { tags: ['prod', 'tier=front'] })).body['tags']).to.deep.equal(['prod', 'tier=front']);
      expect((await bed.kube('hosts', 'web1')).body).to.have.nested.property('metadata.labels').that.deep.equals({ 'app.kubernetes.io/part-of': 'shop', prod: '', tier: 'front' });
      for (const [tags, field] of [[['a b'], 'tags.0'], [['tier=a', 'tier=b'], 'tags.1'], [['x', 'x'], 'tags'], [[`a=${'x'.repeat(64)}`], 'tags']] as const) {
        const reply = await put('tags', { tags });
        expect(reply.status, reply.text).to.equal(422);
        expect(String(reply.body['message']).replaceAll(/\[(\d)\]/g, '.$1')).to.match(new RegExp(`^${field}`));
      }
      expect((await operator.call('GET', '/api/hosts/web1')).body['tags']).to.deep.equal(['prod', 'tier=front']);
    });

    it('are its mode: a laptop may be away (H3)', async () => {
      expect((await put('mode', { always_on: false })).body).to.include({ always_on: false });
      expect((await put('mode', { always_on: true })).body).to.include({ always_on: true });
      expect((await put('mode', {})).body['message']).to.equal('always_on: is required');
    });

    it('are not edited while somebody applies them (X11)', async () => {
      const apply = await bed.admin.send('PATCH', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts/web2?fieldManager=argocd-controller', JSON.stringify({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'web2' }, spec: { presence: 'AlwaysOn' } }), { 'content-type': 'application/apply-patch+yaml' });
      expect(apply.status, apply.text).to.equal(200);
      expect(refused(await operator.call('PUT', '/api/hosts/web2/mode', { always_on: false }))).to.deep.equal({ status: 409, code: 'field_owned' });
      expect((await operator.call('PUT', '/api/hosts/web2/bandwidth', { upload_kibps: 5 })).status).to.equal(200);
    });
  });

  it('retired routes answer 410 with what to call instead, to whoever asks', async () => {
    for (const prefix of ['/api/hosts', '/hosts']) {
      for (const [path, successor] of [['run-backup', 'POST /api/hosts/{id}/source-groups/{gid}/run'], ['init-repo', 'POST /api/hosts/{id}/repo/reinit']] as const) {
        const reply = await operator.call('POST', `${prefix}/web1/${path}`);
        expect(refused(reply), prefix + path).to.deep.equal({ status: 410, code: 'gone' });
        expect(reply.body['message']).to.include(successor);
      }
    }
  });
});
