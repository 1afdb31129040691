import { expect } from 'chai';
import { Invalid, Unavailable } from '#crds/objectStore.js';
import { linesOf } from '#crds/wire/logLines.js';
import { quiet } from '../../test/builders/sessionBed.js';
import { until } from '../../test/builders/until.js';
import type { Ledger } from './ledger.js';
import { createReports, RefusedReport, type QueuedFrame, type ReportsOptions } from './reports.js';

const frame = (seq: number): QueuedFrame => ({ type: 'repo.stats', seq, payload: { repository: String(seq), time: '' } });

function bench(changes: Partial<ReportsOptions> = {}, saved: () => Promise<void> = () => Promise.resolve()) {
  const did: string[] = [];
  let seq = 0;
  const ledger: Ledger = { get seq() { return seq; }, advance(next) { seq = next; }, state: { open: {}, newest: {} }, restored: undefined, forgot: false, save: () => { did.push(`save ${String(seq)}`); return saved(); } };
  const reports = createReports({
    ledger, backlogLast: 0, log: quiet,
    apply: (each) => { did.push(`apply ${each.type === 'repo.stats' ? each.payload.repository : ''}`); return Promise.resolve(); },
    deadLetter: (_, reason) => { did.push(`dead ${reason}`); return Promise.resolve(); },
    ack: (acked) => { did.push(`ack ${String(acked)}`); },
    finishBacklog: () => Promise.resolve(), onDrained: () => { did.push('drained'); }, onGap: () => { did.push('gap'); }, congested: (yes) => { did.push(yes ? 'congested' : 'free'); },
    ...changes,
  });
  return { did, reports };
}

describe('reports', () => {
  it('applies, then makes the position durable, then acknowledges; a repeat is only acknowledged', async () => {
    const { did, reports } = bench();
    for (const seq of [1, 2, 2, 1, 3]) reports.push(frame(seq), 100);
    await until('acked', () => did.includes('ack 3'));
    expect(did.filter((each) => each.startsWith('apply'))).to.deep.equal(['apply 1', 'apply 2', 'apply 3']);
    expect(did.indexOf('save 3')).to.be.below(did.indexOf('ack 3'));
    expect(did.indexOf('apply 3')).to.be.below(did.indexOf('save 3'));
  });
  it('takes what follows while the position becomes durable, and acknowledges no more than that', async () => {
    const release: (() => void)[] = [];
    const { did, reports } = bench({}, () => new Promise((resolve) => { release.push(resolve); }));
    const acks = (): string[] => did.filter((each) => each.startsWith('ack'));
    await until('the backlog, which is empty', () => release.length === 1);
    release.shift()?.();
    for (let seq = 1; seq <= 40; seq++) reports.push(frame(seq), 100);
    await until('all applied', () => did.includes('apply 40'));
    expect([release.length, acks()]).to.deep.equal([1, []]);
    release.shift()?.();
    await until('the second', () => release.length === 1);
    expect([did.at(-1), acks()]).to.deep.equal(['save 40', ['ack 32']]);
    release.shift()?.();
    await until('acked', () => acks().length === 2);
    expect(acks()).to.deep.equal(['ack 32', 'ack 40']);
  });
  it('puts aside what no retry can help and goes on', async () => {
    const { did, reports } = bench({ apply: (each) => Promise.reject(each.seq === 1 ? new RefusedReport('not yours') : new Invalid('bad')) });
    reports.push(frame(1), 100);
    reports.push(frame(2), 100);
    reports.push({ seq: 3, refused: 'malformed', raw: {} }, 100);
    await until('acked', () => did.includes('ack 3'));
    expect(did.filter((each) => each.startsWith('dead'))).to.deep.equal(['dead not yours', 'dead bad', 'dead malformed']);
  });
  it('does not acknowledge what cannot be taken now, and tries again', async () => {
    let tries = 0;
    const { did, reports } = bench({ apply: () => (++tries < 3 ? Promise.reject(new Unavailable('disk full', { diskFull: true })) : Promise.resolve()) });
    reports.push(frame(1), 100);
    await until('second try', () => tries === 2);
    expect(did.filter((each) => each.startsWith('ack'))).to.deep.equal([]);
    await until('acked', () => did.includes('ack 1'));
    expect(tries).to.equal(3);
  });
  it('finishes the backlog before it says that it is drained', async () => {
    const order: string[] = [];
    const { reports } = bench({ backlogLast: 2, apply: (each, inBacklog) => { order.push(`${String(each.seq)} ${inBacklog ? 'backlog' : 'new'}`); return Promise.resolve(); }, finishBacklog: () => { order.push('finish'); return Promise.resolve(); }, onDrained: () => { order.push('drained'); } });
    for (const seq of [1, 2, 3]) reports.push(frame(seq), 100);
    await until('all', () => order.length === 5);
    expect(order).to.deep.equal(['1 backlog', '2 backlog', 'finish', 'drained', '3 new']);
  });
  it('takes nothing past a gap', async () => {
    const { did, reports } = bench();
    reports.push(frame(1), 100);
    reports.push(frame(3), 100);
    await until('gap', () => did.includes('gap'));
    reports.push(frame(2), 100);
    await reports.stop();
    expect(did.filter((each) => each.startsWith('apply'))).to.deep.equal(['apply 1']);
  });
  it('asks for a pause when little waits that is large', async () => {
    const { did, reports } = bench();
    for (let seq = 1; seq <= 5; seq++) reports.push(frame(seq), 1024 * 1024);
    await until('acked', () => did.includes('ack 5'));
    expect(did.filter((each) => each === 'congested' || each === 'free')).to.deep.equal(['congested', 'free']);
  });
  it('takes log frames one by one when they are refused together: one that is wrong takes no other with it (E33)', async () => {
    const lines = (seq: number): QueuedFrame => ({ type: 'job.log', seq, payload: { job: 'j', runID: 'r', firstSeq: seq, lines: [seq === 2 ? 'bad' : 'good'] } });
    const kept: number[] = [];
    const { did, reports } = bench({ apply(each) {
      if (each.type !== 'job.log') return Promise.resolve();
      if (each.payload.lines.includes('bad')) return Promise.reject(new RefusedReport('bad line'));
      kept.push(...linesOf(each.payload).map(({ seq }) => seq));
      return Promise.resolve();
    } });
    for (const seq of [1, 2, 3, 4]) reports.push(lines(seq), 100);
    await until('acked', () => did.includes('ack 4'));
    expect(kept).to.deep.equal([1, 3, 4]);
    expect(did.filter((each) => each.startsWith('dead'))).to.deep.equal(['dead bad line']);
  });
  it('asks for a pause when too much waits', async () => {
    const { did, reports } = bench();
    for (let seq = 1; seq <= 100; seq++) reports.push(frame(seq), 100);
    await until('acked', () => did.includes('ack 100'));
    expect(did.filter((each) => each === 'congested' || each === 'free')).to.deep.equal(['congested', 'free']);
  });
});
