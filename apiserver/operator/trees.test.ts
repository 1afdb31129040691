/** How long a listing is kept, and what is never kept (E25). */
import { expect } from 'chai';
import type { Clock } from '#controller/ports.js';
import { RpcError, type HostCall } from '../sessions/index.js';
import { Problem } from './problem.js';
import { createTrees, type TreeQuestion } from './trees.js';

const full = 'a'.repeat(64);
const question: TreeQuestion = { repositoryID: 'r', reader: 'web1', snapshot: full, path: '/srv', after: undefined };

function bed(): { trees: ReturnType<typeof createTrees>; asked: string[]; pass(ms: number): void; answer: { entries: number; error?: RpcError } } {
  let now = Date.UTC(2026, 0, 1);
  const asked: string[] = [];
  const answer: { entries: number; error?: RpcError } = { entries: 1 };
  const ask = ((host: string, _method: string, params: { snapshot: string; path: string; after?: string }) => {
    asked.push(`${host} ${params.snapshot.slice(0, 2)} ${params.path}${params.after === undefined ? '' : ` after ${params.after}`}`);
    if (answer.error) return Promise.reject(answer.error);
    return Promise.resolve({ entries: Array.from({ length: answer.entries }, (_, index) => ({ name: String(index), path: `${params.path}/${String(index)}`, type: 'file' })), more: false });
  }) as unknown as HostCall;
  return { trees: createTrees(ask, { now: () => now, setTimer: () => () => undefined } satisfies Clock), asked, pass: (ms) => { now += ms; }, answer };
}

describe('listings of snapshots', () => {
  it('are kept for half an hour, each page by itself, whoever reads', async () => {
    const { trees, asked, pass } = bed();
    await trees.list(question);
    await trees.list({ ...question, reader: 'runner' });
    await trees.list({ ...question, after: '0' });
    expect(asked).to.deep.equal(['web1 aa /srv', 'web1 aa /srv after 0']);
    pass(30 * 60_000 - 1);
    await trees.list(question);
    expect(asked).to.have.length(2);
    pass(1);
    await trees.list(question);
    expect(asked).to.have.length(3);
  });

  it('are not kept across repositories, nor by what may be another snapshot tomorrow', async () => {
    const { trees, asked } = bed();
    for (const other of [{}, { repositoryID: 'other' }, { snapshot: 'abcdef01' }, { snapshot: 'abcdef01' }, { repositoryID: '' }, { repositoryID: '' }]) await trees.list({ ...question, ...other });
    expect(asked).to.have.length(6);
  });

  it('that failed are asked again, and say what it was in the codes of the API', async () => {
    const { trees, asked, answer } = bed();
    for (const [code, status, told] of [['host_offline', 503, 'host_offline'], ['busy', 503, 'busy'], ['timeout', 504, 'timeout'], ['SnapshotNotFound', 404, 'not_found'], ['PathNotFound', 404, 'not_found'], ['unknown_method', 409, 'agent_too_old'], ['WrongPassword', 502, 'agent_failed']] as const) {
      answer.error = new RpcError(code, 'why');
      const problem = await trees.list(question).then(() => undefined, (error: unknown) => error);
      expect(problem).to.be.instanceOf(Problem);
      expect([(problem as Problem).status, (problem as Problem).code]).to.deep.equal([status, told]);
    }
    delete answer.error;
    expect((await trees.list(question)).entries).to.have.length(1);
    expect(asked).to.have.length(8);
  });

  it('are bounded: the oldest goes first', async () => {
    const { trees, asked, answer } = bed();
    answer.entries = 1000;
    for (let index = 0; index < 100; index += 1) await trees.list({ ...question, path: `/${String(index)}` });
    await trees.list({ ...question, path: '/99' });
    expect(asked).to.have.length(100);
    await trees.list({ ...question, path: '/0' });
    expect(asked).to.have.length(101);
  });
});
