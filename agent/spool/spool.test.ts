import { mkdir, open as openFile, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { textOf } from '#crds/wire/logLines.js';
import { Scratch } from '../../test/builders/agentParts.js';
import { createLog, silentLog } from '../log.js';
import { Spool, SpoolScarce, type SpooledFrame } from './spool.js';

const identity = { job: 'j', runID: 'j', type: 'Backup' as const, startedBy: 'Agent' as const };
const result = (job: string): SpooledFrame => ({ type: 'job.finished', payload: { identity: { ...identity, job, runID: job }, phase: 'Succeeded', reason: 'Completed', message: 'm', completionTime: '2026-01-01T00:00:00.000Z' } });
const logLines = (firstSeq: number, count: number, size = 50): SpooledFrame => ({
  type: 'job.log',
  payload: { job: 'j', runID: 'j', firstSeq, lines: Array.from({ length: count }, (_, index) => textOf({ ts: `2026-01-01T00:00:00.${String(index).padStart(3, '0')}Z`, stream: 'stdout', payload: 'x'.repeat(size) })) },
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

  const jobsIn = async (spool: Spool): Promise<string[]> => (await all(spool)).map(({ seq, payload }) => `${seq} ${(payload['identity'] as { job: string }).job}`);

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
    const spool = await open({ segmentBytes: 1_000, limitBytes: 20_000 });
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
    const spool = await open({ segmentBytes: 600, limitBytes: 20_000 });
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

  it('cuts off a torn end, says so, and goes on under a new id: who knows what it had given that number', async () => {
    const spool = await open();
    await spool.append(result('one'));
    const { bytes } = spool;
    await spool.close();
    const file = await openFile(join(dir, 'spool', (await segments())[0]!), 'r+');
    await file.write('12345678 {"type":"job.fin', bytes);
    await file.close();
    const said: string[] = [];
    const again = await Spool.open({ dir: join(dir, 'spool'), log: createLog('info', (line) => said.push(line)) });
    expect(said.join('')).to.contain('torn end');
    expect(again.id).not.to.equal(spool.id);
    expect(await again.append(result('two'))).to.equal(2);
    await again.close();
    const last = await open();
    expect(last.id, 'once').to.equal(again.id);
    expect((await all(last)).map(({ seq }) => seq)).to.deep.equal([1, 2]);
    await last.close();
  });

  it('saves what it can from a damaged file under a new id, keeps what was there, and says so', async () => {
    const spool = await open();
    for (const job of ['one', 'two', 'three']) await spool.append(result(job));
    await spool.close();
    const path = join(dir, 'spool', (await segments())[0]!);
    await writeFile(path, (await readFile(path, 'utf8')).replace('"two"', '"tvo"'));
    const said: string[] = [];
    const again = await Spool.open({ dir: join(dir, 'spool'), log: createLog('info', (line) => said.push(line)) }, Date.parse('2026-11-27T00:00:00Z'));
    expect(again.id).not.to.equal(spool.id);
    expect(await jobsIn(again)).to.deep.equal(['1 one', '2 three']);
    const aside = join(dir, 'spool.corrupt-2026-11-27T00-00-00-000Z');
    expect(said.join('')).to.contain(aside);
    expect(await readFile(join(aside, basename(path)), 'utf8')).to.contain('"tvo"');
    await again.close();
  });

  it('does not lose a damaged spool to a crash while it is being replaced', async () => {
    const spool = await open();
    await spool.append(result('one'));
    await spool.close();
    // the machine died before the new one was complete: the old one is there
    await mkdir(join(dir, 'spool.new'));
    const again = await open();
    expect(await jobsIn(again)).to.deep.equal(['1 one']);
    await again.close();
    // it died between the two renames: the new one is complete
    await rename(join(dir, 'spool'), join(dir, 'spool.new'));
    const last = await open();
    expect(await jobsIn(last)).to.deep.equal(['1 one']);
    await last.close();
  });

  it('does not send what the disk gives back otherwise than it was written; what is behind it arrives (E33)', async () => {
    const spool = await open();
    for (const job of ['one', 'two', 'three']) await spool.append(result(job));
    const path = join(dir, 'spool', (await segments())[0]!);
    const bytes = await readFile(path);
    bytes[bytes.indexOf('"two"') + 2]! ^= 1;
    const file = await openFile(path, 'r+');
    await file.write(bytes, 0, bytes.length, 0);
    await file.close();
    expect((await all(spool)).map(({ seq, type }) => `${seq} ${type}`)).to.deep.equal(['1 job.finished', '2 spool.damaged', '3 job.finished']);
    await spool.close();
  });

  it('takes the space of its whole limit on the disk beforehand, and never more', async () => {
    const used = async (): Promise<number> => {
      let bytes = 0;
      for (const name of await readdir(join(dir, 'spool'))) bytes += (await stat(join(dir, 'spool', name))).blocks * 512;
      return bytes;
    };
    const limits = { limitBytes: 512 * 1024, segmentBytes: 64 * 1024 };
    const spool = await open(limits);
    await spool.close();
    expect(await used()).to.be.within(512 * 1024, 520 * 1024);
    const again = await open(limits);
    for (let index = 0; index < 200; index++) await again.append(logLines(1 + index * 10, 10, 1_000));
    await again.close();
    expect(await used()).to.be.within(448 * 1024, 640 * 1024);
  });

  it('takes only job frames on when less than 5 % of the disk is free', async () => {
    const spool = await Spool.open({ dir: join(dir, 'spool'), log: silentLog, freeShare: async () => Promise.resolve(0.04) });
    expect(spool.scarce).to.equal(true);
    expect(await spool.append(logLines(1, 1)).catch((error: unknown) => error)).to.be.instanceOf(SpoolScarce);
    expect(await spool.append(result('one'))).to.equal(1);
    expect((await all(spool)).map(({ type }) => type)).to.deep.equal(['job.finished']);
    await spool.close();
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
