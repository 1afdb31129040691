import { expect } from 'chai';
import type { RpcResult } from '#crds/wire/agentProtocol.gen.js';
import type { ServerFrame } from '#crds/wire/frames.js';
import { openSessionBed, type SessionBed } from '../../test/builders/sessionBed.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from '../../test/builders/scriptedAgent.js';
import { until } from '../../test/builders/until.js';
import { RpcError } from './rpc.js';

describe('questions to an agent (rpc)', function () {
  let bed: SessionBed;
  let agent: ScriptedAgent;
  const key = newAgentKey();
  const params = { snapshot: 'a'.repeat(64), path: '/' };
  before(async () => {
    bed = await openSessionBed();
    const { bearer } = await bed.enrolledHost('web1');
    agent = await dialAgent(bed.port, bearer, signedHello(key));
    await agent.next('welcome');
  });
  after(async () => { await bed.close(); });

  type Request = Extract<ServerFrame, { type: 'rpc.request' }>;
  const seen = new Set<string>();
  const asked = (): Promise<Request> => until('a question', () => {
    const found = agent.frames.find((frame): frame is Request => frame.type === 'rpc.request' && !seen.has(frame.id ?? ''));
    if (found) seen.add(found.id ?? '');
    return found;
  });
  const answer = (id: string | undefined, payload: RpcResult): void => { agent.raw(JSON.stringify({ type: 'rpc.result', id, payload })); };
  const ask = (options?: { timeoutMs?: number }) => bed.sessions.call('web1', 'tree.list', params, options);
  const codeOf = (question: Promise<unknown>): Promise<string> => question.then(() => 'none', (error: unknown) => (error instanceof RpcError ? error.code : String(error)));
  const entries = [{ name: 'etc', path: '/etc', type: 'dir' }];

  it('pairs answers with questions in whatever order they come', async () => {
    const [first, second] = [ask(), ask()];
    const [one, two] = [await asked(), await asked()];
    expect(one.payload).to.deep.equal({ method: 'tree.list', params });
    expect(one.id).to.not.equal(two.id);
    answer(two.id, { result: { entries: [], more: false } });
    answer(one.id, { result: { entries, more: true } });
    expect(await second).to.deep.equal({ entries: [], more: false });
    expect(await first).to.deep.equal({ entries, more: true });
  });
  it('passes on what the agent says is wrong, and refuses an answer that is none', async () => {
    const refused = codeOf(ask());
    answer((await asked()).id, { error: { code: 'unknown_method', message: 'this agent does not know tree.list' } });
    expect(await refused).to.equal('unknown_method');
    const nonsense = codeOf(ask());
    answer((await asked()).id, { result: { entries: [{ path: 7 }], more: 'yes' } });
    expect(await nonsense).to.equal('invalid_result');
    const nothing = codeOf(ask());
    answer((await asked()).id, {});
    expect(await nothing).to.equal('invalid_result');
  });
  it('waits no longer than asked, and drops what comes later or was never asked (E25)', async () => {
    const late = ask({ timeoutMs: 50 });
    const { id } = await asked();
    expect(await codeOf(late)).to.equal('timeout');
    answer(id, { result: { entries, more: false } });
    answer('nobody', { result: { entries, more: false } });
    answer(undefined, {});
    const next = ask();
    answer((await asked()).id, { result: { entries: [], more: false } });
    expect(await next).to.deep.equal({ entries: [], more: false });
    expect(agent.closed).to.equal(undefined);
  });
  it('keeps a bounded number of questions open', async () => {
    const open = Array.from({ length: 8 }, () => ask());
    expect(await codeOf(ask())).to.equal('busy');
    for (const _ of open) answer((await asked()).id, { result: { entries, more: false } });
    expect(await Promise.all(open)).to.have.length(8);
  });
  it('says host_offline of a host that is not here, and of one that goes before it answers (E9)', async () => {
    expect(await codeOf(bed.sessions.call('nobody', 'snapshots.refresh', {}))).to.equal('host_offline');
    const open = codeOf(ask());
    await asked();
    await agent.kill();
    expect(await open).to.equal('host_offline');
    await until('the session to be gone', () => bed.sessions.onlineHosts() === 0);
    expect(await codeOf(ask())).to.equal('host_offline');
  });
});
