/** Created, offered, reported, cancelled, cut off, crashed, restarted - in every order: the job ends in what restic really did, and never runs twice. */
import { expect } from 'chai';
import fc from 'fast-check';
import { newObject } from '#crds/kinds.js';
import { ModelAgent } from '../builders/modelAgent.js';
import { asAdmin, openSessionBed, type SessionBed } from '../builders/sessionBed.js';
import { until } from '../builders/until.js';

const FINAL = ['Succeeded', 'Failed', 'Cancelled'];
type Step = 'create' | 'cancel' | 'connect' | 'disconnect' | 'start' | 'succeed' | 'fail' | 'crash' | 'deaf' | 'hears' | 'restart' | 'wait';

describe('any order of events (J4, S7)', function () {
  this.timeout(180_000);
  let bed: SessionBed;
  let agent: ModelAgent;
  let serial = 0;
  before(async () => {
    bed = await openSessionBed({ controllers: true });
    const { bearer } = await bed.enrolledHost('model');
    await bed.store.create('Secret', newObject('Secret', { name: 'model', labels: { 'restic-manager.io/use': 'repository' } }, { stringData: { password: 'pw' } }), asAdmin);
    await bed.store.create('Repository', newObject('Repository', { name: 'model' }, { spec: { url: '/srv/repo', credentialsSecretRef: { name: 'model' } } }), asAdmin);
    await bed.store.create('SourceGroup', newObject('SourceGroup', { name: 'home' }, { spec: { hostRef: { name: 'model' }, includes: ['/home'] } }), asAdmin);
    await bed.store.create('Schedule', newObject('Schedule', { name: 'nightly' }, { spec: { schedule: '0 1 * * *', sourceGroupRefs: [{ name: 'home' }] } }), asAdmin);
    agent = new ModelAgent(bearer);
    await agent.connect(bed.port);
    await until('repository ready', () => bed.informers.cache.get('Repository', { namespace: 'default', name: 'model' })?.status?.phase === 'Ready', 20_000);
  });
  after(async () => {
    await agent.disconnect();
    await bed.close();
  });

  const steps = fc.array(fc.constantFrom<Step>('create', 'cancel', 'connect', 'disconnect', 'start', 'succeed', 'fail', 'crash', 'deaf', 'hears', 'restart', 'wait', 'wait'), { minLength: 2, maxLength: 12 });

  async function take(step: Step, name: string): Promise<void> {
    switch (step) {
      case 'create': {
        const spec = { hostRef: { name: 'model' }, type: 'Backup' as const, sourceGroupRef: { name: 'home' } };
        await bed.store.create('ResticJob', newObject('ResticJob', { name }, { spec }), asAdmin).catch(() => undefined);
        return;
      }
      case 'cancel': {
        const job = await bed.job(name).catch(() => undefined);
        if (job) await bed.store.update('ResticJob', { ...job, metadata: { ...job.metadata, resourceVersion: undefined }, spec: { ...job.spec, cancel: true } }, asAdmin);
        return;
      }
      case 'connect': return agent.connect(bed.port);
      case 'disconnect': return agent.disconnect();
      case 'start': agent.start(); return;
      case 'succeed': agent.finish('Succeeded'); return;
      case 'fail': agent.finish('Failed'); return;
      case 'crash': return agent.crash();
      case 'deaf': agent.deaf = true; return;
      case 'hears': agent.deaf = false; return;
      case 'restart':
        await bed.restart();
        return;
      case 'wait': await new Promise((resolve) => { setTimeout(resolve, 15); });
    }
  }
  /** The world calms down: everything is there, works and hears. */
  async function settle(name: string): Promise<string> {
    agent.deaf = false;
    return until(`job ${name} to end`, async () => {
      if (!agent.connected) await agent.connect(bed.port);
      agent.start();
      agent.finish('Succeeded');
      const phase = (await bed.job(name)).status?.phase ?? '';
      return FINAL.includes(phase) && phase;
    }, 20_000, 15);
  }

  it('a server\'s job ends in what the agent did, once, with its whole log', async () => {
    await fc.assert(fc.asyncProperty(steps, async (sequence) => {
      const name = `p${String(++serial)}`;
      for (const step of sequence) await take(step, name);
      await take('create', name);
      const phase = await settle(name);
      expect(agent.begun.get(name) ?? 0, 'times begun').to.be.at.most(1);
      const ended = agent.ended.get(name);
      if (ended) expect(phase, 'phase').to.equal(ended.phase);
      else expect(phase, 'phase without a run').to.equal('Cancelled');
      if (ended) expect(bed.records.findOutcome({ namespace: 'default', name })?.observed.phase).to.equal(ended.phase);
      const run = [...agent.runs.values()].find(({ identity }) => identity.job === name);
      const log = () => bed.records.readLog({ namespace: 'default', name }).lines.map(({ seq }) => seq);
      await until('whole log', () => log().length >= (run?.lines ?? 0));
      expect(log()).to.deep.equal(Array.from({ length: run?.lines ?? 0 }, (_, index) => index + 1));
    }), { numRuns: Number(process.env['RM_TEST_RUNS'] ?? 40), endOnFailure: true });
  });

  it('a run of the agent\'s own cron is recorded once, whatever happens to link, agent and server (S7)', async () => {
    const quietSteps = fc.array(fc.constantFrom<Step>('connect', 'disconnect', 'start', 'succeed', 'crash', 'deaf', 'hears', 'restart', 'wait'), { minLength: 1, maxLength: 10 });
    await fc.assert(fc.asyncProperty(quietSteps, fc.nat({ max: 9 }), async (sequence, fireAt) => {
      const job = `nightly-${String(++serial).padStart(10, '0')}`;
      for (const [index, step] of [...sequence, 'wait' as const].entries()) {
        if (index === Math.min(fireAt, sequence.length)) {
          agent.fire({ job, runID: job, type: 'Backup', startedBy: 'Agent', sourceGroup: 'home', schedule: 'nightly', origin: 'Schedule', dueTime: '2026-01-01T01:00:00Z' });
          agent.start();
        }
        await take(step, job);
      }
      agent.deaf = false;
      await until(`run ${job} recorded`, async () => {
        if (!agent.connected) await agent.connect(bed.port);
        agent.finish('Succeeded');
        return bed.records.findOutcome({ namespace: 'default', name: job });
      }, 20_000, 15);
      const ended = agent.ended.get(job);
      expect(agent.begun.get(job)).to.equal(1);
      await until('object', async () => FINAL.includes((await bed.job(job)).status?.phase ?? ''), 5000, 10).catch(() => undefined);
      const stored = await bed.job(job).catch(() => undefined);
      expect(stored?.status?.phase, 'phase').to.equal(ended?.phase);
      expect(stored?.status?.reason, 'reason').to.equal(ended?.reason);
      expect(stored?.spec.startedBy).to.equal('Agent');
      const run = agent.runs.get(job);
      const log = () => bed.records.readLog({ namespace: 'default', name: job }).lines.map(({ seq }) => seq);
      expect(log()).to.deep.equal(Array.from({ length: run?.lines ?? 0 }, (_, index) => index + 1));
    }), { numRuns: Number(process.env['RM_TEST_RUNS'] ?? 30), endOnFailure: true });
  });
});
