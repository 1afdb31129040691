/**
 * The file store and its disk (Q1, Q4): durable before acknowledged, as system calls show; errors of the disk refused by
 * name and survived; kill -9; one process a directory; keys and formats that do not fit.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createAdmission } from '#apiserver/admission/index.js';
import { openEnvironment } from '#apiserver/stores/environment.js';
import { FORMAT, openFileStore, type FileStore } from '#apiserver/stores/file/index.js';
import { newObject, type Host } from '#crds/kinds.js';
import { Unavailable } from '#crds/objectStore.js';
import { missing, startChild } from './children.js';
import { by, refusal } from './contractTools.js';

const key = Buffer.alloc(32, 7);
const open = (dir: string, secretKey = key): Promise<FileStore> => openFileStore({ dir, secretKey, admission: createAdmission({ namespace: 'default' }) });
const host = (name: string): Host => newObject('Host', { name }, { spec: { displayName: 'x'.repeat(200) } });
const acked = (lines: readonly string[]): number[] => lines.flatMap((line) => /^ACK (\d+) /.exec(line)?.[1] ?? []).map(Number);
const refused = (lines: readonly string[]): number[] => lines.flatMap((line) => /^REFUSED (\d+) /.exec(line)?.[1] ?? []).map(Number);

describe('the file store and its disk', function () {
  this.timeout(120_000);
  let dir: string;
  beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'rm-disk-')); });
  afterEach(() => { rmSync(dir, { recursive: true, force: true }); });

  async function stored(): Promise<Map<string, string>> {
    const store = await open(join(dir, 'data'));
    const { items } = await store.list('Host');
    await store.close();
    return new Map(items.map((item) => [item.metadata.name, item.metadata.resourceVersion]));
  }

  /** Every acknowledged write is there as it was acknowledged, no refused one is. */
  async function checkStored(lines: readonly string[]): Promise<void> {
    const there = await stored();
    for (const line of lines) {
      const ack = /^ACK (\d+) (\d+)$/.exec(line);
      if (ack !== null) expect(there.get(`h${ack[1]}`), line).to.equal(ack[2]);
    }
    for (const n of refused(lines)) expect(there.has(`h${n}`), `h${n} was refused`).to.equal(false);
  }

  describe('durable before acknowledged, by system calls (Q1)', () => {
    const trace = async (mode: string, count: number): Promise<string[]> => {
      const file = join(dir, 'trace');
      const child = startChild([join(dir, 'data'), mode, String(count)], { prefix: ['strace', '-f', '-s', '24', '-e', 'trace=fdatasync,pwrite64,write,openat', '-o', file] });
      expect(await child.ended, child.lines.join('\n')).to.equal(0);
      return readFileSync(file, 'utf8').split('\n');
    };

    it('syncs the pages, then the meta page, between taking a write and acknowledging it', async function () {
      const lack = missing('strace');
      if (lack !== undefined) { return skipped(this, lack); }
      const calls = await trace('sequential', 8);
      const metaFd = calls.flatMap((call) => /data\.mdb", [^)]*O_DSYNC[^)]*\) = (\d+)/.exec(call)?.[1] ?? []).at(-1);
      expect(metaFd, 'a descriptor opened with O_DSYNC').to.be.a('string');
      for (let n = 0; n < 8; n += 1) {
        const from = calls.findIndex((call) => call.includes(`write(1, "PUT ${n}\\n"`));
        const to = calls.findIndex((call) => call.includes(`write(1, "ACK ${n} `));
        expect(from, `PUT ${n}`).to.be.greaterThan(-1);
        const between = calls.slice(from, to);
        const sync = between.findIndex((call) => /fdatasync\(\d+\)\s+= 0|fdatasync resumed>\)\s+= 0/.test(call));
        const meta = between.findIndex((call) => new RegExp(`pwrite64\\(${metaFd},`).test(call));
        expect(sync, `fdatasync before ACK ${n}: ${between.join('\n')}`).to.be.greaterThan(-1);
        expect(meta, `meta page after fdatasync before ACK ${n}`).to.be.greaterThan(sync);
      }
    });

    it('shares commits between concurrent writes', async function () {
      const lack = missing('strace');
      if (lack !== undefined) return skipped(this, lack);
      const calls = await trace('concurrent', 200);
      expect(calls.filter((call) => /write\(1, "ACK /.test(call))).to.have.length(200);
      const first = calls.findIndex((call) => call.includes('write(1, "PUT 0'));
      const firstAck = calls.findIndex((call) => call.includes('write(1, "ACK '));
      const syncs = (from: number): number => calls.slice(from).filter((call) => /fdatasync\(/.test(call)).length;
      expect(syncs(first)).to.be.within(1, 10);
      expect(calls.slice(first, firstAck).some((call) => /fdatasync.* = 0/.test(call))).to.equal(true);
    });
  });

  describe('errors of the disk (Q4)', () => {
    const inject = async (what: string, count = 8): Promise<string[]> => {
      // Counts of injected calls are per thread: one writer thread makes them the store's.
      const child = startChild([join(dir, 'data'), 'sequential', String(count)], { prefix: ['strace', '-f', '-qq', '-e', `trace=${what.split(':')[0]}`, '-e', `inject=${what}`, '-o', '/dev/null'], env: { UV_THREADPOOL_SIZE: '1' } });
      expect(await child.ended, child.lines.join('\n')).to.equal(0);
      return child.lines;
    };

    it('refuses a write whose fdatasync fails, by name, and takes the next when it works again', async function () {
      const lack = missing('strace');
      if (lack !== undefined) return skipped(this, lack);
      const lines = await inject('fdatasync:error=EIO:when=3..4');
      expect(refused(lines)).to.have.length(2);
      expect(acked(lines)).to.have.length(6);
      expect(lines.find((line) => line.startsWith('REFUSED'))).to.match(/^REFUSED \d+ Unavailable false data directory .*: Input\/output error/);
      expect(lines.filter((line) => line.startsWith('READ '))).to.have.length(6);
      await checkStored(lines);
    });

    it('survives errors while pages and the meta page are written', async function () {
      const lack = missing('strace');
      if (lack !== undefined) return skipped(this, lack);
      const lines = await inject('pwrite64,pwritev:error=EIO:when=7+5', 16);
      expect(refused(lines).length, lines.join('\n')).to.be.greaterThan(0);
      expect(acked(lines).length, lines.join('\n')).to.be.greaterThan(0);
      expect(lines).to.include('DONE');
      await checkStored(lines);
    });

    it('refuses writes on a full disk by name, reads on, and writes again when there is space', async function () {
      const lack = missing('root');
      if (lack !== undefined) return skipped(this, lack);
      const small = join(dir, 'small');
      mkdirSync(small);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small]);
      try {
        const store = await open(join(small, 'data'));
        const names: string[] = [];
        let full: Error | undefined;
        for (let n = 0; full === undefined && n < 10_000; n += 1) {
          await store.create('Host', host(`h${n}`), by()).then(() => names.push(`h${n}`), (error: Error) => { full = error; });
        }
        expect(full).to.be.instanceOf(Unavailable);
        expect((full as Unavailable).diskFull).to.equal(true);
        expect(full?.message).to.contain('disk full').and.to.contain(small);
        expect((await store.list('Host')).items.map((item) => item.metadata.name)).to.deep.equal([...names].sort());
        const many = await Promise.allSettled(Array.from({ length: 50 }, (_, n) => store.create('Host', host(`more${n}`), by())));
        expect(many.every((one) => one.status === 'rejected' && one.reason instanceof Unavailable)).to.equal(true);
        execFileSync('mount', ['-o', 'remount,size=12m', small]);
        const made = await store.create('Host', host('after'), by());
        expect(await store.get('Host', { namespace: 'default', name: 'after' })).to.deep.equal(made);
        await store.close();
        const again = await open(join(small, 'data'));
        expect((await again.list('Host')).items).to.have.length(names.length + 1);
        await again.close();
      } finally {
        execFileSync('umount', ['-l', small]);
      }
    });

    it('names a directory it cannot write', async function () {
      const data = join(dir, 'ro');
      mkdirSync(data);
      const root = missing('root') === undefined;
      if (root) execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', data]);
      else chmodSync(data, 0o500);
      try {
        const error = await refusal(open(join(data, 'inner')));
        expect(error).to.be.instanceOf(Unavailable);
        expect(error.message).to.contain(`data directory ${join(data, 'inner')} is not writable`);
      } finally {
        if (root) execFileSync('umount', ['-l', data]);
        else chmodSync(data, 0o700);
      }
    });

    it('names a database that became read-only', async function () {
      const lack = missing('root');
      if (lack !== undefined) return skipped(this, lack);
      const small = join(dir, 'small');
      mkdirSync(small);
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', small]);
      try {
        await (await open(join(small, 'data'))).close();
        execFileSync('mount', ['-o', 'remount,ro', small]);
        const error = await refusal(open(join(small, 'data')));
        expect(error).to.be.instanceOf(Unavailable);
        expect(error.message).to.contain(`data directory ${join(small, 'data')} is not writable`);
      } finally {
        execFileSync('umount', ['-l', small]);
      }
    });
  });

  it('has every acknowledged write after kill -9 in the middle of many, five times over (Q1)', async () => {
    const lines: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      rmSync(join(dir, 'data'), { recursive: true, force: true });
      const child = startChild([join(dir, 'data'), 'forever', '32']);
      await child.line(new RegExp(`^ACK ${150 + round * 97} `));
      child.process.kill('SIGKILL');
      await child.ended;
      expect(acked(child.lines).length).to.be.greaterThan(100);
      await checkStored(child.lines);
      lines.push(...child.lines);
    }
  });

  describe('one process a directory', () => {
    it('refuses a second one by the name of the directory and the pid of the first, also in the same process', async () => {
      const data = join(dir, 'data');
      const first = startChild([data, 'hold']);
      await first.line(/^READY/);
      const error = await refusal(open(data));
      expect(error).to.be.instanceOf(Unavailable);
      expect(error.message).to.contain(data).and.to.contain(`process ${first.process.pid}`);
      const second = startChild([data, 'hold']);
      expect(await second.ended).to.equal(4);
      expect(second.lines.join()).to.contain(`process ${first.process.pid}`);
      first.process.stdin?.write('go\n');
      expect(await first.ended).to.equal(0);
      const store = await open(data);
      expect((await refusal(open(data))).message).to.contain(`process ${process.pid}`);
      await store.close();
      expect(readdirSync(join(data, 'objects')).filter((name) => name.endsWith('.sock'))).to.deep.equal([]);
    });

    it('is not blocked by one that was killed', async () => {
      const data = join(dir, 'data');
      const first = startChild([data, 'hold']);
      await first.line(/^READY/);
      first.process.kill('SIGKILL');
      await first.ended;
      const store = await open(data);
      await store.create('Host', host('web1'), by());
      expect(readdirSync(join(data, 'objects')).filter((name) => name.endsWith('.sock'))).to.have.length(1);
      await store.close();
    });

    it('lets one of many that start at once have it', async () => {
      const data = join(dir, 'data');
      await (await open(data)).close();
      const children = Array.from({ length: 5 }, () => startChild([data, 'hold']));
      await Promise.all(children.map((child) => child.line(/^(READY|FAILED)/)));
      expect(children.filter((child) => child.lines.includes('READY'))).to.have.length(1);
      for (const child of children) { child.process.stdin?.on('error', () => undefined); child.process.stdin?.write('go\n'); }
      await Promise.all(children.map((child) => child.ended));
    });

    it('works in a directory with a long name', async () => {
      const data = join(dir, 'x'.repeat(90), 'y'.repeat(90));
      const store = await open(data);
      expect((await refusal(open(data))).message).to.contain('is in use');
      await store.close();
      await (await open(data)).close();
    });
  });

  describe('what does not fit', () => {
    it('refuses another secret key at the start and changes nothing', async () => {
      const data = join(dir, 'data');
      const store = await open(data);
      await store.create('Secret', newObject('Secret', { name: 's' }, { data: { a: 'YQ==' } }), by());
      await store.close();
      const error = await refusal(open(data, Buffer.alloc(32, 8)));
      expect(error.message).to.contain('the secret key is not the one').and.to.contain(data);
      expect((await refusal(open(data, Buffer.alloc(16)))).message).to.contain('16 bytes');
      const again = await open(data);
      expect((await again.get('Secret', { namespace: 'default', name: 's' })).data).to.deep.equal({ a: 'YQ==' });
      await again.close();
    });

    it('keeps nothing of a Secret readable on the disk, its annotations included', async () => {
      const data = join(dir, 'data');
      const store = await open(data);
      const canary = 'canary-4711-canary';
      await store.create('Secret', newObject('Secret', { name: 's', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"data":{"a":"${canary}"}}` } }, { data: { a: Buffer.from(canary).toString('base64') } }), by());
      await store.close();
      for (const file of readdirSync(join(data, 'objects'))) {
        const bytes = readFileSync(join(data, 'objects', file));
        expect(bytes.includes(canary), file).to.equal(false);
        expect(bytes.includes(Buffer.from(canary).toString('base64')), file).to.equal(false);
      }
    });

    it('does not open a sealed Secret under another name', async () => {
      const data = join(dir, 'data');
      const store = await open(data);
      await store.create('Secret', newObject('Secret', { name: 'one' }, { data: { a: 'YQ==' } }), by());
      await store.create('Secret', newObject('Secret', { name: 'two' }, { data: { a: 'Yg==' } }), by());
      await store.close();
      const environment = openEnvironment(data, 'objects');
      await environment.commit([{ key: 'o/Secret/default/two', value: environment.get('o/Secret/default/one') ?? '' }]);
      await environment.close();
      const again = await open(data);
      expect((await refusal(again.get('Secret', { namespace: 'default', name: 'two' }))).message).to.contain('Secret default/two');
      await again.close();
    });

    it('refuses a newer format and an object that is too large', async () => {
      const data = join(dir, 'data');
      const store = await open(data);
      const large = newObject('Secret', { name: 'large' }, { data: Object.fromEntries(Array.from({ length: 3 }, (_, n) => [`k${n}`, Buffer.alloc(500_000).toString('base64')])) });
      expect((await refusal(store.create('Secret', large, by()))).message).to.match(/too (large|long)/i);
      await store.close();
      const environment = openEnvironment(data, 'objects');
      await environment.commit([{ key: 'm/format', value: String(FORMAT + 1) }]);
      await environment.close();
      const error = await refusal(open(data));
      expect(error).to.be.instanceOf(Unavailable);
      expect(error.message).to.contain(`newer version (format ${FORMAT + 1}`).and.to.contain(data);
    });

    it('refuses a damaged file by name instead of dying of it (Q4)', async () => {
      const data = join(dir, 'data');
      const store = await open(data);
      for (let n = 0; n < 30; n += 1) await store.create('Host', host(`h${n}`), by());
      await store.close();
      const file = join(data, 'objects', 'data.mdb');
      const good = readFileSync(file);
      const damaged: [string, Buffer][] = [
        ['not a database', Buffer.from('garbage')], ['not a database', Buffer.alloc(100_000, 7)], ['not a database', Buffer.alloc(8192)],
        ['second meta page', good.subarray(0, 4096)], ['is cut', good.subarray(0, 8192)], ['is cut', good.subarray(0, 16_384)],
      ];
      for (const [why, bytes] of damaged) {
        writeFileSync(file, bytes);
        const error = await refusal(open(data));
        expect(error).to.be.instanceOf(Unavailable);
        expect(error.message).to.contain(file).and.to.contain(why);
      }
      writeFileSync(file, good);
      const again = await open(data);
      expect((await again.list('Host')).items).to.have.length(30);
      await again.close();
    });

    it('keeps everything over a restart: objects, version, epoch; a watch resumes from the last version', async () => {
      const data = join(dir, 'data');
      const store = await open(data);
      const made = await store.create('Host', host('grüße'.replace('ü', 'u').replace('ß', 'ss')), by());
      const unicode = await store.patchMeta('Host', { namespace: 'default', name: made.metadata.name }, { annotations: { note: 'größer \u{1F600} \u0001' } }, by());
      const { epoch } = store;
      await store.close();
      expect(existsSync(join(data, 'objects'))).to.equal(true);
      const again = await open(data);
      expect(again.epoch).to.equal(epoch);
      expect(await again.get('Host', { namespace: 'default', name: made.metadata.name })).to.deep.equal(unicode);
      const abort = new AbortController();
      const watching = again.watch('Host', { resourceVersion: unicode.metadata.resourceVersion, signal: abort.signal })[Symbol.asyncIterator]();
      const next = watching.next();
      const more = await again.create('Host', host('more'), by());
      expect((await next).value).to.deep.equal({ type: 'ADDED', object: more });
      expect(Number(more.metadata.resourceVersion)).to.equal(Number(unicode.metadata.resourceVersion) + 1);
      abort.abort();
      await again.close();
    });
  });
});

function skipped(context: Mocha.Context, lack: string): void {
  if (context.test !== undefined) context.test.title += ` (not here: needs ${lack})`;
  context.skip();
}
