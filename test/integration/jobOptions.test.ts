/**
 * What of a host, a job and a repository reaches the restic that does the work, through server and agent: seen in a restic that
 * keeps how each of its calls was made (H6, E16, E24, E34).
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { toolPath } from '../../hack/tools/paths.js';
import { addBackendHost, type BackendHost, type Job } from '../builders/backendHost.js';
import { startBackend, type Backend } from '../builders/backends.js';
import { forgeLock } from '../builders/forgedLock.js';
import { until } from '../builders/until.js';
import { openWorld, type World } from '../builders/world.js';

interface ResticCall { argv: string[]; env: Record<string, string>; nice: number; io: string }

describe('what reaches the restic of a job', function () {
  this.timeout(120_000);
  let world: World;
  let backend: Backend;
  let host: BackendHost;
  let calls: string;
  before(async () => {
    world = await openWorld();
    backend = await startBackend('append-only', ['options']);
    calls = join(world.dir, 'calls');
    mkdirSync(calls, { mode: 0o700 });
    const restic = join(world.dir, 'restic-kept');
    writeFileSync(restic, `#!/bin/bash
call=${calls}/$(date +%s%N)-$$
printf '%s\\0' "$@" > $call.argv
env -0 > $call.env
{ ps -o ni= -p $$; ionice -p $$; } > $call.how
exec ${toolPath('restic')} "$@"
`, { mode: 0o755 });
    // An authority of its own: whether the account may delete cannot be asked past restic.
    const pem = readFileSync(join(world.server.dataDir, 'tls/ca.crt'), 'utf8');
    const unknown: Backend = { ...backend, adminSecret: undefined, secret: (repository) => ({ ...backend.secret(repository), 'ca.pem': pem }) };
    host = await addBackendHost(world, unknown, { name: 'options', restic });
    await world.patch('Host', 'options', { spec: { bandwidth: { uploadKiBps: 3000, downloadKiBps: 4000 }, resources: { nice: 7, ioNice: 'Idle' } } });
    await until('the plan to have it', async () => { const { spec, status } = await world.get('Host', 'options') ?? {}; return spec?.bandwidth !== undefined && (status?.planGeneration ?? 0) > 1 && status?.appliedRevision === status?.desiredRevision; });
  });
  after(async () => {
    await world.close();
    await backend.stop();
  });

  /** Calls of this restic command until now, the oldest first. */
  function callsOf(command: string): ResticCall[] {
    return readdirSync(calls).filter((name) => name.endsWith('.how')).sort().flatMap((name) => {
      const of = (kind: string): string => readFileSync(join(calls, name.replace(/how$/, kind)), 'utf8');
      const argv = of('argv').split('\0').slice(0, -1);
      const [nice = '', io = ''] = of('how').split('\n');
      return argv[0] === command && !argv.includes('--help') ? [{ argv, nice: Number(nice), io, env: Object.fromEntries(of('env').split('\0').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])) }] : [];
    });
  }
  const flags = (call: ResticCall | undefined, start: string): string[] => call?.argv.filter((word) => word.startsWith(start)) ?? [];
  /** Asks as a person does. */
  async function run(kind: string, args: object = {}): Promise<Job> {
    const { status, body } = await world.call('POST', '/api/hosts/options/jobs', { kind, args });
    expect(status, JSON.stringify(body)).to.equal(202);
    return world.ended(String((await world.call('GET', `/api/jobs/${String(body['job_id'])}`)).body['name']));
  }

  it('the limits of the host; those of the job in their place, per direction; 0 lifts (H6, E24)', async () => {
    for (const [args, limits] of [
      [{}, ['--limit-upload=3000', '--limit-download=4000']],
      [{ upload_kibps: 0 }, ['--limit-download=4000']],
      [{ upload_kibps: 0, download_kibps: 5000 }, ['--limit-download=5000']],
    ] as const) {
      expect((await run('backup', args)).status).to.include({ phase: 'Succeeded' });
      expect(flags(callsOf('backup').at(-1), '--limit-'), JSON.stringify(args)).to.deep.equal(limits);
    }
  });

  it('the priority that the host asks for, of the processor and of the disk', () => {
    for (const { nice, io } of callsOf('backup')) expect([nice, io]).to.deep.equal([7, 'idle']);
  });

  it('a wait for the lock of others, once one is met and not before (--retry-lock)', async () => {
    const before = callsOf('backup').length;
    expect(flags(callsOf('backup').at(-1), '--retry-lock')).to.deep.equal([]);
    const lock = await forgeLock(host, { hostname: 'elsewhere', pid: 4711, time: Date.now(), exclusive: true });
    const job = run('backup');
    await until('the second attempt', () => callsOf('backup').length === before + 2, 20_000);
    await rm(join(backend.files('options'), 'locks', lock));
    const { status, metadata } = await job;
    expect(status, status?.message).to.include({ phase: 'Succeeded' });
    expect(callsOf('backup').slice(before).map((call) => flags(call, '--retry-lock'))).to.deep.equal([[], ['--retry-lock=5m']]);
    expect((await world.logOf(metadata.name)).map(({ payload }) => payload).join('\n')).to.match(/waiting for the repository, held by pid 4711 on elsewhere for 0 minutes \(exclusively\)/);
  });

  it('the everyday account, while nobody knows that it may not delete; the job that shows it is told, remembered, and none is tried again (E16, E34)', async () => {
    expect((await world.get('Repository', 'options'))?.status?.deletionProtection).to.equal('Unknown');
    const ids = host.snapshots().map(({ id }) => id);
    const tried = await run('forget', { snapshot_ids: ids.slice(0, 1) });
    expect(tried.status, tried.status?.message).to.include({ phase: 'Failed', reason: 'AppendOnly' });
    expect(host.snapshots().map(({ id }) => id)).to.deep.equal(ids);
    await until('it to be remembered', async () => (await world.get('Repository', 'options'))?.status?.deletionProtection === 'Enforced');
    for (const kind of ['forget', 'prune']) {
      const { status, body } = await world.call('POST', '/api/hosts/options/jobs', { kind, args: {} });
      expect([status, body['code']], kind).to.deep.equal([409, 'admin_creds_required']);
    }
  });

  it('the administrator\'s account for the one job that deletes, and then it is nowhere on the host (E16)', async () => {
    const admin = backend.adminSecret ?? {};
    const secret = admin['RESTIC_REST_PASSWORD'] ?? '';
    await world.create('Secret', 'options-admin', { stringData: admin }, { 'restic-manager.io/use': 'repository-admin' });
    await world.patch('Repository', 'options', { spec: { adminCredentialsSecretRef: { name: 'options-admin' } } });
    await until('it to be known', async () => (await world.call('GET', '/api/hosts/options/admin-credentials')).body['configured'] === true);
    const [first = ''] = host.snapshots().map(({ id }) => id);
    const dry = await run('forget', { snapshot_ids: [first], dry_run: true });
    expect(dry.status).to.include({ phase: 'Succeeded' });
    const forgot = await run('forget', { snapshot_ids: [first] });
    expect(forgot.status, forgot.status?.message).to.include({ phase: 'Succeeded' });
    expect(host.snapshots().map(({ id }) => id)).not.to.include(first);
    expect((await run('prune')).status).to.include({ phase: 'Succeeded' });
    expect((await run('backup')).status).to.include({ phase: 'Succeeded' });
    const withAdmin = (command: string): boolean[] => callsOf(command).map(({ env }) => JSON.stringify(env).includes(secret));
    expect(withAdmin('forget'), 'the one that was refused, and this one; the dry run needs none').to.deep.equal([false, true]);
    expect(withAdmin('prune')).to.deep.equal([true]);
    expect(new Set(withAdmin('backup'))).to.deep.equal(new Set([false]));
    const kept = spawnSync('grep', ['-rlF', secret, join(world.dir, 'agent-options')], { encoding: 'utf8' });
    expect([kept.status, kept.stdout]).to.deep.equal([1, '']);
    expect(host.agent.log()).not.to.contain(secret);
  });
});
