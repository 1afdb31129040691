import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { clientAddress, isDirectLoopback, limitKey, parseRanges } from './clientAddress.js';
import { cookieOf } from './cookies.js';
import { isSameOrigin } from './sameOrigin.js';

function request(headers: Record<string, string>, remoteAddress = '127.0.0.1'): IncomingMessage {
  return { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
}

describe('same origin', () => {
  const ask = (headers: Record<string, string>, options: { baseUrl?: string; trusted?: string[]; from?: string } = {}): boolean =>
    isSameOrigin(request(headers, options.from), { baseUrl: options.baseUrl, trusted: parseRanges(options.trusted ?? []) });

  it('passes who is no browser: neither header', () => { expect(ask({ host: 'rm:8080' })).to.be.true; });
  it('refuses what the browser itself calls cross-site or same-site', () => {
    expect(ask({ host: 'rm', 'sec-fetch-site': 'cross-site' })).to.be.false;
    expect(ask({ host: 'rm', 'sec-fetch-site': 'same-site' })).to.be.false;
    expect(ask({ host: 'rm', 'sec-fetch-site': 'cross-site', origin: 'http://rm' })).to.be.false;
  });
  it('compares Origin with Host, port included', () => {
    expect(ask({ host: 'rm:8080', origin: 'http://rm:8080', 'sec-fetch-site': 'same-origin' })).to.be.true;
    expect(ask({ host: 'rm:8080', origin: 'http://rm:8081' })).to.be.false;
    expect(ask({ host: 'rm', origin: 'https://evil.example' })).to.be.false;
    expect(ask({ host: 'rm', origin: 'null' })).to.be.false;
  });
  it('knows the base URL behind a proxy that changes Host', () => {
    expect(ask({ host: 'inner:8080', origin: 'https://backup.example.com' }, { baseUrl: 'https://backup.example.com' })).to.be.true;
  });
  it('believes X-Forwarded-Host only from a trusted proxy', () => {
    const headers = { host: 'inner', 'x-forwarded-host': 'backup.example.com', origin: 'https://backup.example.com' };
    expect(ask(headers, { trusted: ['10.0.0.0/8'], from: '10.1.2.3' })).to.be.true;
    expect(ask(headers, { trusted: ['10.0.0.0/8'], from: '192.0.2.1' })).to.be.false;
  });
});

describe('whose request it is', () => {
  const trusted = parseRanges(['10.0.0.0/8', '::1']);
  it('is the peer unless a trusted proxy says otherwise', () => {
    expect(clientAddress(request({ 'x-forwarded-for': '198.51.100.9' }, '192.0.2.1'), trusted)).to.equal('192.0.2.1');
    expect(clientAddress(request({ 'x-forwarded-for': '198.51.100.9' }, '10.0.0.1'), trusted)).to.equal('198.51.100.9');
    expect(clientAddress(request({}, '::ffff:192.0.2.1'), trusted)).to.equal('192.0.2.1');
  });
  it('takes the last hop that is no proxy: what a client wrote itself does not count', () => {
    expect(clientAddress(request({ 'x-forwarded-for': '1.1.1.1, 198.51.100.9, 10.0.0.2' }, '10.0.0.1'), trusted)).to.equal('198.51.100.9');
    expect(clientAddress(request({ 'x-forwarded-for': '1.1.1.1, nonsense' }, '10.0.0.1'), trusted)).to.equal('10.0.0.1');
  });
  it('is this machine only without any trace of a proxy (E20)', () => {
    expect(isDirectLoopback(request({ host: 'localhost:8080' }), [])).to.be.true;
    expect(isDirectLoopback(request({ host: '[::1]:8080' }, '::1'), [])).to.be.true;
    expect(isDirectLoopback(request({ host: 'backup.example.com' }), [])).to.be.false;
    expect(isDirectLoopback(request({ host: 'localhost', 'x-forwarded-for': '1.2.3.4' }), [])).to.be.false;
    expect(isDirectLoopback(request({ host: 'localhost', forwarded: 'for=1.2.3.4' }), [])).to.be.false;
    expect(isDirectLoopback(request({ host: 'localhost', via: '1.1 proxy' }), [])).to.be.false;
    expect(isDirectLoopback(request({ host: 'localhost' }, '192.0.2.1'), [])).to.be.false;
    expect(isDirectLoopback(request({ host: 'localhost' }), trusted)).to.be.false;
  });
  it('counts an IPv6 network as one', () => {
    expect(limitKey('2001:db8:1:2:3::4')).to.equal(limitKey('2001:db8:1:2:ffff::1'));
    expect(limitKey('2001:db8:1:2::1')).to.not.equal(limitKey('2001:db8:1:3::1'));
  });
  it('names an entry that is no address', () => { expect(() => parseRanges(['10.0.0.0/8', 'bogus'])).to.throw('"bogus"'); });
});

describe('cookies', () => {
  it('are found by their whole name', () => {
    expect(cookieOf(request({ cookie: 'xrm_session=a; rm_session=b=c; other=d' }), 'rm_session')).to.equal('b=c');
    expect(cookieOf(request({ cookie: 'xrm_session=a' }), 'rm_session')).to.equal(undefined);
    expect(cookieOf(request({}), 'rm_session')).to.equal(undefined);
  });
});
