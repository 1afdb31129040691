import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { JobIdentity, JobRun, Plan, PlanSet } from '#crds/wire/agentProtocol.gen.js';
import { closeCodes } from '#crds/wire/frames.js';
import { linesOf } from '#crds/wire/logLines.js';
import { planGroup, planOf, restics, Scratch, until } from '../test/builders/agentParts.js';
import { helloIsSigned, WireServer, type AgentSession } from '../test/builders/wireServer.js';
import { startAgent, type Agent } from './agent.js';
import type { AgentConfig } from './config.js';
import { createLog } from './log.js';
import { openRules } from './policy/policy.js';
import { ResticProbe } from './restic/capabilities.js';
import { init } from './restic/init.js';
import { Restic } from './restic/restic.js';
import { processStartTime } from './platform/proc.js';

const PASSWORD = 'canary-4711-secret';
const [newest] = restics;

describe('agent', function () {
  this.timeout(90_000);
  const scratch = new Scratch();
  let dir = '';
  let source = '';
  let server: WireServer;
  let said: string[] = [];
  const agents: Agent[] = [];
  const processes: ChildProcess[] = [];
  let generation = 0;

  beforeEach(async () => {
    dir = await scratch.dir('agent');
    source = join(dir, 'source');
    await mkdir(source);
    await writeFile(join(source, 'a'), 'hello');
    server = await WireServer.start();
    said = [];
    generation = 0;
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.stop(0);
    for (const child of processes.splice(0)) child.kill('SIGKILL');
    await server.close();
    await scratch.clean();
  });

  const stateDir = (): string => join(dir, 'state');

  function config(change: Partial<AgentConfig> = {}): AgentConfig {
    return { stateDir: stateDir(), server: server.url, token: 'token-1', agentToken: undefined, hostname: 'web1', restic: newest.path, pins: [], configFile: '', logLevel: 'debug', ...openRules, ...change };
  }

  async function start(change: Partial<AgentConfig> = {}): Promise<Agent> {
    const agent = await startAgent({ config: config(change), log: createLog('debug', (line) => said.push(line)), openLimitMs: 1_000 });
    agents.push(agent);
    return agent;
  }

  /** The agent as its own process, to be killed. */
  function launch(env: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, ['--conditions=source', '--import=tsx', fileURLToPath(new URL('./main.ts', import.meta.url)), 'run'], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { PATH: process.env['PATH'], HOME: dir, RM_STATE_DIR: stateDir(), RM_SERVER: server.url, RM_TOKEN: 'token-1', RM_HOSTNAME: 'web1', RM_RESTIC: newest.path, RM_LOG_LEVEL: 'debug', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
    processes.push(child);
    return child;
  }

  function planSet(change: Partial<Plan> = {}, repository: Partial<NonNullable<Plan['repository']>> = {}): PlanSet {
    generation++;
    return { revision: `rev-${generation}`, generation, plan: planOf({ repository: { name: 'web1', url: join(dir, 'repo'), password: PASSWORD, runner: true, ...repository }, groups: [planGroup({ includes: [source] })], ...change }) };
  }

  const job = (name: string, change: Partial<JobIdentity> = {}): JobIdentity => ({ job: name, runID: `uid-${name}`, type: 'Backup', startedBy: 'Server', sourceGroup: 'docs', ...change });
  const run = (name: string, change: Partial<JobRun> = {}): JobRun => ({ identity: job(name), planGeneration: generation, ...change });

  async function repositoryID(): Promise<string> {
    const restic = new Restic({ program: await new ResticProbe(newest.path).program(), repository: { name: 'web1', url: join(dir, 'repo'), password: PASSWORD }, cacheDir: join(dir, 'cache') });
    return (await init(restic, () => undefined)).id;
  }

  /** Enrolled, connected, with a repository and its plan applied. */
  async function ready(change: Partial<Plan> = {}): Promise<AgentSession> {
    const id = await repositoryID();
    const session = await server.session(1);
    server.setPlan(session, planSet(change, { id }));
    await until('the plan', () => session.of('plan.applied').length > 0);
    return session;
  }

  const slow = async (): Promise<void> => {
    await writeFile(join(source, 'big'), '');
    await truncate(join(source, 'big'), 200 * 2 ** 30); // sparse: much to read, nothing to store
  };

  const resticsAlive = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.includes(source) && command.includes('backup') && processStartTime(Number(pid)) !== undefined) found.push(pid);
    }
    return found;
  };

  it('enrols by token, says a signed hello with all it has, and uses the token only once', async () => {
    const agent = await start();
    const session = await server.session(1);
    expect(helloIsSigned(session.hello)).to.be.true;
    expect(session.hello).to.deep.include({ protocolVersion: 1, hostname: 'web1', os: 'linux', resticVersion: '0.19.1', runningJobs: [] });
    expect(session.hello.spool).to.include({ first: 1, last: 0 });
    expect(session.hello.capabilities).to.include('group-by');
    expect(server.posts.map(({ path }) => path)).to.deep.equal(['/api/agents/enroll']);
    await until('the welcome', () => agent.status().link === 'online');
    await agent.stop(0);
    await start();
    const again = await server.session(2);
    expect(again.hello.publicKey).to.equal(session.hello.publicKey);
    expect(again.hello.storeEpoch).to.equal('epoch-1');
    expect(server.posts).to.have.length(1);
    expect((await stat(join(stateDir(), 'credentials.json'))).mode & 0o777).to.equal(0o600);
  });

  it('announces itself, proves its key, re-attaches after a restart with the same key (E4), and is accepted', async () => {
    const first = await start({ token: undefined });
    await until('pending', () => server.pending.length === 1);
    await first.stop(0);
    await start({ token: undefined });
    await until('pending again', () => server.pending.length === 2);
    const [one, two] = server.posts.map(({ body }) => body['public_key']);
    expect(two).to.equal(one);
    server.accept(server.pending[1]!);
    const session = await server.session(1);
    expect(session.hello.publicKey).to.equal(one);
    expect(said.join('')).to.match(/"fingerprint":"SHA256:[A-Za-z0-9+/]{43}"/);
  });

  it('ends with a clear message when it is denied before it ever was a host', async () => {
    const agent = await start({ token: undefined });
    await until('pending', () => server.pending.length === 1);
    server.pending[0]!.close(closeCodes.denied, 'denied');
    const { end, message } = await agent.ended;
    expect(end).to.equal('denied');
    expect(message).to.contain('denied this agent (SHA256:');
  });

  it('ends with a clear message when the token is refused', async () => {
    server.answer = () => ({ status: 410, body: { code: 'token_expired', message: 'gone' } });
    const { end, message } = await (await start()).ended;
    expect(end).to.equal('failed');
    expect(message).to.contain('the enrolment token is not valid');
  });

  it('announces itself again when its bearer is refused, and wipes nothing', async () => {
    await start();
    const session = await ready();
    server.bearer = 'bearer-2';
    server.dropAll();
    await until('an announcement', () => server.pending.length === 1);
    expect(await readdir(stateDir())).to.include('plan.enc');
    server.accept(server.pending[0]!);
    const again = await server.session(2);
    expect(again.hello).to.deep.include({ appliedRevision: 'rev-1', publicKey: session.hello.publicKey });
  });

  it('initialises once, backs up after its plan (E8), streams log and progress, and reports snapshots and sizes (J2, E10)', async () => {
    await start();
    const session = await server.session(1);
    server.setPlan(session, planSet());
    session.send('job.run', run('init', { identity: job('init', { type: 'Init', sourceGroup: undefined }) }));
    const opened = await server.finished('uid-init');
    expect(opened, opened.message).to.deep.include({ phase: 'Succeeded', reason: 'Initialized' });
    session.send('job.run', run('backup', { planGeneration: generation + 1 }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.of('job.started').map(({ identity }) => identity.job), 'waits for its plan').to.deep.equal(['init']);
    server.setPlan(session, planSet({}, { id: opened.repositoryID }));
    const result = await server.finished('uid-backup');
    expect(result, result.message).to.deep.include({ phase: 'Succeeded', reason: 'Completed', exitCode: 0, repositoryID: opened.repositoryID });
    expect(result.summary).to.deep.include({ filesNew: 1 });
    const stats = await until('statistics', () => server.of('repo.stats').find(({ sizeBytes }) => sizeBytes !== undefined), 60_000);
    expect(stats).to.deep.include({ repository: 'web1', snapshotCount: 1, formatVersion: 2 });
    expect(server.of('snapshots.report')).to.have.length(1);
    expect(server.of('snapshots.report')[0]).to.deep.include({ more: false });
    expect(server.of('snapshots.report')[0]?.snapshots[0]).to.deep.include({ id: result.snapshotID, hostname: 'web1', tags: ['docs'] });
    const lines = server.of('job.log').filter(({ job: name }) => name === 'backup').flatMap(linesOf);
    expect(lines.map(({ seq }) => seq)).to.deep.equal(lines.map((_, index) => index + 1));
    expect(lines.some(({ payload }) => payload.includes('"message_type":"summary"'))).to.be.true;
    expect(lines.some(({ payload }) => payload.includes('"message_type":"status"')), 'J6').to.be.false;
    expect(said.join('')).to.contain('"msg":"job accepted"').and.to.contain('"msg":"job finished"');
    expect(said.join('')).not.to.contain(PASSWORD);
  });

  it('runs one job at a time, keeps the others in line, and takes no run id twice', async () => {
    const agent = await start();
    const other = join(dir, 'other-source');
    await mkdir(other);
    const session = await ready({ groups: [planGroup({ includes: [source] }), planGroup({ uid: 'g2', name: 'small', tag: 'small', includes: [other] })] });
    await slow();
    session.send('job.run', run('one'));
    await until('progress', () => session.of('job.progress').length > 0);
    session.send('job.run', run('two', { identity: job('two', { sourceGroup: 'small' }) }));
    session.send('job.run', run('one'));
    await until('a queue', () => agent.status().queued.length === 1);
    expect(agent.status()).to.deep.include({ running: ['one'], queued: [{ job: 'two', type: 'Backup', why: 'waits for its turn: one runs, and maxConcurrentJobs of this host is 1' }] });
    session.send('job.stop', { job: 'one', runID: 'uid-one', reason: 'Cancelled' });
    expect((await server.finished('uid-one')).phase).to.equal('Cancelled');
    expect((await server.finished('uid-two')).phase).to.equal('Succeeded');
    session.send('job.run', run('two'));
    session.send('job.stop', { job: 'two', runID: 'uid-two', reason: 'Cancelled' });
    session.send('job.run', run('three', { identity: job('three', { sourceGroup: 'small' }) }));
    await server.finished('uid-three');
    expect(server.of('job.started').map(({ identity }) => identity.job)).to.deep.equal(['one', 'two', 'three']);
    expect(new Set(server.of('job.finished').map(({ identity }) => identity.job)).size).to.equal(3);
  });

  it('cancels a waiting job at once and a running one within a second (J4); cancelling an unknown one is harmless (E23)', async () => {
    await start();
    const session = await ready();
    await slow();
    session.send('job.run', run('one'));
    session.send('job.run', run('two'));
    await until('progress', () => session.of('job.progress').length > 0);
    session.send('job.stop', { job: 'ghost', runID: 'uid-ghost' });
    session.send('job.stop', { job: 'two', runID: 'uid-two' });
    expect(await server.finished('uid-two')).to.deep.include({ phase: 'Cancelled', reason: 'CancelledBeforeStart' });
    const began = Date.now();
    session.send('job.stop', { job: 'one', runID: 'uid-one' });
    expect(await server.finished('uid-one')).to.deep.include({ phase: 'Cancelled', reason: 'Cancelled' });
    expect(Date.now() - began).to.be.lessThan(3_000);
    await until('no lock', async () => (await readdir(join(dir, 'repo', 'locks'))).length === 0);
  });

  it('ends a run that exceeds its deadline', async () => {
    await start();
    const session = await ready();
    await slow();
    session.send('job.run', run('one', { activeDeadlineSeconds: 1 }));
    expect(await server.finished('uid-one')).to.deep.include({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });

  it('sends the first progress at once and then at most one a second (E23)', async () => {
    await start();
    const session = await ready();
    await slow();
    session.send('job.run', run('one'));
    await until('two reports', () => session.of('job.progress').length >= 2);
    const began = Date.now();
    const before = session.of('job.progress').length;
    await until('three more', () => session.of('job.progress').length >= before + 3);
    expect(Date.now() - began).to.be.greaterThan(1_800);
    expect(session.of('job.progress').at(-1)).to.include.keys('percentDone', 'totalBytes', 'bytesDone');
  });

  for (const [reason, sentence, prepare] of [
    ['UnknownGroup', 'a group that is not in the plan', () => run('x', { identity: job('x', { sourceGroup: 'ghost' }) })],
    ['NoRepository', 'a repository that is not initialised', () => run('x')],
  ] as const) {
    it(`fails with ${reason} for ${sentence}, never hangs (J5)`, async () => {
      await start();
      const session = await server.session(1);
      server.setPlan(session, planSet());
      session.send('job.run', prepare());
      expect(await server.finished('uid-x')).to.deep.include({ phase: 'Failed', reason });
    });
  }

  it('connects without restic and says so; jobs fail with the way to install it; connects anew when it is there (E27)', async () => {
    const path = join(dir, 'restic');
    await start({ restic: path });
    const session = await server.session(1);
    expect(session.hello).not.to.have.property('resticVersion');
    server.setPlan(session, planSet());
    session.send('job.run', run('x'));
    const result = await server.finished('uid-x');
    expect(result).to.deep.include({ phase: 'Failed', reason: 'ResticMissing' });
    expect(result.message).to.contain('install');
    await writeFile(path, `#!/bin/sh\nexec ${newest.path} "$@"\n`);
    await chmod(path, 0o755);
    session.send('rpc.request', { method: 'restic.version' });
    await until('the answer', () => session.of('rpc.result').length > 0);
    expect(session.of('rpc.result')[0]).to.deep.equal({ result: { version: '0.19.1' } });
  });

  it('keeps a backup running when the server goes away, and delivers result and full log once, in order', async () => {
    await start();
    const session = await ready({ bandwidth: { uploadKiBps: 3_000 } });
    await writeFile(join(source, 'data'), randomBytes(12_000_000));
    session.send('job.run', run('one'));
    await until('the start', () => server.of('job.started').length > 0);
    server.acknowledges = false;
    const { port } = server;
    const before = new Map(server.taken);
    await server.close();
    await until('the end without a server', () => said.join('').includes('"msg":"job finished","job":"one"'), 60_000);
    server = await WireServer.start(undefined, port);
    const result = await server.finished('uid-one');
    expect(result.phase).to.equal('Succeeded');
    const again = server.sessions[0]!;
    expect(again.hello.runningJobs).to.deep.equal([]);
    expect(again.hello.spool.last).to.be.at.least(before.size);
    for (const [seq, frame] of server.taken) if (before.has(seq)) expect(frame).to.deep.equal(before.get(seq));
    expect([...server.taken.keys()].sort((a, b) => a - b)[0]).to.equal(again.hello.spool.first);
    expect(server.of('job.finished')).to.have.length(1);
  });

  it('fires its last plan while the server is away and reports the run once it is back (S7)', async () => {
    const agent = await start();
    const effectiveSince = new Date(Date.now() - 120_000).toISOString();
    server.acknowledges = true;
    await ready({ schedules: [{ uid: 'schedule-uid', name: 'minutely', schedule: '* * * * *', groups: ['group-uid'], jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 0 }, effectiveSince }] });
    const { port } = server;
    await server.close();
    // the moment before the start was missed: with no settle time it is caught up at once, without any server
    await until('the run', () => said.join('').includes('"msg":"job finished"'), 80_000);
    server = await WireServer.start(undefined, port);
    const finished = await until('the report', () => server.of('job.finished')[0], 30_000);
    expect(finished).to.deep.include({ phase: 'Succeeded' });
    expect(finished.identity).to.deep.include({ startedBy: 'Agent', schedule: 'minutely', sourceGroup: 'docs' });
    expect(finished.identity.job).to.match(/^minutely-[0-9a-f]{10}$/);
    expect(finished.identity.runID).to.equal(finished.identity.job);
    await agent.stop(0);
    expect(new Set(server.of('job.finished').map(({ identity }) => identity.job)).size).to.equal(server.of('job.finished').length);
  });

  it('says which schedules it cannot run, and runs the others', async () => {
    const agent = await start();
    const schedule = { groups: ['group-uid'], jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 60 }, effectiveSince: new Date().toISOString() };
    const session = await ready({ schedules: [
      { uid: 's1', name: 'bad', schedule: '61 * * * *', ...schedule },
      { uid: 's2', name: 'nowhere', schedule: '0 * * * *', timeZone: 'Mars/Olympus', ...schedule },
      { uid: 's3', name: 'good', schedule: '0 * * * *', ...schedule },
    ] });
    expect(session.of('plan.applied')[0]?.stalled?.map(({ schedule: name, message }) => `${name}: ${message}`)).to.deep.equal([
      'bad: "61 * * * *" is not a cron expression: minute 61 is outside 0-59',
      'nowhere: "Mars/Olympus" is not an IANA time zone name such as Europe/Berlin',
    ]);
    expect(agent.status().next.map(({ schedule: name }) => name)).to.deep.equal(['good']);
  });

  it('wipes plan and credentials when its server revokes it, and only then', async () => {
    const agent = await start();
    const session = await ready();
    const { privateKey } = (await import('node:crypto')).generateKeyPairSync('ed25519');
    server.revoke(session, privateKey);
    await until('the warning', () => said.join('').includes('not signed by the server of this host'));
    expect(await readdir(stateDir())).to.include.members(['plan.enc', 'credentials.json']);
    server.revoke(session);
    const { end, message } = await agent.ended;
    expect(end).to.equal('revoked');
    expect(message).to.contain('removed from its server');
    expect(await readdir(stateDir())).not.to.include.members(['plan.enc']).and.not.to.include('credentials.json').and.not.to.include('plan.key');
  });

  it('says that a second agent has its identity, keeps its cron, and tries again later (4003)', async () => {
    server.greeting = (session) => { session.ws.close(closeCodes.duplicateAgent, 'web1 is connected from 192.0.2.7'); };
    const agent = await start();
    await until('the message', () => said.join('').includes('another agent with this identity is connected'));
    expect(agent.status().link).to.equal('waiting');
    expect(said.join('')).to.contain('192.0.2.7');
  });

  for (const reason of ['protocol_too_old', 'protocol_too_new'] as const) {
    it(`keeps its cron and tries again hourly when the server says ${reason} (E7)`, async () => {
      server.greeting = (session) => { session.send('refused', { reason, message: 'speaks another protocol' }); };
      const agent = await start();
      const line = await until('the message', () => said.find((one) => one.includes('speaks another protocol')));
      expect((JSON.parse(line) as { seconds: number }).seconds).to.be.within(1_800, 3_600);
      expect(agent.status().link).to.equal('waiting');
    });
  }

  it('ignores unknown frames, answers malformed ones with error, and stays connected', async () => {
    const agent = await start();
    const session = await ready();
    session.ws.send('not json');
    session.ws.send(JSON.stringify({ type: 'from.the.future', payload: 1 }));
    session.ws.send(JSON.stringify({ type: 'job.run', payload: { identity: { job: 7 } } }));
    await until('two errors', () => session.of('error').length === 2);
    expect(session.of('error')[1]).to.deep.include({ code: 'malformed', frame: 'job.run' });
    expect(agent.status().link).to.equal('online');
  });

  it('ends the connection over an oversized frame and comes back', async () => {
    await start();
    const session = await ready();
    session.ws.send(JSON.stringify({ type: 'ack', payload: { seq: 1 }, more: 'x'.repeat(1_100_000) }));
    await server.session(2);
  });

  it('sends its results again to a server that was restored from another state', async () => {
    await start();
    const session = await ready();
    session.send('job.run', run('one'));
    await server.finished('uid-one');
    server.taken.clear();
    server.epoch = 'epoch-2';
    server.dropAll();
    const again = await server.session(2);
    await server.finished('uid-one');
    // a generation of the old epoch does not count any more
    again.send('job.run', run('two', { planGeneration: 1 }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.of('job.started').filter(({ identity }) => identity.job === 'two')).to.be.empty;
    server.setPlan(again, planSet({}, { id: await repositoryID() }));
    await server.finished('uid-two');
  });

  it('refuses a second agent on the same state directory, credentials others may read, and an unencrypted server', async () => {
    await start();
    await server.session(1);
    const second = await startAgent({ config: config(), log: createLog('error', () => undefined) }).then(() => '', (error: unknown) => String(error));
    expect(second).to.contain('another agent');
    const other = join(dir, 'other');
    await mkdir(other, { mode: 0o700 });
    await writeFile(join(other, 'credentials.json'), '{}', { mode: 0o644 });
    await chmod(join(other, 'credentials.json'), 0o644);
    expect(await startAgent({ config: config({ stateDir: other }), log: createLog('error', () => undefined) }).then(() => '', (error: unknown) => String(error))).to.contain('chmod 0600');
    const plain = await startAgent({ config: config({ stateDir: join(dir, 'plain'), server: 'http://192.0.2.1:8080' }), log: createLog('error', () => undefined) });
    agents.push(plain);
    expect((await plain.ended).message).to.contain('not encrypted');
  });

  it('keeps a corrupt credentials file under another name and begins anew (E7)', async () => {
    await mkdir(stateDir(), { mode: 0o700 });
    await writeFile(join(stateDir(), 'credentials.json'), '{"bearer": "x', { mode: 0o600 });
    await start();
    await server.session(1);
    const kept = (await readdir(stateDir())).find((name) => name.startsWith('credentials.json.corrupt-'));
    expect(await readFile(join(stateDir(), kept ?? ''), 'utf8')).to.equal('{"bearer": "x');
  });

  it('leaves no orphan and no lock after kill -9 of itself, and reports Failed, AgentRestarted; the next backup succeeds', async () => {
    launch();
    let session = await ready();
    await slow();
    session.send('job.run', run('one'));
    await until('progress', () => session.of('job.progress').length > 0);
    expect(await resticsAlive()).not.to.be.empty;
    const killed = processes.at(-1)!;
    const gone = new Promise((resolve) => killed.on('exit', resolve));
    killed.kill('SIGKILL');
    await gone;
    await until('no orphan', async () => (await resticsAlive()).length === 0);
    expect(await readdir(join(dir, 'repo', 'locks'))).to.have.length(1);
    await writeFile(join(source, 'big'), '');
    launch();
    session = await server.session(2);
    expect(session.hello.runningJobs).to.deep.equal(['uid-one']);
    expect(session.hello.appliedRevision).to.equal('rev-1');
    const result = await server.finished('uid-one');
    expect(result).to.deep.include({ phase: 'Failed', reason: 'AgentRestarted' });
    expect(result.message).to.contain('the lock it left was removed');
    expect(await readdir(join(dir, 'repo', 'locks'))).to.be.empty;
    session.send('job.run', run('one'));
    session.send('job.run', run('two'));
    expect((await server.finished('uid-two')).phase).to.equal('Succeeded');
    expect(server.of('job.started').filter(({ identity }) => identity.job === 'one'), 'never runs twice').to.have.length(1);
    for (const told of server.of('job.finished').filter(({ identity }) => identity.job === 'one')) expect(told).to.deep.equal(result);
  });

  it('on SIGTERM starts nothing new, interrupts what does not end, reports Failed, Interrupted, and exits 0', async () => {
    const agent = await start();
    const session = await ready();
    await slow();
    session.send('job.run', run('one'));
    await until('progress', () => session.of('job.progress').length > 0);
    const stopped = agent.stop(200);
    session.send('job.run', run('two'));
    await stopped;
    expect(await server.finished('uid-one')).to.deep.include({ phase: 'Failed', reason: 'Interrupted' });
    expect(server.of('job.started').map(({ identity }) => identity.job)).to.deep.equal(['one']);
    const child = launch();
    await server.session(2);
    const exit = new Promise<number | null>((resolve) => child.on('exit', (code) => { resolve(code); }));
    child.kill('SIGTERM');
    expect(await exit).to.equal(0);
  });

  it('stops the start over an unknown RM_* name, naming the nearest', async () => {
    const child = launch({ RM_SEVER: 'x', RM_LISTEN: 'ignored: it is the server\'s' });
    expect(await new Promise((resolve) => child.on('exit', resolve))).to.equal(2);
    expect(said.join('')).to.contain('RM_SEVER is not a setting; the nearest is RM_SERVER').and.not.to.contain('RM_LISTEN');
  });
});
