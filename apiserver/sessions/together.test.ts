import { expect } from 'chai';
import type { QueuedFrame, SpooledFrame } from './reports.js';
import { withFollowing } from './together.js';

/** A frame with these neighbouring lines. */
const log = (seq: number, numbers: number[], job = 'job-1'): SpooledFrame & { seq: number } => ({ type: 'job.log', seq, payload: { job, runID: 'r', firstSeq: numbers[0] ?? 1, lines: numbers.map(String) } });
const stats = (seq: number): QueuedFrame => ({ type: 'repo.stats', seq, payload: { repository: 'r', time: '' } });
const taken = (first: SpooledFrame & { seq: number }, followers: QueuedFrame[], last = Infinity): string => {
  const { whole, count } = withFollowing(first, followers, last);
  return `${count}: ${whole.type === 'job.log' ? `from ${whole.payload.firstSeq}: ${whole.payload.lines.join(' ')}` : whole.type}`;
};

describe('log frames that wait one behind the other', () => {
  it('are taken as one, as far as they are of one job and follow each other', () => {
    expect(taken(log(1, [1, 2]), [log(2, [3]), log(3, [4, 5])])).to.equal('3: from 1: 1 2 3 4 5');
    expect(taken(log(1, [1]), [log(2, [2]), log(3, [3], 'job-2'), log(4, [4])])).to.equal('2: from 1: 1 2');
    expect(taken(log(1, [1]), [log(2, [2]), stats(3), log(4, [3])])).to.equal('2: from 1: 1 2');
    expect(taken(log(1, [1]), [{ seq: 2, refused: 'malformed', raw: {} }, log(3, [2])])).to.equal('1: from 1: 1');
  });
  it('stay apart over a gap in the spool, and at the end of the backlog', () => {
    expect(taken(log(1, [1]), [log(3, [2])])).to.equal('1: from 1: 1');
    expect(taken(log(1, [1]), [log(2, [2]), log(3, [3])], 2)).to.equal('2: from 1: 1 2');
  });
  it('stay apart when lines come again, go back or are missing between them', () => {
    expect(taken(log(1, [1, 2]), [log(2, [2, 3])])).to.equal('1: from 1: 1 2');
    expect(taken(log(1, [3]), [log(2, [2])])).to.equal('1: from 3: 3');
    expect(taken(log(1, [1]), [log(2, [3])])).to.equal('1: from 1: 1');
  });
  it('hold no more lines together than one frame may, and leave the first as it came', () => {
    const many = (seq: number, from: number) => log(seq, Array.from({ length: 900 }, (_, index) => from + index));
    const first = many(1, 1);
    expect(withFollowing(first, [many(2, 901), many(3, 1801)], Infinity).count).to.equal(2);
    expect(first.type === 'job.log' && first.payload.lines).to.have.length(900);
  });
});
