/** The runner must not be fooled: a hang, a crash, an open handle and a silent skip are failures with a name. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { excusesSkip, runMocha, type Limits } from './mocha.js';

describe('the test runner', function () {
  this.timeout(60_000);
  let folder = '';
  const ci = process.env.CI;
  before(async () => { folder = await mkdtemp(join(tmpdir(), 'rm-runner-')); });
  after(async () => { await rm(folder, { recursive: true, force: true }); });
  afterEach(() => { if (ci === undefined) delete process.env.CI; else process.env.CI = ci; });

  const limits: Limits = { quietMs: 6_000, totalMs: 30_000, exitMs: 1_000 };
  const counts = async (body: string): Promise<string> => {
    const file = join(folder, `planted-${Math.random().toString(36).slice(2)}.test.mjs`);
    await writeFile(file, body);
    const { passed, failed, skipped, complaints } = await runMocha('planted', [file], limits, { log: '' });
    return [`${passed} passed, ${failed} failed, ${skipped} skipped`, ...complaints].join('; ');
  };

  it('counts passes, failures and skips that say which part is missing', async () => {
    process.env.CI = 'true';
    expect(await counts("it('a', () => {}); it('b', () => { throw new Error('planted'); }); it.skip('c (missing: strace)', () => {});")).to.equal('1 passed, 1 failed, 1 skipped');
  });
  it('counts a skip without a reason as a failure in CI only', async () => {
    process.env.CI = 'true';
    expect(await counts("it('a', () => {}); it.skip('later', () => {});")).to.contain('1 passed, 1 failed, 0 skipped; skipped without a reason').and.contain('later');
    delete process.env.CI;
    expect(await counts("it('a', () => {}); it.skip('later', () => {});")).to.equal('1 passed, 0 failed, 1 skipped');
  });
  it('ends a suite that hangs and counts it as a failure', async () => {
    expect(await counts("it('a', () => {}); it('hangs', () => { for (;;) {} });")).to.equal('1 passed, 1 failed, 0 skipped; planted: hung for 6 s in: hangs');
  });
  it('ends a process that stays open after its last test and counts it as a failure', async () => {
    expect(await counts("it('a', () => { setInterval(() => {}, 1000); });")).to.contain('1 passed, 1 failed, 0 skipped; planted: all tests ran but the process did not end');
  });
  it('counts a process that dies in the middle as a failure', async () => {
    expect(await counts("it('a', () => {}); it('dies', () => { process.kill(process.pid, 'SIGKILL'); });")).to.match(/^1 passed, 1 failed, 0 skipped; planted: the test process ended .* in: dies$/);
  });
  it('knows which titles excuse a skip', () => {
    expect(['x (missing: chromium)', 'strace is missing'].every(excusesSkip)).to.equal(true);
    expect(excusesSkip('will do later')).to.equal(false);
  });
});
