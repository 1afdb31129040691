/** GitOps without a cluster (X2 X11): a real server on a real git checkout, and `restic-manager apply` against it. */
import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { openKubeClient, type KubeClient } from '#apiserver/cmd/kubeClient.js';
import { newPerson, type Person } from '../builders/person.js';
import { serverCommand, serverEnv, startServer, type TestServer } from '../builders/server.js';
import { until } from '../builders/until.js';

interface Status { state: string; objects: number; error_count: number; errors: { file?: string; document?: number; field?: string; message: string }[]; prune: { state: string; id?: string; objects: string[] }; held: string[]; last_sync_at: string | null }
interface Shown { metadata: { uid: string; resourceVersion: string; managedFields?: { manager: string; operation: string }[] }; spec: Record<string, unknown> }

const run = promisify(execFile);
const API = 'apiVersion: restic-manager.io/v1alpha1\n';
const host = (name: string, display: string): string => `${API}kind: Host\nmetadata: {name: ${name}}\nspec: {displayName: ${display}}\n`;
const schedule = (name: string, cron = '0 2 * * *'): string => `${API}kind: Schedule\nmetadata: {name: ${name}}\nspec: {schedule: "${cron}", sourceGroupRefs: [{name: web1-files}]}\n`;
const group = `${API}kind: SourceGroup\nmetadata: {name: web1-files}\nspec: {hostRef: {name: web1}, includes: [/etc]}\n`;
/** The same as is promised to people. */
const APPLIED_WITHIN_MS = 2_000;
const METRICS_TOKEN = 'a-token-for-metrics';
/** Being root reads everything; the server of this test does not. */
const unprivileged = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-dac_override,-dac_read_search'] : [];

describe('a git checkout as manifest directory', function () {
  this.timeout(60_000);
  let dir: string;
  let checkout: string;
  let server: TestServer;
  let client: KubeClient;
  let person: Person;

  const git = (...args: string[]): Promise<unknown> => run('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false', '-C', checkout, ...args]);
  async function commit(files: Record<string, string | undefined>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(checkout, path)), { recursive: true });
      if (text === undefined) await rm(join(checkout, path));
      else await writeFile(join(checkout, path), text);
    }
    await git('add', '-A');
    await git('commit', '-qm', 'a change');
  }
  async function get(plural: string, name: string): Promise<Shown | undefined> {
    const { status, text } = await client.send('GET', `/apis/restic-manager.io/v1alpha1/namespaces/default/${plural}/${name}`);
    return status === 200 ? JSON.parse(text) as Shown : undefined;
  }
  const status = async (): Promise<Status> => JSON.parse((await client.send('GET', '/api/manifests')).text) as Status;
  const applied = <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> => until(what, probe, APPLIED_WITHIN_MS);
  const events = async (): Promise<string> => {
    const { items } = JSON.parse((await client.send('GET', '/api/v1/namespaces/default/events')).text) as { items: { reason: string; message: string; involvedObject: { kind: string; name: string } }[] };
    return items.map(({ reason, message, involvedObject: { kind, name } }) => `${kind}/${name} ${reason} ${message}`).join('\n');
  };

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-gitops-'));
    checkout = join(dir, 'checkout');
    await mkdir(checkout);
    await git('init', '-q');
    await commit({ 'README.md': 'our fleet', 'fleet/hosts.yaml': `${host('web1', 'One')}---\n${host('web2', 'One')}`, 'fleet/groups.yaml': group, 'schedules/nightly.yaml': schedule('nightly'), 'schedules/extra.json': JSON.stringify({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Schedule', metadata: { name: 'extra' }, spec: { schedule: '0 5 * * *', sourceGroupRefs: [{ name: 'not-there-yet' }] } }) });
    const canWrap = unprivileged.length === 0 || await run(unprivileged[0] ?? '', [...unprivileged.slice(1), 'true']).then(() => true, () => false);
    server = await startServer({ env: { RM_MANIFESTS_DIR: checkout, RM_METRICS_TOKEN: METRICS_TOKEN }, wrapper: canWrap ? unprivileged : [] });
    client = await openKubeClient(server.kubeconfig);
    person = newPerson(server);
    await person.call('POST', '/api/bootstrap', { token: server.bootstrapToken, username: 'root', password: 'correct horse battery' });
    await person.call('POST', '/api/auth/login', { username: 'root', password: 'correct horse battery' });
  });
  after(async () => {
    client.close();
    await server.stop();
    await rm(dir, { recursive: true });
  });

  it('is applied as a whole, whatever the order', async () => {
    await until('the first sync', async () => (await status()).state === 'synced');
    expect(await status()).to.include({ objects: 5, error_count: 0 });
    expect((await get('hosts', 'web1'))?.metadata.managedFields?.find(({ manager }) => manager === 'manifests')?.operation).to.equal('Apply');
    expect(await get('schedules', 'extra')).to.not.equal(undefined);
  });

  it('applies a commit within two seconds', async () => {
    await commit({ 'fleet/hosts.yaml': `${host('web1', 'Two')}---\n${host('web2', 'One')}`, 'fleet/new/db.yaml': host('db1', 'New') });
    await applied('the change', async () => (await get('hosts', 'web1'))?.spec['displayName'] === 'Two');
    await applied('the new folder', () => get('hosts', 'db1'));
    await commit({ 'fleet/new/db.yaml': host('db1', 'Changed') });
    await applied('a change in the new folder', async () => (await get('hosts', 'db1'))?.spec['displayName'] === 'Changed');
  });

  it('applies a branch that is checked out, back and forth', async () => {
    await git('checkout', '-q', '-b', 'other');
    await commit({ 'fleet/groups.yaml': group.replace('/etc', '/srv') });
    await applied('the branch', async () => (await get('sourcegroups', 'web1-files'))?.spec['includes']?.toString() === '/srv');
    await git('checkout', '-q', '-');
    await applied('the main branch', async () => (await get('sourcegroups', 'web1-files'))?.spec['includes']?.toString() === '/etc');
  });

  it('says what is broken in an Event, with file, document and field, and keeps the last good state', async () => {
    const before = await get('hosts', 'web2');
    await commit({ 'fleet/hosts.yaml': `${host('web1', 'Two')}---\n${host('web2', 'Three').replace('{displayName: Three}', '{displayName: Three, presence: Sometimes}')}`, 'schedules/nightly.yaml': 'spec: [' });
    await applied('both errors', async () => (await status()).error_count === 2);
    const { errors, state } = await status();
    expect(state).to.equal('failing');
    expect(errors.find(({ file }) => file === 'fleet/hosts.yaml')).to.include({ document: 2, field: 'spec.presence' });
    expect(errors.find(({ file }) => file === 'schedules/nightly.yaml')?.message).to.match(/^line 1, column/);
    const told = await until('the Events', async () => {
      const text = await events();
      return text.includes('schedules/nightly.yaml') && text;
    });
    expect(told).to.match(/^Namespace\/default ManifestInvalid fleet\/hosts\.yaml, document 2: host\.restic-manager\.io\/web2: spec\.presence: Unsupported value: "Sometimes"/m);
    expect((await get('hosts', 'web2'))?.spec).to.deep.equal(before?.spec);
    expect(await get('schedules', 'nightly')).to.not.equal(undefined);
    expect((await client.send('GET', '/api/manifests')).status).to.equal(200);
    expect(await metrics()).to.match(/^rm_manifests_errors 2$/m).and.match(/^rm_manifests_last_sync_timestamp_seconds 1\d{9}/m);
    await commit({ 'fleet/hosts.yaml': `${host('web1', 'Two')}---\n${host('web2', 'One')}`, 'schedules/nightly.yaml': schedule('nightly') });
    await applied('the repair', async () => (await status()).state === 'synced');
  });

  async function metrics(): Promise<string> {
    return (await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })).text();
  }

  it('refuses edits through /api of what Git declares, with the owner\'s name (X11)', async () => {
    const items = (await person.call('GET', '/api/hosts/web1/schedules')).body['items'] as { id: string }[];
    const refused = await person.call('DELETE', `/api/hosts/web1/schedules/${items[0]?.id ?? ''}`);
    expect({ status: refused.status, code: refused.body['code'] }).to.deep.equal({ status: 409, code: 'field_owned' });
    expect(refused.body['message']).to.equal('Schedule nightly is declared by "manifests": remove it there');
    await commit({ 'jobs/once.yaml': `${API}kind: ResticJob\nmetadata: {name: once}\nspec: {hostRef: {name: web1}, type: Backup, sourceGroupRef: {name: web1-files}, cancel: false}\n` });
    await applied('the job', () => get('resticjobs', 'once'));
    const edit = await until('the job in the caches', async () => {
      const reply = await person.call('POST', '/api/jobs/once/cancel');
      return reply.status !== 404 && reply;
    });
    expect({ status: edit.status, message: edit.body['message'] }).to.deep.equal({ status: 409, message: 'ResticJob once is declared elsewhere: spec.cancel by "manifests". Change it there' });
    expect((await get('resticjobs', 'once'))?.spec['cancel']).to.equal(false);
  });

  it('removes what was deleted after two scans, but no Host that does not allow it; an unreadable file stops all of that', async () => {
    await symlink('gone.yaml', join(checkout, 'dangling.yaml'));
    await writeFile(join(checkout, 'locked.yaml'), schedule('locked'));
    await chmod(join(checkout, 'locked.yaml'), 0o000);
    await commitRemovals();
    await applied('the errors', async () => (await status()).errors.some(({ file }) => file === 'dangling.yaml'));
    const { errors } = await status();
    if (unprivileged.length > 0) expect(errors.find(({ file }) => file === 'locked.yaml')?.message).to.equal('may not be read');
    expect((await status()).prune.state).to.equal('blocked');
    await rm(join(checkout, 'dangling.yaml'));
    await rm(join(checkout, 'locked.yaml'));
    const begun = Date.now();
    await applied('the wait', async () => (await status()).prune.state === 'waiting');
    expect((await status()).prune.objects).to.deep.equal(['Schedule/default/extra']);
    expect(await get('schedules', 'extra')).to.not.equal(undefined);
    await until('the removal', async () => await get('schedules', 'extra') === undefined, 20_000, 100);
    expect(Date.now() - begun).to.be.greaterThan(9_500);
    expect(await get('hosts', 'db1')).to.not.equal(undefined);
    expect((await status()).held).to.deep.equal(['Host/default/db1']);
    await until('the Event', async () => (await events()).includes('Host/db1 ManifestHeld the manifest is gone; the object stays unless annotated restic-manager.io/prune: allowed'));
  });

  async function commitRemovals(): Promise<void> {
    await rm(join(checkout, 'schedules/extra.json'));
    await rm(join(checkout, 'fleet/new'), { recursive: true });
  }

  it('stands still when the checkout is emptied, and says so', async () => {
    const uid = (await get('hosts', 'web1'))?.metadata.uid;
    await rename(join(checkout, 'fleet'), join(dir, 'fleet'));
    await rename(join(checkout, 'schedules'), join(dir, 'schedules'));
    await rm(join(checkout, 'jobs'), { recursive: true });
    await applied('the error', async () => (await status()).errors.some(({ message }) => message.endsWith('declares nothing: is it mounted?')));
    expect((await status()).prune.state).to.equal('blocked');
    await rename(join(dir, 'fleet'), join(checkout, 'fleet'));
    await rename(join(dir, 'schedules'), join(checkout, 'schedules'));
    await applied('the directory again', async () => (await status()).state === 'synced');
    expect((await get('hosts', 'web1'))?.metadata.uid).to.equal(uid);
  });
});

describe('restic-manager apply', function () {
  this.timeout(60_000);
  let dir: string;
  let server: TestServer;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-apply-'));
    server = await startServer();
  });
  after(async () => {
    await server.stop();
    await rm(dir, { recursive: true });
  });

  function command(args: string[], { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {}): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const [program, ...before] = serverCommand();
    return new Promise((resolve, reject) => {
      const child = spawn(program, [...before, ...args], { env: serverEnv(server.dataDir, { KUBECONFIG: '', ...env }), stdio: 'pipe' });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString(); });
      child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
      child.on('error', reject);
      child.on('close', (code) => { resolve({ code, stdout, stderr }); });
      child.stdin.end(input);
    });
  }

  it('applies files, directories and stdin, in the words of kubectl', async () => {
    await mkdir(join(dir, 'tree/deep'), { recursive: true });
    await writeFile(join(dir, 'tree/hosts.yaml'), `${host('cli1', 'One')}---\n${host('cli2', 'One')}`);
    await writeFile(join(dir, 'tree/deep/s.yaml'), schedule('cli'));
    await writeFile(join(dir, 'secret.json'), JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cli' }, stringData: { password: 'x' } }));
    const first = await command(['apply', '-f', join(dir, 'tree'), '-f', join(dir, 'secret.json'), '-f', '-', '--prune', 'no'], { input: group });
    expect(first).to.deep.equal({ code: 0, stderr: '', stdout: 'schedule.restic-manager.io/cli serverside-applied\nhost.restic-manager.io/cli1 serverside-applied\nhost.restic-manager.io/cli2 serverside-applied\nsecret/cli serverside-applied\nsourcegroup.restic-manager.io/web1-files serverside-applied\n' });
    await writeFile(join(dir, 'tree/deep/s.yaml'), schedule('cli', '0 3 * * *'));
    await until('reconcilers at rest', async () => (await command(['apply', '-f', join(dir, 'secret.json')])).stdout === 'secret/cli unchanged\n');
    const again = await command(['apply', '-f', join(dir, 'tree/deep'), '--kubeconfig', server.kubeconfig]);
    expect(again.stdout).to.equal('schedule.restic-manager.io/cli serverside-applied\n');
  });

  it('names conflicts as the server does, and takes over when told to', async () => {
    await command(['apply', '-f', '-', '--field-manager', 'git'], { input: host('contested', 'Git') });
    const refused = await command(['apply', '-f', '-'], { input: host('contested', 'Mine') });
    expect(refused).to.include({ code: 1, stdout: '' });
    expect(refused.stderr).to.match(/^Error from server \(Conflict\): Apply failed with 1 conflict: conflict with "git": \.spec\.displayName\n$/);
    expect((await command(['apply', '-f', '-', '--force-conflicts'], { input: host('contested', 'Mine') })).stdout).to.equal('host.restic-manager.io/contested serverside-applied\n');
  });

  it('applies what is right beside what is wrong, and ends with 1', async () => {
    const ran = await command(['apply', '-f', '-'], { input: `${host('right', 'One')}---\n${API}kind: Host\nmetadata: {name: wrong}\nspec: {presence: Sometimes}\n---\nkind: Deployment\napiVersion: apps/v1\n` });
    expect(ran).to.include({ code: 1, stdout: 'host.restic-manager.io/right serverside-applied\n' });
    expect(ran.stderr).to.include('error: STDIN, document 3: kind: "Deployment" in version "apps/v1" is not a kind of this server').and.include('Error from server (Invalid): Host.restic-manager.io "wrong" is invalid: ').and.include('spec.presence: Unsupported value: "Sometimes"');
  });

  it('stores nothing on a dry run', async () => {
    expect(await command(['apply', '-f', '-', '--dry-run'], { input: host('dry', 'One') })).to.deep.equal({ code: 0, stderr: '', stdout: 'host.restic-manager.io/dry serverside-applied (server dry run)\n' });
    expect((await command(['apply', '-f', '-'], { input: host('dry', 'One') })).stdout).to.equal('host.restic-manager.io/dry serverside-applied\n');
  });

  it('refuses what it cannot do, in one line', async () => {
    const text = await readFile(server.kubeconfig, 'utf8');
    await writeFile(join(dir, 'plain.kubeconfig'), text.replace('https://', 'http://'));
    await writeFile(join(dir, 'stranger.kubeconfig'), text.replace(/certificate-authority-data: .*/, 'insecure-skip-tls-verify: false'));
    expect((await command(['apply', '-f', join(dir, 'none.yaml')])).stderr).to.equal(`error: ${join(dir, 'none.yaml')}: is not there\n`);
    expect((await command(['apply', '-f', '-'], { input: '' })).stderr).to.equal('error: STDIN: is empty\n');
    expect((await command(['apply', '-f', '-', '--prune', 'yes'], { input: host('x', 'One') })).stderr).to.match(/^restic-manager: --prune yes: only "no" is supported/);
    expect((await command(['apply', '-f', '-'], { input: host('x', 'One'), env: { KUBECONFIG: join(dir, 'none') } })).stderr).to.match(/^restic-manager: \S+none cannot be read: /);
    expect((await command(['apply', '-f', '-'], { input: host('x', 'One'), env: { KUBECONFIG: join(dir, 'plain.kubeconfig') } })).stderr).to.match(/is not https: no credentials are sent to it\n$/);
    const stranger = await command(['apply', '-f', '-'], { input: host('x', 'One'), env: { KUBECONFIG: join(dir, 'stranger.kubeconfig') } });
    expect(stranger.code).to.equal(1);
    expect(stranger.stderr).to.match(/does not answer: .*certificate/);
  });

  it('tells that there is no manifest directory', async () => {
    expect(JSON.parse((await command(['manifests'])).stdout)).to.include({ state: 'off', directory: null });
    expect((await command(['manifests', '--confirm-prune', '0123456789ab'])).stderr).to.equal('restic-manager: a manifest directory (RM_MANIFESTS_DIR) was not found\n');
  });
});
