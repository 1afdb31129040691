import { expect } from 'chai';
import { createActor, SimulatedClock } from 'xstate';
import { linkMachine, type LinkEnd, type LinkEvent } from './machine.js';

/** A link whose connections end as told, and whose waits pass at once; `random` is chance. */
function link(random: () => number, enrolled = true) {
  const clock = new SimulatedClock();
  let emit: (event: LinkEvent) => void = () => undefined;
  const actor = createActor(linkMachine({ enrolled: () => enrolled, enrol: async () => Promise.resolve(), connect: (each) => { emit = each; return () => undefined; }, random }), { clock });
  actor.start();
  return {
    welcomed() { emit({ type: 'welcomed' }); },
    /** Ends the connection and waits for the next one. @returns how long that is, ms */
    fails(end: LinkEnd = { type: 'lost', message: 'gone' }): number {
      emit(end);
      const { value, context: { delayMs } } = actor.getSnapshot();
      expect(value, 'after a failure').to.equal('waiting');
      clock.increment(delayMs - 1);
      expect(actor.getSnapshot().value, 'before its time').to.equal('waiting');
      clock.increment(1);
      expect(actor.getSnapshot().value, 'in its time').to.deep.equal({ linked: 'connecting' });
      return delayMs;
    },
  };
}

describe('the back-off of the link', () => {
  it('doubles with each failure up to 15 s', () => {
    const { fails } = link(() => 1);
    expect(Array.from({ length: 9 }, () => fails())).to.deep.equal([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]);
  });

  it('is half chance, so that a fleet does not come back as one', () => {
    const [low, high] = [link(() => 0), link(() => 0.999_999)];
    for (const most of [500, 1000, 2000, 4000, 8000, 15_000]) expect([low.fails(), high.fails()]).to.deep.equal([most / 2, most]);
  });

  it('begins anew after a welcome, however many failures were before it (Q0)', () => {
    const { fails, welcomed } = link(() => 1);
    for (let failure = 0; failure < 40; failure += 1) fails();
    welcomed();
    expect([fails(), fails()]).to.deep.equal([500, 1000]);
    welcomed();
    expect(fails()).to.equal(500);
  });

  it('does not begin anew for a connection that was opened but not welcomed', () => {
    const { fails } = link(() => 1);
    for (let failure = 0; failure < 5; failure += 1) fails();
    expect(fails({ type: 'lost', message: 'the server did not welcome this agent in time' })).to.equal(15_000);
  });

  it('is an hour for another protocol and five minutes for a second agent, and neither lengthens the next', () => {
    const { fails } = link(() => 1);
    expect(fails({ type: 'protocolRefused', message: 'too old' })).to.equal(3_600_000);
    expect(fails({ type: 'duplicate', message: 'two' })).to.equal(300_000);
    expect(fails()).to.equal(500);
  });
});
