import { expect } from 'chai';
import { until } from '../../test/builders/until.js';
import { KeepAlive } from './keepAlive.js';
import { Liveness } from './liveness.js';

const pause = async (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

describe('whether the server is there (Q2)', () => {
  const open: Liveness[] = [];
  afterEach(() => { for (const each of open.splice(0)) each.stop(); });
  function link(answerWithinMs = 60, askEveryMs = 20): { liveness: Liveness; pings(): number; silent(): boolean } {
    let [pings, silent] = [0, false];
    const liveness = new Liveness({ ping: () => { pings += 1; }, onSilent: () => { silent = true; }, answerWithinMs, askEveryMs });
    open.push(liveness);
    return { liveness, pings: () => pings, silent: () => silent };
  }

  it('is doubted when a question stays without an answer, and not before', async () => {
    const { liveness, pings, silent } = link();
    await pause(150);
    expect(silent(), 'nobody asked').to.equal(false);
    liveness.ask();
    liveness.ask();
    expect(pings(), 'one question at a time').to.equal(1);
    await until('silent', silent, 2_000);
  });

  it('is not doubted when any word comes, and asked anew by the next one who wants to know', async () => {
    const { liveness, pings, silent } = link();
    liveness.ask();
    liveness.heard();
    await pause(150);
    expect(silent()).to.equal(false);
    liveness.ask();
    expect(pings()).to.equal(2);
    await until('silent', silent, 2_000);
  });

  it('is asked while there is something to tell, without waiting for a heartbeat, but not with each frame', async () => {
    const { liveness, pings } = link(60_000);
    for (let frame = 0; frame < 50; frame += 1) liveness.sent(100);
    expect(pings()).to.equal(1);
    liveness.heard();
    liveness.sent(100);
    expect(pings()).to.equal(1);
    await pause(40);
    liveness.sent(100);
    expect(pings()).to.equal(2);
  });

  it('gets the time that a slow line needs for what was sent before the question', async () => {
    const { liveness, silent } = link();
    liveness.sent(8 * 400);   // 400 ms at 64 kbit/s
    const begin = Date.now();
    await until('silent', silent, 5_000);
    expect(Date.now() - begin).to.be.at.least(450);
  });

  it('is not blamed for the time this process was stopped: it is asked again', async () => {
    const { liveness, pings, silent } = link(1_000);
    liveness.ask();
    const end = Date.now() + 3_200;
    while (Date.now() < end); // what SIGSTOP does to a process
    await until('asked again', () => pings() === 2, 1_000, 5);
    expect(silent()).to.equal(false);
  }).timeout(10_000);
});

describe('what ends silent connections', () => {
  it('is recognised by two that broke after the same silence, and outpaced', () => {
    const keepAlive = new KeepAlive();
    expect([keepAlive.broke(10_050), keepAlive.everyMs]).to.deep.equal([false, undefined]);
    expect([keepAlive.broke(10_010), keepAlive.everyMs]).to.deep.equal([true, 5_005]);
    expect(keepAlive.broke(10_010), 'nothing new').to.equal(false);
    expect([keepAlive.broke(6_000), keepAlive.broke(6_100), keepAlive.everyMs], 'another proxy').to.deep.equal([false, true, 3_000]);
  });

  it('is not suspected after breaks that have nothing in common, or that hit a busy connection', () => {
    const keepAlive = new KeepAlive();
    for (const silence of [25_000, 3_000, 12_000, 29_000, 7_000, 40, 41, 39]) keepAlive.broke(silence);
    expect(keepAlive.everyMs).to.equal(undefined);
  });

  it('is never outpaced by more than a question each two seconds', () => {
    const keepAlive = new KeepAlive();
    keepAlive.broke(2_100);
    keepAlive.broke(2_100);
    expect(keepAlive.everyMs).to.equal(2_000);
  });
});
