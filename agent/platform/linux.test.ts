import { expect } from 'chai';
import { linux } from './linux.js';

describe('the agent on Linux', () => {
  const { getuid } = process;
  beforeEach(() => { process.getuid = () => 1000; });
  afterEach(() => { process.getuid = getuid; });

  const ways: [string, number, number, string | undefined][] = [
    ['its own', 0o755, 1000, undefined],
    ['root\'s', 0o755, 0, undefined],
    ['its group\'s to write', 0o775, 0, 'may be written by others (mode 0775)'],
    ['everybody\'s to write, though each may take only his own away', 0o1777, 0, 'may be written by others (mode 0777)'],
    ['somebody else\'s, who writes it or may allow it to himself', 0o555, 1001, 'belongs to uid 1001'],
  ];
  for (const [whose, mode, uid, why] of ways) {
    for (const filled of [true, false]) {
      it(`${why === undefined ? 'restores' : 'does not restore'} ${filled ? 'into' : 'through'} a directory that is ${whose} (E31)`, async () => {
        expect(await linux.wayProblem([{ path: '/', found: { mode: 0o755, uid: 0 }, filled: false }, { path: '/d', found: { mode, uid }, filled }])).to.deep.equal(why && { path: '/d', why });
      });
    }
  }

  it('takes a secret of root\'s only where the system reads it, closed to others (agent.env, agent.yaml)', async () => {
    const kept = (mode: number, uid: number): { path: string; kind: 'file'; found: { mode: number; uid: number } } => ({ path: '/f', kind: 'file', found: { mode, uid } });
    expect(await linux.privacyProblem([kept(0o600, 1000)])).to.equal(undefined);
    expect(await linux.privacyProblem([kept(0o600, 0)])).to.have.property('why', 'belongs to uid 0, but this agent runs as uid 1000: run chown 1000 /f');
    expect(await linux.privacyProblem([{ ...kept(0o600, 0), administrators: true }])).to.equal(undefined);
    expect(await linux.privacyProblem([{ ...kept(0o600, 1001), administrators: true }])).to.have.property('why').that.contains('belongs to uid 1001');
    expect(await linux.privacyProblem([kept(0o600, 1000), { ...kept(0o640, 0), administrators: true }])).to.have.property('why', 'has mode 0640, but it holds secrets: run chmod 0600 /f');
  });
});
