import { expect } from 'chai';
import { asAdmin, openSessionBed, type SessionBed } from '../../test/builders/sessionBed.js';
import { until } from '../../test/builders/until.js';

describe('what records hold of a host', function () {
  this.timeout(20_000);
  let bed: SessionBed;
  before(async () => { bed = await openSessionBed(); });
  after(async () => { await bed.close(); });
  const facts = (): string[] => bed.records.factNames('').filter((name) => /^(spool)\//.test(name));

  it('goes when the Host is deleted, and what another host has stays (H4)', async () => {
    const [{ host: gone }, { host: stays }] = [await bed.enrolledHost('web1'), await bed.enrolledHost('web2')];
    for (const { metadata: { uid } } of [gone, stays]) for (const name of [`spool/${uid}/a`, `spool/${uid}/b`, `spool/${uid}/c`]) await bed.records.putFact(name, { seq: 1 });
    await bed.store.delete('Host', { namespace: 'default', name: 'web1' }, asAdmin);
    await until('its facts to be gone', () => facts().length === 3);
    expect(facts().every((name) => name.includes(stays.metadata.uid))).to.equal(true);
  });

  it('goes at the start of the server when the Host went while none ran', async () => {
    const kept = facts();
    await bed.records.putFact('spool/nobody-has-this-uid/a', { seq: 1 });
    await bed.records.putFact('elsewhere/nobody-has-this-uid', {});
    await bed.restart();
    await until('the facts of nobody to be gone', () => facts().length === kept.length);
    expect(facts()).to.deep.equal(kept);
    expect(bed.records.getFact('elsewhere/nobody-has-this-uid')).to.deep.equal({});
  });
});
