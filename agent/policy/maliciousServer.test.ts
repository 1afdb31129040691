/**
 * A server that turned against its hosts sends whatever the protocol can carry; the agent, which is root, holds it to agent.yaml.
 * Whatever would have been run or written by it would have left the canary; every call of restic is on record.
 */
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JobIdentity, JobRun, PlanGroup, PlanRepository, RestoreArgs } from '#crds/wire/agentProtocol.gen.js';
import { AgentBed, BED_PASSWORD } from '../../test/builders/agentBed.js';
import { planGroup, planOf, until } from '../../test/builders/agentParts.js';
import type { AgentSession } from '../../test/builders/wireServer.js';
import type { Agent } from '../agent.js';
import { silentLog } from '../log.js';
import { PlanFile } from '../plan/planFile.js';
import { Journal } from '../runs/journal.js';
import { readAgentFile } from './agentFile.js';

type Finished = Awaited<ReturnType<AgentBed['server']['finished']>>;

describe('an agent whose server is malicious', function () {
  this.timeout(60_000);
  let bed: AgentBed;
  let session: AgentSession;
  let serial = 0;
  const at = (name: string): string => join(bed.dir, name);

  beforeEach(async () => {
    bed = await AgentBed.make();
    await bed.makeRepository();
    await mkdir(at('etc'));
    await writeFile(at('restic'), `#!/bin/sh\necho "$RESTIC_REPOSITORY $*" >> ${at('calls')}\nexec ${bed.restic} "$@"\n`, { mode: 0o755 });
    bed.restic = at('restic');
  });
  afterEach(async () => bed.clean());

  /** An agent with this agent.yaml. */
  async function start(agentYaml: string): Promise<Agent> {
    await writeFile(at('etc/agent.yaml'), agentYaml);
    return bed.start(await readAgentFile(at('etc/agent.yaml'), true));
  }

  async function job(identity: Partial<JobIdentity>, change: Partial<JobRun> = {}): Promise<Finished> {
    const name = `job-${++serial}`;
    session.send('job.run', bed.run(name, identity, change));
    return bed.server.finished(`uid-${name}`);
  }

  const callsOf = async (): Promise<string> => readFile(at('calls'), 'utf8').catch(() => '');
  const isRefused = (result: Finished, key: string): void => {
    expect(result, result.message).to.deep.include({ phase: 'Failed', reason: 'PolicyRefused' });
    expect(result.message).to.contain(`policy.${key}`).and.to.contain(at('etc/agent.yaml'));
  };
  const group = (name: string, change: Partial<PlanGroup>): PlanGroup => planGroup({ uid: `uid-${name}`, name, tag: name, includes: [bed.source], ...change });
  const canary = (): string => `touch ${at('canary')}`;
  const nothingHappened = async (): Promise<void> => { expect(await readdir(bed.dir)).not.to.include('canary').and.not.to.include('foreign'); };
  const strict = (): string => `
policy:
  hooks: off
  inPlaceRestore: false
  restoreRoots: [${at('restored')}]
  includeRoots: [${bed.source}]
  repositoryURLs: [${bed.repository}]
  updates: false
`;

  it('runs no script, reads and writes nowhere else and uses no other repository; what is allowed works', async () => {
    await start(strict());
    await mkdir(at('restored'), { mode: 0o700 });
    await symlink('/etc', join(bed.source, 'link'));
    await symlink(bed.dir, at('restored/out'));
    const hooks = (which: Partial<NonNullable<PlanGroup['hooks']>>): PlanGroup['hooks'] => ({ timeoutSeconds: 30, ...which });
    session = await bed.ready({ groups: [
      group('docs', {}),
      group('pre', { hooks: hooks({ pre: { body: canary() } }) }),
      group('post', { hooks: hooks({ post: { body: `#!/bin/sh\n${canary()}` } }) }),
      group('dump', { includes: [], stdin: { command: ['/bin/sh', '-c', canary()], filename: 'dump' } }),
      group('etc', { includes: [bed.source, '/etc'] }),
      group('linked', { includes: [join(bed.source, 'link')] }),
      group('dots', { includes: [`${bed.source}/../etc`] }),
    ] });
    const good = await job({ sourceGroup: 'docs' });
    expect(good, good.message).to.deep.include({ phase: 'Succeeded', reason: 'Completed' });

    for (const name of ['pre', 'post', 'dump']) isRefused(await job({ sourceGroup: name }), 'hooks: off');
    for (const name of ['etc', 'linked', 'dots']) isRefused(await job({ sourceGroup: name }), 'includeRoots');
    isRefused(await job({ sourceGroup: 'etc' }, { dryRun: true }), 'includeRoots');

    const restore = async (args: Partial<RestoreArgs>, change: Partial<JobRun> = {}): Promise<Finished> => job({ type: 'Restore' }, { restore: { snapshot: good.snapshotID ?? '', overwrite: 'Always', ...args }, ...change });
    isRefused(await restore({ inPlace: true }), 'inPlaceRestore: false');
    for (const targetDirectory of [at('foreign'), at('restored/../foreign'), at('restored/out/foreign'), `${at('restored')}2`, '/etc/cron.d', undefined]) isRefused(await restore({ targetDirectory }), 'restoreRoots');
    const restored = await restore({ targetDirectory: at('restored/new/er') });
    expect(restored, restored.message).to.deep.include({ reason: 'Completed', targetDirectory: at('restored/new/er') });
    expect(await readFile(join(at('restored/new/er'), bed.source, 'a'), 'utf8')).to.equal('hello');

    const foreign: PlanRepository = { name: 'foreign', url: at('foreign'), password: BED_PASSWORD };
    isRefused(await restore({ targetDirectory: at('restored/x') }, { repository: foreign }), 'repositoryURLs');
    isRefused(await job({ type: 'Init' }, { repository: foreign }), 'repositoryURLs');
    session.send('update', { version: '99.0.0' });
    expect(await until('the answer to update', () => session.of('error')[0])).to.deep.include({ code: 'policy_refused', frame: 'update' }).and.to.have.property('message').that.contains('policy.updates: false');
    await nothingHappened();
    expect(await callsOf()).not.to.contain('foreign').and.not.to.contain('/etc ');
  });

  it('uses a foreign repository for no command: job, question of the server or look of its own', async () => {
    await start(strict());
    session = await bed.ready({}, { url: at('foreign') });
    for (const type of ['Init', 'Backup', 'Forget', 'Prune', 'Check', 'Unlock', 'Diff'] as const) isRefused(await job({ type }, { forget: { snapshotIDs: ['0123456789abcdef'] }, diff: { a: '01234567', b: '89abcdef' } }), 'repositoryURLs');
    for (const [method, params] of [['tree.list', { snapshot: '01234567', path: '/' }], ['snapshots.refresh', {}]] as const) {
      session.send('rpc.request', { method, params });
      expect((await until(method, () => session.of('rpc.result').at(-1)))?.error).to.deep.include({ code: 'PolicyRefused' });
      session.frames.length = 0;
    }
    await until('the looks of its own', () => bed.log.includes('could not be refreshed'));
    expect(bed.log).to.match(/policy\.repositoryURLs of \S+agent\.yaml allows only/);
    expect(await callsOf()).not.to.contain('foreign');
    await bed.setPlan(session);
    expect((await job({ type: 'Check' })).phase, 'the good one again').to.equal('Succeeded');
    await nothingHappened();
  });

  it('fails its own refused runs, and keeps firing the others (S7)', async () => {
    await start('policy: {hooks: off}\n');
    const since = new Date(Date.now() - 120_000).toISOString();
    const schedule = (name: string): { uid: string; name: string; schedule: string; groups: string[]; jitterSeconds: number; catchUp: { enabled: boolean; settleSeconds: number }; effectiveSince: string } => ({ uid: `schedule-${name}`, name, schedule: '* * * * *', groups: [`uid-${name}`], jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 0 }, effectiveSince: since });
    session = await bed.ready({ groups: [group('bad', { hooks: { timeoutSeconds: 30, pre: { body: canary() } } }), group('good', {})], schedules: [schedule('bad'), schedule('good')] });
    const ended = async (name: string): Promise<Finished> => until(`a run of ${name}`, () => bed.server.of('job.finished').find(({ identity }) => identity.schedule === name), 30_000);
    isRefused(await ended('bad'), 'hooks: off');
    expect(await ended('good')).to.deep.include({ phase: 'Succeeded' });
    await nothingHappened();
  });

  it('lets no address, option, variable or file of a repository run a program, whatever the policy', async () => {
    await start('');
    for (const [change, word] of [
      [{ options: { 'sftp.command': canary() } }, 'sftp.command'],
      [{ options: { 'sftp.args': `-oProxyCommand='${canary()}'` } }, 'sftp.args'],
      [{ options: { 'rclone.program': canary() } }, 'rclone.program'],
      [{ options: { 'rclone.args': canary() } }, 'rclone.args'],
      [{ env: { RESTIC_PASSWORD_COMMAND: canary() } }, 'RESTIC_PASSWORD_COMMAND'],
      [{ env: { LD_PRELOAD: at('x.so') } }, 'LD_PRELOAD'],
      [{ env: { AWS_SHARED_CREDENTIALS_FILE: at('x') } }, 'AWS_SHARED_CREDENTIALS_FILE'],
      [{ url: `sftp:-oProxyCommand=${canary()}:/x` }, 'ssh takes for an option'],
      [{ url: `rclone::sftp,ssh='${canary()}':x` }, "rclone's configuration"],
      [{ files: { '../canary': 'x' } }, '../canary'],
    ] as const) {
      session = await bed.server.session(1);
      await bed.setPlan(session, {}, change);
      for (const type of ['Init', 'Backup'] as const) {
        const result = await job({ type });
        expect(result, `${word}: ${result.message}`).to.deep.include({ phase: 'Failed', reason: 'NoCredentials' });
        expect(result.message).to.contain(word);
      }
    }
    await nothingHappened();
    expect(await callsOf()).not.to.contain('--cache-dir');
  });

  it('lets no id and no name of a repository lead to a file elsewhere', async () => {
    await start('');
    session = await bed.server.session(1);
    await mkdir(at('etc/admin-credentials'));
    await writeFile(at('etc/other.env'), `password=${BED_PASSWORD}\n`, { mode: 0o600 });
    await bed.setPlan(session, {}, { name: '../other', adminCredentials: 'OnRunner' });
    expect(await job({ type: 'Prune' })).to.deep.include({ phase: 'Failed', reason: 'AdminCredentialsRequired', message: '"../other" is no name of a Repository: no admin credential is kept under it' });
    await bed.setPlan(session, {}, { id: '../../foreign' });
    for (const type of ['Init', 'Backup', 'Forget'] as const) expect(await job({ type }, { forget: { policies: [] } })).to.deep.include({ phase: 'Failed', reason: 'Unsupported' });
    await nothingHappened();
  });

  it('runs, with hooks: directory, the owner\'s scripts alone, with the owner\'s environment, and restic with it as well', async () => {
    await start(`policy: {hooks: directory}\nenvironment: {SSH_AUTH_SOCK: /run/own.sock, HTTPS_PROXY: "http://127.0.0.1:1", PATH: "/opt/own:${process.env['PATH'] ?? ''}"}\n`);
    const own = at('etc/hooks.d/own');
    await mkdir(at('etc/hooks.d'));
    await writeFile(own, `#!/bin/sh\n[ -n "$RM_HOOK_PHASE" ] && echo "$RM_HOOK_PHASE $0 $SSH_AUTH_SOCK \${PATH%%:*}" >> ${at('trace')}\necho dumped\n`, { mode: 0o755 });
    await chmod(own, 0o755);
    await writeFile(at('restic'), `#!/bin/sh\necho "$SSH_AUTH_SOCK $HTTPS_PROXY $RESTIC_REPOSITORY" >> ${at('environments')}\nexec ${(await readFile(at('restic'), 'utf8')).match(/exec (\S+)/)?.[1] ?? ''} "$@"\n`);
    session = await bed.ready({ groups: [
      group('own', { hooks: { timeoutSeconds: 30, pre: { body: `${own}\n` }, post: { body: own } } }),
      group('more', { hooks: { timeoutSeconds: 30, pre: { body: `${own}\n${canary()}\n` } } }),
      group('dump', { includes: [], stdin: { command: [own], filename: 'dump' } }),
      group('arguments', { includes: [], stdin: { command: [own, '; ', canary()], filename: 'dump' } }),
    ] });
    for (const name of ['own', 'dump']) {
      const result = await job({ sourceGroup: name });
      expect(result, result.message).to.deep.include({ phase: 'Succeeded' });
    }
    for (const name of ['more', 'arguments']) isRefused(await job({ sourceGroup: name }), 'hooks: directory');
    expect((await readFile(at('trace'), 'utf8')).trim().split('\n')).to.deep.equal(['pre', 'post'].map((phase) => `${phase} ${own} /run/own.sock /opt/own`));
    expect((await readFile(at('environments'), 'utf8')).split('\n')).to.include(`/run/own.sock http://127.0.0.1:1 ${bed.repository}`);
    expect((await stat(own)).mode & 0o777).to.equal(0o755);
    await nothingHappened();
  });

  it('runs no owed post hook that agent.yaml does not allow by now', async () => {
    await mkdir(bed.stateDir, { mode: 0o700 });
    const journal = await Journal.open(join(bed.stateDir, 'journal.jsonl'), silentLog, Date.now());
    await journal.start(bed.job('old', { sourceGroup: 'pre' }), new Date().toISOString(), []);
    await journal.owePost('uid-old', 'pre');
    await journal.close();
    const plan = planOf({ groups: [group('pre', { hooks: { timeoutSeconds: 30, post: { body: canary() } } })] });
    await new PlanFile(bed.stateDir, silentLog).apply({ revision: 'r', generation: 1, plan }, 'epoch-1', Date.now());
    await start('policy: {hooks: off}\n');
    const result = await bed.server.finished('uid-old');
    expect(result).to.deep.include({ phase: 'Failed', reason: 'AgentRestarted' });
    expect(result.message).to.contain(`; its post hook is owed, but policy.hooks: off of ${at('etc/agent.yaml')} allows none`);
    await nothingHappened();
  });
});
