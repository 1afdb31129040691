import { expect } from 'chai';
import { createQuota } from './quota.js';

describe('the quota of a host', () => {
  let now = 0;
  const clock = { now: () => now, setTimer: () => () => undefined };
  it('lets a minute\'s worth through at once, then makes wait as long as what is too much takes', () => {
    now = 1_000_000;
    const quota = createQuota(600, clock);
    for (let count = 0; count < 600; count += 1) expect(quota.take(1)).to.equal(0);
    expect(quota.take(1)).to.equal(100);
    expect(quota.take(10)).to.equal(1100);
    now += 1100;
    expect(quota.take(0)).to.equal(0);
    now += 3_600_000;
    expect(quota.take(600), 'never more than a minute saved up').to.equal(0);
    expect(quota.take(600)).to.equal(60_000);
  });
  it('gains nothing by a clock that jumps back', () => {
    now = 1_000_000;
    const quota = createQuota(60, clock);
    quota.take(60);
    now -= 500_000;
    expect(quota.take(1)).to.equal(1000);
    now += 1000;
    expect(quota.take(0)).to.equal(0);
  });
});
