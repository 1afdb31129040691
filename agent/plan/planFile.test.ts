import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { planOf, Scratch } from '../../test/builders/agentParts.js';
import { createLog, silentLog } from '../log.js';
import { PlanFile } from './planFile.js';

const set = { revision: 'r1', generation: 7, plan: planOf({ repository: { name: 'r', url: '/srv', password: 'canary-in-the-plan' } }) };

describe('plan on disk', () => {
  const scratch = new Scratch();
  let dir = '';
  beforeEach(async () => { dir = await scratch.dir('plan'); });
  afterEach(async () => scratch.clean());

  it('is there after a restart with revision, generation and epoch, and holds no secret in clear', async () => {
    await new PlanFile(dir, silentLog).apply(set, 'e1', 0);
    const again = new PlanFile(dir, silentLog);
    await again.load(0);
    expect(again.current).to.deep.equal({ ...set, epoch: 'e1' });
    for (const name of await readdir(dir)) {
      expect((await readFile(join(dir, name))).includes('canary-in-the-plan'), name).to.be.false;
      expect((await stat(join(dir, name))).mode & 0o777, name).to.equal(0o600);
    }
  });

  it('is set aside when it cannot be opened, by one changed byte or another key', async () => {
    await new PlanFile(dir, silentLog).apply(set, 'e1', 0);
    const bytes = await readFile(join(dir, 'plan.enc'));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(join(dir, 'plan.enc'), bytes);
    const said: string[] = [];
    const again = new PlanFile(dir, createLog('info', (line) => said.push(line)));
    await again.load(0);
    expect(again.current).to.equal(undefined);
    expect((await readdir(dir)).some((name) => name.startsWith('plan.enc.corrupt-'))).to.be.true;
    expect(said.join('')).to.contain('until the server sends it again');
    await again.apply(set, 'e1', 0);
  });

  it('tells its listeners after it is durable, and is gone after a wipe', async () => {
    const plan = new PlanFile(dir, silentLog);
    const heard: (string | undefined)[] = [];
    plan.onChange(() => heard.push(plan.current?.revision));
    await plan.apply(set, 'e1', 0);
    await plan.wipe();
    expect(heard).to.deep.equal(['r1', undefined]);
    expect(await readdir(dir)).to.deep.equal([]);
  });
});
