/** The main job with real parts: server, agent and restic as processes of their own. */
import { expect } from 'chai';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textOf } from '#crds/wire/logLines.js';
import { toolPath } from '../../hack/tools/paths.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from '../builders/scriptedAgent.js';
import { openWorld, PASSWORD, type World } from '../builders/world.js';
import { until } from '../builders/until.js';

describe('jobs, end to end', function () {
  this.timeout(120_000);
  let world: World;
  before(async () => { world = await openWorld(); });
  after(async () => { await world.close(); });

  it('enrols by token, initialises the repository once, backs up by Run now, streams the log, shows success (H1, H5, S2, S5, J1, J2)', async () => {
    const source = await world.source('web1');
    await world.agent('web1', { token: await world.mintToken('web1', [source]) });
    await world.ready('web1');
    const job = await world.runNow('web1');
    const stream = world.socket(`/api/jobs/${job}/stream`);
    const done = await world.ended(job);
    expect(done.status).to.include({ phase: 'Succeeded', reason: 'Completed', exitCode: 0 });
    expect(done.status?.snapshotID).to.match(/^[0-9a-f]{8,64}$/);
    await until('end of stream', () => stream.messages.some(({ type }) => type === 'end'));
    expect(stream.messages.at(-1)).to.deep.include({ type: 'end', status: 'succeeded' });
    const lines = await world.logOf(job);
    expect(lines.map(({ seq }) => seq)).to.deep.equal(lines.map((_, index) => index + 1));
    expect(stream.messages.filter(({ seq }) => seq !== undefined)).to.deep.equal(lines);
    const host = await until('last backup', async () => { const each = await world.get('Host', 'web1'); return each?.status?.lastBackup && each; });
    expect(host.status?.lastBackup).to.include({ result: 'Succeeded', jobName: job });
    const snapshots = JSON.parse(world.restic('web1', 'snapshots', '--json').stdout) as { hostname: string; tags: string[] }[];
    expect(snapshots).to.have.length(1);
    expect(snapshots[0]).to.deep.include({ hostname: 'web1' });
    expect((await world.list('ResticJob')).filter(({ spec }) => spec.type === 'Init')).to.have.length(1);
    expect(JSON.stringify([done, lines, world.server.log(), world.agents[0]?.log()])).to.not.include(PASSWORD);
  });

  it('announces itself, is accepted by an operator, and goes on by itself (H8, E4)', async () => {
    await world.source('pending1');
    const agent = await world.agent('pending1');
    const pending = await until('pending host', async () => ((await world.call('GET', '/api/pending-hosts')).body['items'] as { id: string; hostname: string; fingerprint: string }[]).find(({ hostname }) => hostname === 'pending1'));
    await agent.says(pending.fingerprint);
    await agent.stop();
    await world.agent('pending1');   // restarted: the same key finds the same entry
    await until('same entry', async () => ((await world.call('GET', '/api/pending-hosts')).body['items'] as { hostname: string }[]).filter(({ hostname }) => hostname === 'pending1').length === 1);
    const accepted = await world.call('POST', `/api/pending-hosts/${pending.id}/accept`, { repo_url: world.repositoryUrl('pending1'), repo_username: '', repo_password: PASSWORD });
    expect(accepted.status).to.equal(200);
    await world.ready('pending1');
    expect((await world.get('Host', 'pending1'))?.spec.enrollment?.fingerprint).to.equal(pending.fingerprint);
  });

  it('turns away an announced agent that an operator rejects', async () => {
    const agent = await world.agent('unwanted');
    const pending = await until('pending host', async () => ((await world.call('GET', '/api/pending-hosts')).body['items'] as { id: string; hostname: string }[]).find(({ hostname }) => hostname === 'unwanted'));
    expect((await world.call('POST', `/api/pending-hosts/${pending.id}/reject`)).status).to.be.oneOf([200, 204]);
    expect(await agent.exited).to.equal(4);
    expect(await world.get('Host', 'unwanted')).to.equal(undefined);
  });

  it('becomes the Host that was declared beforehand with its fingerprint, without anybody accepting', async () => {
    const agent = await world.agent('declared');
    await agent.says(/SHA256:[A-Za-z0-9+/]{43}/);
    const fingerprint = /SHA256:[A-Za-z0-9+/]{43}/.exec(agent.log())?.[0];
    await world.create('Host', 'git-made', { spec: { enrollment: { fingerprint } } });
    await until('online', async () => (await world.get('Host', 'git-made'))?.status?.phase === 'Online');
  });

  it('works with restic 0.14 as with the newest (J1)', async () => {
    const source = await world.source('old1');
    await world.agent('old1', { token: await world.mintToken('old1', [source]), restic: toolPath('restic-0.14') });
    await world.ready('old1');
    expect((await world.get('Host', 'old1'))?.status?.agent?.resticVersion).to.match(/^0\.14/);
    for (const _ of [1, 2]) expect((await world.ended(await world.runNow('old1'))).status).to.include({ phase: 'Succeeded', reason: 'Completed' });
    const snapshots = JSON.parse(world.restic('old1', 'snapshots', '--json').stdout) as { parent?: string }[];
    expect(snapshots).to.have.length(2);
    expect(snapshots[1]?.parent, 'second snapshot has a parent').to.be.a('string');
  });

  it('fires a schedule by the agent\'s own clock and records the run once (S3, S7)', async () => {
    const groups = (await world.call('GET', '/api/hosts/web1/source-groups')).body['items'] as { id: string; object_name: string }[];
    const made = await world.call('POST', '/api/hosts/web1/schedules', { cron: '* * * * *', enabled: true, source_group_ids: [groups[0]?.id] });
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
    const run = await until('agent-started run', async () => (await world.list('ResticJob')).find(({ spec }) => spec.startedBy === 'Agent' && spec.hostRef.name === 'web1'), 100_000, 250);
    const done = await world.ended(run.metadata.name);
    expect(done.status).to.include({ phase: 'Succeeded' });
    expect(done.spec).to.deep.include({ sourceGroupRef: { name: groups[0]?.object_name } });
    expect(done.spec.origin).to.include({ type: 'Schedule', name: made.body['object_name'] });
    expect((await world.logOf(run.metadata.name)).length).to.be.greaterThan(0);
    await world.patch('Schedule', made.body['object_name'] as string, { spec: { suspend: true } });
  }).timeout(150_000);

  it('cancels a running backup at once; the repository is left unlocked (J4)', async () => {
    const source = await world.source('slow1', 12 * 1024 * 1024);
    await world.agent('slow1', { token: await world.mintToken('slow1', [source]) });
    await world.ready('slow1');
    await world.patch('Host', 'slow1', { spec: { bandwidth: { uploadKiBps: 256 } } });
    await until('plan applied', async () => { const { status } = await world.get('Host', 'slow1') ?? {}; return status?.desiredRevision !== undefined && status.desiredRevision === status.appliedRevision && (await world.get('Host', 'slow1'))?.spec.bandwidth; });
    const job = await world.runNow('slow1');
    await until('running', async () => (await world.get('ResticJob', job))?.status?.phase === 'Running');
    const stream = world.socket(`/api/jobs/${job}/stream`);
    await until('progress', () => stream.messages.some(({ type }) => type === 'progress'));
    const asked = Date.now();
    expect((await world.call('POST', `/api/jobs/${job}/cancel`)).status).to.be.oneOf([200, 202]);
    const done = await world.ended(job);
    expect(done.status).to.include({ phase: 'Cancelled', reason: 'Cancelled' });
    expect(Date.now() - asked).to.be.below(6000);
    expect(world.restic('slow1', 'list', 'locks', '--no-lock').stdout.trim()).to.equal('');
    expect((await world.call('POST', `/api/jobs/${job}/cancel`)).status).to.equal(409);
    await world.patch('Host', 'slow1', { spec: { bandwidth: null } });
  });

  it('connects without restic and says so; a job fails with the reason (E27, J5)', async () => {
    const source = await world.source('bare1');
    await world.agent('bare1', { token: await world.mintToken('bare1', [source]), restic: '/nonexistent/restic' });
    await until('online', async () => (await world.get('Host', 'bare1'))?.status?.phase === 'Online');
    expect((await world.get('Host', 'bare1'))?.status?.agent).to.not.have.property('resticVersion');
    const repository = await until('said', async () => { const each = await world.get('Repository', 'bare1'); return each?.status?.phase === 'InitFailed' && each; }, 60_000, 100);
    expect(repository.status?.conditions?.find(({ type }) => type === 'Available')).to.include({ reason: 'ResticMissing' });
  });

  it('deletes a host: its agent is told, signed, and wipes plan and credentials; the repository stays (H4)', async () => {
    const source = await world.source('leaver');
    const agent = await world.agent('leaver', { token: await world.mintToken('leaver', [source]) });
    await world.ready('leaver');
    expect((await world.ended(await world.runNow('leaver'))).status).to.include({ phase: 'Succeeded' });
    expect((await world.call('DELETE', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts/leaver')).status).to.equal(200);
    expect(await agent.exited).to.equal(4);
    expect(agent.log()).to.include('this host was removed from its server');
    const left = await Promise.all((await readdir(agent.stateDir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && !entry.parentPath.includes('cache')).map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')));
    expect(left.join()).to.not.include('rma_').and.not.include(PASSWORD);
    await until('jobs went with their host', async () => !(await world.list('ResticJob')).some(({ spec }) => spec.hostRef.name === 'leaver'));
    expect(JSON.parse(world.restic('leaver', 'snapshots', '--json').stdout)).to.have.length(1);
  });

  describe('who may not', () => {
    const scripted: ScriptedAgent[] = [];
    const port = (): number => Number(new URL(world.server.url).port);
    afterEach(async () => { for (const agent of scripted.splice(0)) if (agent.closed === undefined) await agent.kill(); });

    /** A host whose agent is a script. */
    async function enrolled(hostname: string): Promise<{ bearer: string; key: ReturnType<typeof newAgentKey> }> {
      const key = newAgentKey();
      const { status, body } = await world.call('POST', '/api/agents/enroll', { token: await world.mintToken(hostname, ['/srv'], 'unused'), hostname, os: 'linux', arch: 'amd64', agent_version: '0.0.0-dev', restic_version: '0.19.1', public_key: key.publicKey });
      expect(status, JSON.stringify(body)).to.equal(200);
      return { bearer: body['agent_token'] as string, key };
    }
    async function connect(bearer: string, key: ReturnType<typeof newAgentKey>): Promise<ScriptedAgent> {
      const agent = await dialAgent(port(), bearer, signedHello(key));
      scripted.push(agent);
      return agent;
    }

    it('an enrolment token that is wrong, or used: refused, nothing made', async () => {
      const before = (await world.list('Host')).length;
      const agent = await world.agent('stranger', { token: 'no-such-token' });
      expect(await agent.exited).to.not.equal(0);
      expect(agent.log()).to.include('the enrolment token is not valid: it is wrong, used or older than an hour');
      const token = await world.mintToken('once', ['/srv'], 'unused');
      const enroll = () => world.call('POST', '/api/agents/enroll', { token, hostname: 'once', os: 'linux', arch: 'amd64', agent_version: '0', restic_version: '0.19.1' });
      expect((await enroll()).status).to.equal(200);
      expect((await enroll()).status).to.equal(410);
      expect((await world.list('Host')).length).to.equal(before + 1);
    });

    it('a second agent with the same identity: refused while the first one lives, and shown (J9)', async () => {
      const first = world.agents.find(({ stateDir }) => stateDir.endsWith('agent-web1'));
      const copy = join(world.dir, 'agent-web1-copy');
      await cp(first?.stateDir ?? '', copy, { recursive: true, filter: (path) => !path.endsWith('agent.lock') });
      const second = await world.agent('web1', { stateDir: copy });
      await second.says(/another agent with this identity is connected/);
      await until('event', async () => (await world.list('Event')).some(({ reason, involvedObject }) => reason === 'DuplicateAgent' && involvedObject.name === 'web1'));
      expect((await world.get('Host', 'web1'))?.status?.phase).to.equal('Online');
      await second.stop();
      expect((await world.ended(await world.runNow('web1'))).status).to.include({ phase: 'Succeeded' });
    });

    it('another host\'s bearer: a stolen one does not help without the key, and an own one changes nothing of others (E33)', async () => {
      const credentials = JSON.parse(await readFile(join(world.dir, 'agent-web1', 'credentials.json'), 'utf8')) as Record<string, unknown>;
      const stolen = Object.values(credentials).find((value): value is string => typeof value === 'string' && value.startsWith('rma_')) ?? '';
      const thief = await connect(stolen, newAgentKey());
      expect(await thief.next('refused')).to.include({ reason: 'unauthorised' });
      const { bearer, key } = await enrolled('mallory');
      const mallory = await connect(bearer, key);
      await mallory.next('welcome');
      const victim = (await world.list('ResticJob')).find(({ spec, status }) => spec.hostRef.name === 'web1' && status?.phase === 'Succeeded');
      const name = victim?.metadata.name ?? '';
      const before = { job: await world.get('ResticJob', name), log: await world.logOf(name) };
      const identity = { job: name, runID: victim?.metadata.uid ?? '', type: 'Backup' as const, startedBy: 'Server' as const };
      mallory.send('job.log', { job: name, runID: identity.runID, firstSeq: 1000, lines: [textOf({ ts: new Date().toISOString(), stream: 'stdout', payload: 'forged' })] }, 1);
      mallory.send('job.finished', { identity, phase: 'Failed', reason: 'ResticFailed', message: 'forged', completionTime: new Date().toISOString() }, 2);
      await mallory.acked(2);
      expect({ job: await world.get('ResticJob', name), log: await world.logOf(name) }).to.deep.equal(before);
      await until('said', async () => (await world.list('Event')).some(({ reason, involvedObject }) => reason === 'ReportRefused' && involvedObject.name === 'mallory'));
    });

    it('malformed and oversized frames: answered, counted, closed; nothing changes', async () => {
      const { bearer, key } = await enrolled('garbler');
      const agent = await connect(bearer, key);
      await agent.next('welcome');
      for (const text of ['', '{', '[]', '"x"', '{"type":7}', '{"type":"job.log","seq":"x"}', `{"type":"${'x'.repeat(100)}"}`, '{"type":"heartbeat","payload":{"clock":7}}', '{"__proto__":{"type":"heartbeat"}}']) {
        agent.raw(text);
        expect(await agent.next('error'), text).to.include({ code: 'malformed_frame' });
      }
      expect(agent.closed).to.equal(undefined);
      agent.raw(`{"type":"heartbeat","payload":{"clock":"${'x'.repeat(1024 * 1024)}"}}`);
      expect(await agent.untilClosed()).to.equal(1009);
      expect((await connect('nobody', key)).refusedStatus).to.equal(401);
      expect((await world.get('Host', 'web1'))?.status?.phase).to.equal('Online');
    });
  });
});
