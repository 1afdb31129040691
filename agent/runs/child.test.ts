import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { until } from '../../test/builders/agentParts.js';
import { bareEnvironment } from '../restic/env.js';
import { platform } from '../platform/here.js';
import { cpuTimeOf, isGroupWithoutLeader } from '../platform/proc.js';
import { gently, startChild, type ChildProcess, type Resources } from './child.js';

describe('child process', () => {
  const children: ChildProcess[] = [];
  const start = (script: string, resources?: Resources): ChildProcess => {
    const child = startChild('/bin/sh', ['-c', script], { env: bareEnvironment(), onStdout: () => undefined, onStderr: () => undefined, resources });
    children.push(child);
    return child;
  };
  afterEach(() => { for (const { pid } of children.splice(0)) platform.kill(pid, 'SIGKILL'); });

  it('runs as gently as the plan says, and the kernel still kills it when the agent dies', async () => {
    const { pid } = start('sleep 60', { nice: 7, ioNice: 'Idle' });
    const stat = await until('the shell itself', async () => {
      const text = await readFile(`/proc/${pid}/stat`, 'utf8');
      return text.includes('(sh)') ? text.slice(text.lastIndexOf(')') + 2).split(' ') : undefined;
    });
    expect(stat[16]).to.equal('7');
    expect(gently({ nice: 0 })).to.deep.equal({ prefix: [], missing: [] });
    expect(gently({ nice: 3, ioNice: 'BestEffort' }).prefix.join(' ')).to.match(/\/nice -n 3 .*\/ionice -c 2 -n 7$/);
  });

  it('knows the processor time of all a child started, and tells idle from busy', async () => {
    const idle = start('sleep 60');
    const busy = start('(while :; do :; done) & wait');
    const busyTime = await until('some work', () => cpuTimeOf(new Set([busy.pid])) || undefined);
    expect(busyTime).to.be.greaterThan(0);
    expect(cpuTimeOf(new Set([idle.pid]))).to.be.lessThan(100);
  });

  it('finds what a dead leader left in its group, and nothing once that is gone', async () => {
    const child = start('sleep 60 & exit 0');
    await until('the leader to end', () => isGroupWithoutLeader(child.pid));
    platform.kill(child.pid, 'SIGKILL');
    await until('the rest to end', () => !isGroupWithoutLeader(child.pid));
    expect(isGroupWithoutLeader(process.pid)).to.equal(false);
  });
});
