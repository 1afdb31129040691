import { expect } from 'chai';
import { TestClock } from '../../test/builders/testClock.js';
import type { Progress } from '../restic/backup.js';
import { StuckWatch } from './stuckWatch.js';

describe('stuck watch', () => {
  let clock: TestClock;
  let stuck = 0;
  let cpu = 0;
  let watch: StuckWatch;
  let end: () => void;
  const minutes = (count: number, each: () => void = () => undefined): void => {
    for (let minute = 0; minute < count; minute++) {
      each();
      clock.pass(60);
    }
  };
  const progress = (bytesDone: number, secondsElapsed: number): Progress => ({ percentDone: 0.5, bytesDone, secondsElapsed, currentFiles: ['/mnt/dead'] });

  beforeEach(() => {
    clock = new TestClock('2026-01-01T00:00:00Z');
    stuck = 0;
    cpu = 0;
    watch = new StuckWatch({ clock, cpuTime: () => cpu, onStuck: () => { stuck++; } });
    end = watch.begin();
  });

  it('says so after an hour without output, progress or processor time, and says it once', () => {
    minutes(59);
    expect(stuck).to.equal(0);
    minutes(120);
    expect(stuck).to.equal(1);
  });

  it('takes repeated status lines and a running clock for no life: restic prints them while it hangs', () => {
    let second = 0;
    minutes(62, () => {
      cpu += 60; // 0.1 % of a core, as restic was seen to use
      watch.progress(progress(7, second += 60));
      watch.line('stdout', `[${Math.floor(second / 60)}:${String(second % 60).padStart(2, '0')}] 13.33%  4 / 30 packs`);
    });
    expect(stuck).to.equal(1);
  });

  for (const [what, live] of [
    ['progress', (minute: number) => { watch.progress(progress(minute, minute)); }],
    ['output', (minute: number) => { watch.line('stdout', `[0:00] ${minute} / 300 packs`); }],
    ['processor time', () => { cpu += 700; }],
    ['another process', (minute: number) => { watch.child(minute); }],
  ] as const) {
    it(`lets a job go on that shows ${what}`, () => {
      let minute = 0;
      minutes(300, () => { live(++minute); });
      expect(stuck).to.equal(0);
      minutes(62);
      expect(stuck).to.equal(1);
    });
  }

  it('does not count the time the machine slept', () => {
    minutes(30);
    clock.sleep(8 * 3_600);
    minutes(29);
    expect(stuck).to.equal(0);
  });

  it('rests when its job is over', () => {
    end();
    minutes(200);
    expect(stuck).to.equal(0);
  });
});
