import { expect } from 'chai';
import type { PlanSet } from '#crds/wire/agentProtocol.gen.js';
import { AgentBed } from '../../test/builders/agentBed.js';
import { planOf, until } from '../../test/builders/agentParts.js';

describe('a server newer than the agent', function () {
  this.timeout(60_000);
  let bed: AgentBed;
  beforeEach(async () => { bed = await AgentBed.make(); });
  afterEach(async () => bed.clean());

  it('may send a plan with fields this agent does not know: it is kept, acknowledged and followed, also after a restart', async () => {
    const agent = await bed.start();
    const session = await bed.server.session(1);
    const schedule = { uid: 's', name: 'nightly', schedule: '0 3 * * *', groups: ['group-uid'], jitterSeconds: 0, catchUp: { enabled: true, settleSeconds: 60, mood: 'fresh' }, effectiveSince: new Date().toISOString(), weather: { only: 'rain' } };
    const plan = { ...planOf({ repository: { name: 'web1', url: bed.repository, password: 'p', id: 'a'.repeat(64) } }), groups: [{ ...bed.group(), colour: 'blue' }], schedules: [schedule], later: { kinds: [1, 2] } };
    bed.server.setPlan(session, { revision: 'rev-newer', generation: 1, plan, signedBy: 'somebody' } as PlanSet);
    await until('the acknowledgement', () => session.of('plan.applied').length > 0);
    expect(session.of('plan.applied')).to.deep.equal([{ revision: 'rev-newer', generation: 1 }]);
    expect(agent.status().next.map(({ schedule: name }) => name)).to.deep.equal(['nightly']);
    await agent.stop(0);
    const again = await bed.start();
    expect((await bed.server.session(2)).hello).to.deep.include({ appliedRevision: 'rev-newer', appliedGeneration: 1 });
    expect(again.status().next.map(({ schedule: name }) => name)).to.deep.equal(['nightly']);
  });

  it('may send a job of a type this agent does not know: it fails by name and once, and the agent goes on (J5)', async () => {
    await bed.start();
    const session = await bed.ready();
    const copy = JSON.parse(JSON.stringify(bed.run('copy', { sourceGroup: undefined }))) as { identity: { type: string } };
    copy.identity.type = 'Copy';
    session.send('job.run', copy as never);
    const result = await bed.server.finished('uid-copy');
    expect(result).to.deep.include({ phase: 'Failed', reason: 'Unsupported' });
    expect(result.message).to.match(/^agent \S+ cannot do this job \(job\.run\/identity\/type must be equal to one of the allowed values\); a newer agent may$/);
    session.send('job.run', copy as never); // the result has not come by its way yet
    session.send('job.run', bed.run('one'));
    expect((await bed.server.finished('uid-one')).phase).to.equal('Succeeded');
    for (const told of bed.server.of('job.finished').filter(({ identity }) => identity.job === 'copy')) expect(told).to.deep.equal(result);
    expect(bed.log).to.contain('"msg":"job finished","job":"copy"');
  });
});
