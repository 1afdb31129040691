import { expect } from 'chai';
import { childName, hashedChildName, hostNameOf, uniqueName } from './names.js';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

describe('names of what /api makes', () => {
  it('take a hostname\'s first label, lower case, other characters as -, trimmed', () => {
    expect(hostNameOf('Web1.example.com')).to.equal('web1');
    expect(hostNameOf('ANNA_PC')).to.equal('anna-pc');
    expect(hostNameOf('-x-')).to.equal('x');
    expect(hostNameOf(`${'a'.repeat(62)}-bc`)).to.equal('a'.repeat(62));
    expect(hostNameOf('日本')).to.equal('');
    expect(hostNameOf('')).to.equal('');
  });

  it('are <host>-<slug(name)>, cut to 63 with a hash', () => {
    expect(childName('web1', 'Data.Base')).to.equal('web1-data-base');
    const long = childName('h'.repeat(60), 'name');
    expect(long).to.match(LABEL).and.to.have.length.within(50, 63);
    expect(long).to.not.equal(childName('h'.repeat(60), 'nama'));
  });

  it('never collide once hashed, also when they read the same (E33)', () => {
    expect(childName('a', 'b-c')).to.equal(childName('a-b', 'c'));
    expect(hashedChildName('a', 'b-c')).to.not.equal(hashedChildName('a-b', 'c'));
    expect(hashedChildName('h'.repeat(63), 'n'.repeat(63))).to.match(LABEL).and.to.have.length(63);
  });

  it('stay DNS labels whatever is cut', () => {
    for (const length of [1, 50, 51, 52, 53, 62, 63]) expect(uniqueName(`${'a'.repeat(length)}-backup`, '0123456789')).to.match(LABEL).and.to.have.length.of.at.most(63);
  });
});
