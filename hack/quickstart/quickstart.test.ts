/** The first thing a newcomer runs, as they run it: the command, its output, its exit status, and nothing left behind. */
import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { run } from '../lib/exec.js';
import { inRoot } from '../lib/root.js';
import { ownEnvironment } from './children.js';

interface Started { said(): string; ended: Promise<number>; interrupt(): void }

function quickstart(args: readonly string[], extra: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, [inRoot('hack/run.mjs'), 'quickstart', ...args], { env: ownEnvironment(extra), stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { said += text; });
  const ended = new Promise<number>((resolve) => { child.on('close', (code) => { resolve(code ?? 1); }); });
  return { said: () => said, ended, interrupt: () => { child.kill('SIGINT'); } };
}

/** Resolves when the output matches; fails when the program ends before. */
async function saying(started: Started, pattern: RegExp): Promise<RegExpExecArray> {
  let over = false;
  void started.ended.then(() => { over = true; });
  for (;;) {
    const match = pattern.exec(started.said());
    if (match) return match;
    if (over) throw new Error(`ended before it said ${String(pattern)}:\n${started.said()}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/** Processes whose environment or arguments name the folder. */
async function running(folder: string): Promise<string[]> {
  return (await run('ps', ['axeww', '-o', 'args='])).stdout.split('\n').filter((line) => line.includes(folder));
}

describe('npm run quickstart', function () {
  this.timeout(180_000);

  it('proves a backup and a byte-for-byte restore with --once, and ends 0', async () => {
    const started = quickstart(['--once']);
    const code = await started.ended;
    expect(started.said()).to.match(/files and folders are the same, byte for byte/);
    expect(started.said()).to.match(/demo-files-backup-\S+\s+demo\s+Backup\s+demo-files\s+Succeeded/);
    expect(code, started.said()).to.equal(0);
  });

  it('stays up with a page and a login that works, and ends server and agent on Ctrl-C', async () => {
    const started = quickstart([]);
    try {
      const [, url = ''] = await saying(started, /page +(\S+)/);
      const [, username = '', password = ''] = await saying(started, /login +(\S+) \/ (\S+)/);
      const [, folder = ''] = await saying(started, /logs, data +(\S+)/);
      await saying(started, /Ctrl-C ends it/);
      expect(await (await fetch(url)).text()).to.contain('<div id="app"');
      const login = await fetch(`${url}/api/auth/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username, password }) });
      expect(login.status).to.equal(200);
      expect(await running(folder)).to.have.length.at.least(2);
      started.interrupt();
      expect(await started.ended).to.equal(0);
      expect(await running(folder)).to.deep.equal([]);
    } finally {
      started.interrupt();
      await started.ended;
    }
  });

  it('ends with a reason and not 0 when an option is unknown', async () => {
    const started = quickstart(['--onse']);
    expect(await started.ended).to.equal(1);
    expect(started.said()).to.contain('unknown option --onse');
  });
});
