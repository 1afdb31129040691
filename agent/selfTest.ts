/** `self-test`: proves that this binary works on this machine. Changes nothing but a temporary directory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nextFire } from './cron/nextFire.js';
import { newKey, signWith, verifyWith } from './install/keys.js';
import { readFrame } from './link/frames.js';
import { silentLog } from './log.js';
import { PlanFile } from './plan/planFile.js';
import { ResticProbe } from './restic/capabilities.js';
import { Spool } from './spool/spool.js';

export interface Check { name: string; ok: boolean; detail: string; /** The agent works without it. */ optional?: true }

export async function selfTest(restic: string): Promise<Check[]> {
  const dir = await mkdtemp(join(tmpdir(), 'rm-self-test-'));
  try {
    return [
      await check('signing', () => {
        const key = newKey();
        const data = Buffer.from('self-test');
        if (!verifyWith(key.publicKey, data, signWith(key, data))) throw new Error('an own signature does not verify');
        return 'Ed25519';
      }),
      await check('cron', () => {
        const due = nextFire('30 2 * * *', 'Europe/Berlin', Date.UTC(2026, 0, 1));
        if (due !== Date.UTC(2026, 0, 1, 1, 30)) throw new Error(`02:30 in Berlin is not ${due === undefined ? 'never' : new Date(due).toISOString()}`);
        return 'time zones known';
      }),
      await check('protocol', () => {
        if (!readFrame('{"type":"ack","payload":{"seq":1}}').ok) throw new Error('a good frame is refused');
        if (readFrame('{"type":"ack","payload":{"seq":"1"}}').ok) throw new Error('a bad frame is taken');
        return 'frames are checked';
      }),
      await check('plan on disk', async () => {
        const file = new PlanFile(dir, silentLog);
        await file.apply({ revision: 'r', generation: 1, plan: { hostName: 'h', hostUID: 'u', snapshotHost: 'h', presence: 'AlwaysOn', groups: [], schedules: [] } }, 'e', 0);
        const again = new PlanFile(dir, silentLog);
        await again.load(0);
        if (again.current?.revision !== 'r') throw new Error('what was written is not what is read');
        return 'AES-256-GCM';
      }),
      await check('spool', async () => {
        const spool = await Spool.open({ dir: join(dir, 'spool'), log: silentLog });
        await spool.append({ type: 'repo.stats', payload: { repository: 'r', time: new Date(0).toISOString() } });
        await spool.close();
        return 'written and synced';
      }),
      { ...(await check('restic', async () => {
        const program = await new ResticProbe(restic).program();
        return `${program.version} at ${program.path}`;
      })), optional: true },
    ];
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function check(name: string, work: () => string | Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, detail: await work() };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
