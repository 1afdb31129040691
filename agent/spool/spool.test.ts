import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Scratch } from '../../test/builders/agentParts.js';
import { createLog, silentLog } from '../log.js';
import { Spool, type SpooledFrame } from './spool.js';

const identity = { job: 'j', runID: 'j', type: 'Backup' as const, startedBy: 'Agent' as const };
const result = (job: string): SpooledFrame => ({ type: 'job.finished', payload: { identity: { ...identity, job, runID: job }, phase: 'Succeeded', reason: 'Completed', message: 'm', completionTime: '2026-01-01T00:00:00.000Z' } });
const logLines = (firstSeq: number, count: number, size = 50): SpooledFrame => ({
  type: 'job.log',
  payload: { job: 'j', runID: 'j', firstSeq, lines: Array.from({ length: count }, (_, index) => ({ seq: firstSeq + index, ts: '', stream: 'stdout' as const, payload: 'x'.repeat(size) })) },
});

async function all(spool: Spool): Promise<{ seq: number; type: string; payload: Record<string, unknown> }[]> {
  const frames = [];
  for (let next = await spool.nextAfter(0); next; next = await spool.nextAfter(next.seq)) frames.push(JSON.parse(next.text) as { seq: number; type: string; payload: Record<string, unknown> });
  return frames;
}

describe('spool', () => {
  const scratch = new Scratch();
  let dir = '';
  const open = async (limits: { limitBytes?: number; segmentBytes?: number } = {}): Promise<Spool> => Spool.open({ dir: join(dir, 'spool'), log: silentLog, ...limits });
  const segments = async (): Promise<string[]> => (await readdir(join(dir, 'spool'))).filter((name) => name.endsWith('.jsonl')).sort();

  beforeEach(async () => { dir = await scratch.dir('spool'); });
  afterEach(async () => scratch.clean());

  it('gives frames numbers from 1 in the order of the calls and keeps them over a restart', async () => {
    const spool = await open();
    const numbers = await Promise.all(Array.from({ length: 50 }, async (_, index) => spool.append(result(`job${index}`))));
    expect(numbers).to.deep.equal(Array.from({ length: 50 }, (_, index) => index + 1));
    await spool.close();
    const again = await open();
    expect(again.id).to.equal(spool.id);
    expect(again.range).to.deep.equal({ first: 1, last: 50, id: spool.id });
    expect((await all(again)).map(({ seq }) => seq)).to.deep.equal(numbers);
    await again.close();
  });

  it('never uses a number again, even when everything was acknowledged and all files were cleared', async () => {
    const spool = await open({ segmentBytes: 1_000 });
    for (let index = 0; index < 20; index++) await spool.append(result(`job${index}`));
    await spool.acknowledge(20);
    expect(spool.range).to.include({ first: 21, last: 20 });
    expect(await segments()).to.have.length(1);
    await spool.close();
    const again = await open();
    expect(await again.append(result('next'))).to.equal(21);
    expect(again.range).to.include({ first: 21, last: 21 });
    await again.close();
  });

  it('keeps what is above the acknowledged number, and ignores one it never gave', async () => {
    const spool = await open({ segmentBytes: 600 });
    for (let index = 1; index <= 10; index++) await spool.append(result(`job${index}`));
    await spool.acknowledge(6);
    await spool.acknowledge(99);
    expect((await all(spool)).map(({ seq }) => seq)).to.deep.equal([7, 8, 9, 10]);
    await spool.close();
    const again = await open();
    expect(again.range.last).to.equal(10);
    expect(again.range.first).to.be.at.most(7);
    await again.close();
  });

  it('gives up the oldest log lines when it is full, under their own numbers, and never a result', async () => {
    const spool = await open({ limitBytes: 20_000, segmentBytes: 4_000 });
    for (let index = 0; index < 40; index++) {
      await spool.append(logLines(1 + index * 10, 10, 100));
      if (index % 10 === 0) await spool.append(result(`job${index}`));
    }
    expect(spool.bytes).to.be.lessThan(22_000);
    const frames = await all(spool);
    expect(frames.map(({ seq }) => seq)).to.deep.equal(Array.from({ length: 44 }, (_, index) => index + 1));
    expect(frames.filter(({ type }) => type === 'job.finished')).to.have.length(4);
    const dropped = frames.filter(({ type }) => type === 'spool.dropped');
    expect(dropped[0]?.payload).to.deep.equal({ job: 'j', runID: 'j', from: 1, to: 10, lines: 10 });
    expect(frames.findIndex(({ type }) => type === 'job.log'), 'the oldest went first').to.be.greaterThan(frames.findLastIndex(({ type }) => type === 'spool.dropped'));
    await spool.close();
    const again = await open();
    expect(await all(again), 'durable').to.deep.equal(frames);
    await again.close();
  });

  it('cuts off a torn end, says so, and goes on', async () => {
    const spool = await open();
    await spool.append(result('one'));
    await spool.close();
    await appendFile(join(dir, 'spool', (await segments())[0]!), '12345678 {"type":"job.fin');
    const said: string[] = [];
    const again = await Spool.open({ dir: join(dir, 'spool'), log: createLog('info', (line) => said.push(line)) });
    expect(said.join('')).to.contain('torn end');
    expect(await again.append(result('two'))).to.equal(2);
    await again.close();
    const last = await open();
    expect(last.id).to.equal(spool.id);
    expect((await all(last)).map(({ seq }) => seq)).to.deep.equal([1, 2]);
    await last.close();
  });

  it('saves what it can from a damaged file under a new id, as old numbers mean nothing any more', async () => {
    const spool = await open();
    for (const job of ['one', 'two', 'three']) await spool.append(result(job));
    await spool.close();
    const path = join(dir, 'spool', (await segments())[0]!);
    await writeFile(path, (await readFile(path, 'utf8')).replace('"two"', '"tvo"'));
    const again = await open();
    expect(again.id).not.to.equal(spool.id);
    expect((await all(again)).map(({ seq, payload }) => `${seq} ${(payload['identity'] as { job: string }).job}`)).to.deep.equal(['1 one', '2 three']);
    await again.close();
  });

  it('finds a result that is on its way', async () => {
    const spool = await open();
    await spool.append(logLines(1, 1));
    await spool.append(result('one'));
    expect((await spool.find('job.finished', ({ identity: { job } }) => job === 'one'))?.identity.job).to.equal('one');
    expect(await spool.find('job.finished', ({ identity: { job } }) => job === 'two')).to.equal(undefined);
    await spool.close();
  });
});
