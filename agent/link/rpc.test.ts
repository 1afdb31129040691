import { expect } from 'chai';
import type { TreeListResult } from '#crds/wire/agentProtocol.gen.js';
import { until } from '../../test/builders/agentParts.js';
import { TestClock } from '../../test/builders/testClock.js';
import { silentLog } from '../log.js';
import { ResticError } from '../restic/exitCodes.js';
import { Rpc, treeList } from './rpc.js';

describe('calls of the server (rpc)', () => {
  const here = new AbortController().signal;
  let clock: TestClock;
  beforeEach(() => { clock = new TestClock('2026-01-01T00:00:00Z'); });
  /** A handler that answers when it is told, or ends when it is aborted. */
  const held = (): { handler: (params: unknown, signal: AbortSignal) => Promise<unknown>; begun: number; most: number; release: (() => void)[] } => {
    const state = { begun: 0, most: 0, release: [] as (() => void)[], handler: async (_: unknown, signal: AbortSignal) => new Promise<unknown>((resolve, reject) => {
      state.begun++;
      state.most = Math.max(state.most, state.begun);
      const end = (work: () => void) => (): void => { state.begun--; work(); };
      state.release.push(end(() => { resolve({}); }));
      signal.addEventListener('abort', end(() => { reject(new Error('ended')); }), { once: true });
    }) };
    return state;
  };

  it('answers a method it does not know with unknown_method, and what fails with its reason', async () => {
    const rpc = new Rpc({ bad: async () => { throw new ResticError('SnapshotNotFound', 'there is no snapshot 1234abcd'); }, worse: async () => { throw new TypeError('x is not a function'); } }, clock, silentLog);
    expect((await rpc.answer({ method: 'from.the.future' }, here)).error?.code).to.equal('unknown_method');
    expect((await rpc.answer({ method: 'constructor' }, here)).error?.code).to.equal('unknown_method');
    expect(await rpc.answer({ method: 'bad' }, here)).to.deep.equal({ error: { code: 'SnapshotNotFound', message: 'there is no snapshot 1234abcd' } });
    expect((await rpc.answer({ method: 'worse' }, here)).error?.code).to.equal('failed');
  });

  it('runs three at once, the others in line, and says busy when the line is long', async () => {
    const state = held();
    const rpc = new Rpc({ slow: state.handler }, clock, silentLog);
    const answers = Array.from({ length: 35 }, async () => rpc.answer({ method: 'slow' }, here));
    expect((await rpc.answer({ method: 'slow' }, here)).error?.code).to.equal('busy');
    for (let answered = 0; answered < 35; answered++) (await until('the next', () => state.release.shift()))();
    expect((await Promise.all(answers)).every(({ result }) => result !== undefined)).to.equal(true);
    expect(state.most).to.equal(3);
  });

  it('ends what takes longer than a minute, also in line, and goes on with the next (E25)', async () => {
    const state = held();
    const rpc = new Rpc({ slow: state.handler, quick: async () => 'done' }, clock, silentLog);
    const answers = Array.from({ length: 5 }, async () => rpc.answer({ method: 'slow' }, here));
    await until('three', () => state.begun === 3);
    clock.pass(61);
    for (const { error } of await Promise.all(answers)) expect(error).to.deep.equal({ code: 'timeout', message: 'slow took longer than 60 seconds on this host' });
    expect(state.begun).to.equal(0);
    expect(await rpc.answer({ method: 'quick' }, here)).to.deep.equal({ result: 'done' });
  });

  it('ends its work when the connection that asked is gone', async () => {
    const state = held();
    const gone = new AbortController();
    const answer = new Rpc({ slow: state.handler }, clock, silentLog).answer({ method: 'slow' }, gone.signal);
    await until('the work', () => state.begun === 1);
    gone.abort();
    expect((await answer).error).to.not.equal(undefined);
    expect(state.begun).to.equal(0);
  });

  it('refuses malformed parameters by name, and cuts a page that would not fit into a frame', async () => {
    const long = 'x'.repeat(8_000);
    const all: TreeListResult = { entries: Array.from({ length: 1_000 }, (_, index) => ({ name: `${long}${index}`, path: `/${long}${index}`, type: 'file' })), more: false };
    const rpc = new Rpc({ 'tree.list': treeList(async () => all) }, clock, silentLog);
    expect((await rpc.answer({ method: 'tree.list', params: { snapshot: 7, path: '/' } }, here)).error).to.deep.include({ code: 'invalid_params' }).and.to.have.property('message').that.contains('params.snapshot');
    const { result } = await rpc.answer({ method: 'tree.list', params: { snapshot: '1234abcd', path: '/' } }, here) as { result: TreeListResult };
    expect(result.more).to.equal(true);
    expect(result.entries).to.deep.equal(all.entries.slice(0, result.entries.length));
    expect(JSON.stringify(result).length).to.be.within(100_000, 1_000_000);
  });
});
