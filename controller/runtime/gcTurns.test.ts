import { expect } from 'chai';
import { createTurns } from './gcTurns.js';

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

describe('turns at the store', () => {
  it('are no more at once than there are, over all who ask, and nobody waits until another is through', async () => {
    const turns = createTurns(4);
    let [now, most] = [0, 0];
    const order: string[] = [];
    const work = async (one: string): Promise<void> => {
      most = Math.max(most, ++now);
      await turn();
      now--;
      order.push(one);
    };
    const large = turns.forEach(Array.from({ length: 1000 }, (_, n) => `large-${String(n)}`), work);
    const small = turns.forEach(['small-0', 'small-1', 'small-2'], work);
    await small;
    expect(order.length).to.be.below(30);
    await large;
    expect([order.length, most, now]).to.deep.equal([1003, 4, 0]);
    await turns.forEach([], work);
  });

  it('go on after an error, which is told once everything begun has ended; what comes after it is not begun', async () => {
    const turns = createTurns(2);
    const begun: number[] = [];
    const ended: number[] = [];
    const error = await turns.forEach([1, 2, 3, 4, 5, 6], async (one) => {
      begun.push(one);
      await turn();
      if (one === 2) throw new Error('the disk is full');
      await turn();
      ended.push(one);
    }).then(() => undefined, (thrown: unknown) => thrown);
    expect(error).to.be.an('error').with.property('message', 'the disk is full');
    expect(ended).to.deep.equal(begun.filter((one) => one !== 2));
    expect(begun).to.not.include(6);
    const after: number[] = [];
    await turns.forEach([7, 8, 9], (one) => { after.push(one); return Promise.resolve(); });
    expect(after).to.deep.equal([7, 8, 9]);
  });
});
