/**
 * No secret shows anywhere it was not put: every value of every Secret is looked for, in every form it could take, in all that agents
 * and server print, serve, run and leave on disk, through jobs that succeed, fail and are killed (70-quality Q6, E14).
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { resources, type Kind } from '#crds/kinds.js';
import type { TestAgent } from '../builders/agent.js';
import { addBackendHost, type BackendHost } from '../builders/backendHost.js';
import { startBackend, type Backend, type BackendName } from '../builders/backends.js';
import { until } from '../builders/until.js';
import { openWorld, type World } from '../builders/world.js';

const names = ['append-only', 's3', 'sftp'] satisfies BackendName[];
const HOOK = 'canary-of-the-hook-3f1b';
const METRICS_TOKEN = 'canary-of-the-metrics-77aa';

/** One execve as the kernel saw it. */
interface Exec { argv: string[]; env: string[] }

describe('a secret', function () {
  this.timeout(240_000);
  let world: World;
  const backends: Backend[] = [];
  const hosts: BackendHost[] = [];
  const traces: { file: string; detach(): Promise<void> }[] = [];
  /** What must not be found, by what it is. */
  const canaries = new Map<string, string>();
  let tmp = '';

  before(async () => {
    if (spawnSync('strace', ['-V']).status !== 0) throw new Error('strace is missing: install it');
    world = await openWorld({ env: { RM_LOG_LEVEL: 'debug', RM_METRICS_TOKEN: METRICS_TOKEN } });
    tmp = join(world.dir, 'tmp');
    await mkdir(tmp);
    await world.create('Secret', 'scripts', { stringData: { pre: `#!/bin/sh\nSECRET=${HOOK}\ntest -n "$SECRET"\n`, post: `#!/bin/sh\n# ${HOOK}\ntrue\n` } }, { 'restic-manager.io/use': 'hook' });
    for (const name of names) {
      const backend = await startBackend(name, [`canary-${name}`]);
      backends.push(backend);
      const host = await addBackendHost(world, backend, { name: `canary-${name}`, env: { TMPDIR: tmp, RM_LOG_LEVEL: 'debug', NODE_OPTIONS: `--report-on-signal --report-directory=${tmp}` } });
      hosts.push(host);
      for (const [key, value] of Object.entries({ ...backend.secret(host.name), ...Object.fromEntries(Object.entries(backend.adminSecret ?? {}).map(([key, value]) => [`admin ${key}`, value])) })) {
        if (!/username|known_hosts/.test(key)) canaries.set(`${name} ${key}`, value);
      }
      const credentials = JSON.parse(await readFile(join(host.agent.stateDir, 'credentials.json'), 'utf8')) as { bearer: string; key: { privateKey?: string } };
      canaries.set(`${name} bearer`, credentials.bearer);
    }
    canaries.set('hook', HOOK);
    canaries.set('metrics token', METRICS_TOKEN);
    for (const { agent } of hosts) traces.push(await trace(agent));
    await work();
  });
  after(async () => {
    for (const { detach } of traces) await detach();
    await world?.close();
    for (const backend of backends) await backend.stop();
  });

  /** Records every program the agent starts from now on, with arguments and environment. */
  async function trace(agent: TestAgent): Promise<{ file: string; detach(): Promise<void> }> {
    const file = join(world.dir, `trace-${String(agent.pid)}`);
    const tracer = spawn('strace', ['-f', '-v', '-xx', '-s', '1000000', '-e', 'trace=execve', '-o', file, '-p', String(agent.pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    tracer.stderr.on('data', (chunk: Buffer) => { said += chunk.toString(); });
    await until('strace to attach', () => said.includes('attached'));
    return { file, async detach() { if (tracer.exitCode === null && tracer.signalCode === null) { const ended = once(tracer, 'exit'); tracer.kill('SIGINT'); await ended; } } };
  }

  async function execs(): Promise<Exec[]> {
    const strings = (text: string): string[] => [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => Buffer.from(hex.replaceAll('\\x', ''), 'hex').toString('utf8'));
    const lines = (await Promise.all(traces.map(({ file }) => readFile(file, 'utf8')))).join('\n').split('\n').filter((line) => line.includes('execve('));
    return lines.map((line) => {
      const [, argv = '', env = ''] = /execve\("[^"]*", \[(.*?)\], \[(.*?)\]/.exec(line) ?? [];
      return { argv: strings(argv), env: strings(env) };
    });
  }

  /** Every job type; jobs that fail by password and by storage; one whose agent is killed. */
  async function work(): Promise<void> {
    for (const host of hosts) {
      const { name, backend } = host;
      await world.patch('SourceGroup', name, { spec: { hooks: { pre: { secretKeyRef: { name: 'scripts', key: 'pre' } }, post: { secretKeyRef: { name: 'scripts', key: 'post' } } } } });
      await until('the hooks to be in the plan', async () => { const { status } = await world.get('Host', name) ?? {}; return status?.conditions?.some(({ type, status: is, observedGeneration }) => type === 'Synced' && is === 'True' && observedGeneration !== undefined) && status.appliedRevision === status.desiredRevision; });
      const backup = await host.run('Backup');
      expect(backup.status, JSON.stringify(backup.status)).to.include({ phase: 'Succeeded' });
      const [{ id: snapshot = '' } = {}] = host.snapshots();
      await host.run('Check');
      await host.run('Restore', { restore: { snapshot, targetDirectory: join(world.dir, `restored-${name}`) } });
      await host.run('Forget', { forget: { snapshotIDs: [snapshot] } });
      const secret = backend.secret(name);
      await world.patch('Secret', name, { stringData: { password: 'canary-that-opens-nothing-9c2d' } });
      canaries.set('wrong password', 'canary-that-opens-nothing-9c2d');
      expect((await host.run('Backup')).status).to.include({ phase: 'Failed' });
      await world.patch('Secret', name, { stringData: { password: secret['password'] } });
      if (backend.name !== 'append-only') continue; // the others take restic longer to give up
      await backend.away();
      const gone = await host.run('Check', { activeDeadlineSeconds: 15 });
      expect(gone.status?.phase).to.equal('Failed');
      await backend.back();
    }
    const sftp = hosts.at(-1);
    if (!sftp) return;
    await world.patch('Host', sftp.name, { spec: { bandwidth: { uploadKiBps: 64 } } });
    await world.ready(sftp.name);
    spawnSync('dd', ['if=/dev/urandom', `of=${join(sftp.source, 'more.bin')}`, 'bs=1M', 'count=4'], { stdio: 'ignore' });
    const job = await sftp.start('Backup');
    await until('it to run', async () => (await world.get('ResticJob', job))?.status?.phase === 'Running');
    await until('its key file', async () => (await filesOf(sftp.agent.stateDir)).some((file) => /ssh-key|id_/.test(file)));
    await sftp.agent.kill();
    const again = await world.agent(sftp.name, { env: { TMPDIR: tmp, NODE_OPTIONS: `--report-on-signal --report-directory=${tmp}` } });
    traces.push(await trace(again));
    expect((await world.ended(job)).status).to.include({ phase: 'Failed', reason: 'AgentRestarted' });
    await world.ready(sftp.name);
    process.kill(again.pid, 'SIGUSR2');
    await until('the report of the process', async () => (await readdir(tmp)).some((name) => name.startsWith('report.')));
    await again.stop(); // its looks at the repository have key files of their own while they run
  }

  it('is in no line that agents or server print, on any level', () => {
    absent('agent log', world.agents.map((agent) => agent.log()).join('\n'));
    absent('server log', world.server.log());
  });

  it('is in no argument of any program, and of the repository none in the environment of a hook', async () => {
    const all = await execs();
    const ran = (word: string): Exec[] => all.filter(({ argv }) => argv.some((argument) => argument.includes(word)));
    expect(ran('restic').length, 'restic calls seen').to.be.greaterThan(20);
    expect(ran('/hooks/run-').length, 'hooks seen').to.be.greaterThan(5);
    expect(ran('ssh').length, 'ssh seen').to.be.greaterThan(0);
    for (const { argv } of all) absent('arguments', argv.join('\n'));
    for (const { env } of ran('/hooks/run-')) absent('environment of a hook', env.join('\n'));
  });

  it('is in no file that an agent keeps or leaves, whole or torn, but the bearer in credentials.json; a diagnostic report has none either', async () => {
    const looked: string[] = [];
    for (const dir of [...hosts.map(({ agent }) => agent.stateDir), tmp]) {
      for (const file of await filesOf(dir)) {
        looked.push(relative(world.dir, file));
        const bytes = await readFile(file);
        absent(relative(world.dir, file), bytes, /credentials\.json$/.test(file) ? /bearer$/ : undefined);
      }
    }
    for (const kept of ['plan.enc', 'journal.jsonl', 'state.json', 'status.json', 'spool/', 'tmp/report.']) expect(looked.some((file) => file.includes(kept)), kept).to.equal(true);
  });

  it('is in the server\'s data only sealed: in no object but a Secret, no Event, log, reply or metric', async () => {
    for (const file of await filesOf(world.server.dataDir)) if (!/\/(secret\.key|admin\.kubeconfig)$/.test(file)) absent(relative(world.dir, file), await readFile(file));
    const kinds = (Object.keys(resources) as Kind[]).filter((kind) => kind !== 'Secret');
    const jobs = await world.list('ResticJob');
    const replies = await Promise.all([
      ...kinds.map(async (kind) => JSON.stringify(await world.list(kind))),
      ...jobs.map(async ({ metadata }) => JSON.stringify([await world.logOf(metadata.name), (await world.call('GET', `/api/jobs/${metadata.name}`)).body])),
      ...['/api/hosts', ...hosts.flatMap(({ name }) => ['', '/jobs', '/snapshots', '/source-groups', '/schedules', '/repo-maintenance', '/repo-stats', '/repo-credentials', '/admin-credentials'].map((path) => `/api/hosts/${name}${path}`))].map(async (path) => JSON.stringify((await world.call('GET', path)).body)),
      fetch(`${world.server.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } }).then(async (reply) => reply.text()),
    ]);
    expect(replies.at(-1)).to.contain('rm_');
    expect(jobs.some(({ status }) => status?.reason === 'WrongPassword')).to.equal(true);
    for (const text of replies) absent('a reply', text);
  });

  /** @param except canaries that belong here */
  function absent(where: string, found: string | Buffer, except?: RegExp): void {
    const bytes = typeof found === 'string' ? Buffer.from(found) : found;
    for (const [what, value] of canaries) {
      if (except?.test(what)) continue;
      const core = value.includes('\n') ? value.split('\n')[2] ?? value : value; // of a key: one line of it
      for (const form of new Set([core, encodeURIComponent(core), JSON.stringify(core).slice(1, -1), Buffer.from(value).toString('base64').replace(/=+$/, '')])) {
        expect(bytes.includes(form), `${what} in ${where}: ${form === core ? 'as it is' : 'encoded'}`).to.equal(false);
      }
    }
  }
});

async function filesOf(dir: string): Promise<string[]> {
  return (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
