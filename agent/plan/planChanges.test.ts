import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { AgentBed } from '../../test/builders/agentBed.js';
import { until } from '../../test/builders/agentParts.js';

describe('a plan that changes while one of its backups runs', function () {
  this.timeout(90_000);
  let bed: AgentBed;
  beforeEach(async () => { bed = await AgentBed.make(); });
  afterEach(async () => bed.clean());

  for (const [what, groups] of [
    ['removed', () => []], ['renamed', () => [bed.group({ name: 'other', tag: 'other' })]], ['edited', () => [bed.group({ includes: ['/nowhere'] })]],
  ] as const) {
    it(`leaves the run as it began when its group is ${what}, and tells its result once (S7, E23)`, async () => {
      const agent = await bed.start();
      const session = await bed.ready({ bandwidth: { uploadKiBps: 1_000 } });
      await writeFile(join(bed.source, 'data'), randomBytes(4_000_000));
      session.send('job.run', bed.run('one'));
      await until('the start', () => bed.server.of('job.started').length > 0);
      await bed.setPlan(session, { groups: [...groups()], schedules: [] });
      expect(agent.status().running).to.deep.equal(['one']);
      const result = await bed.server.finished('uid-one');
      expect(result, result.message).to.deep.include({ phase: 'Succeeded', reason: 'Completed' });
      expect(bed.server.of('job.finished')).to.have.length(1);
    });
  }
});
