/**
 * Whatever ends in the middle of a job, of each type: the job, its restic, its agent, its server. The job then says what really
 * happened, once; nothing goes on running; the lock that was left is got past by the next run itself (J4, S7, E22, E23).
 * Init is in endsOfInit.test.ts.
 */
import { join } from 'node:path';
import { expect } from 'chai';
import type { KindMap } from '#crds/kinds.js';
import { addBackendHost, type BackendHost } from '../../builders/backendHost.js';
import { startBackend, type Backend } from '../../builders/backends.js';
import { heldRestic, type HeldRestic } from '../../builders/heldRestic.js';
import { runningRestics } from '../../builders/runningRestics.js';
import { until } from '../../builders/until.js';
import { openWorld, type World } from '../../builders/world.js';

type Spec = KindMap['ResticJob']['spec'];
const types = ['Backup', 'Forget', 'Prune', 'Check', 'Restore', 'Diff', 'Unlock'] as const;
type Type = (typeof types)[number];

describe('the end in the middle of every job type', function () {
  this.timeout(170_000);
  let world: World;
  let backend: Backend;
  const hosts = new Map<Type, { host: BackendHost; restic: HeldRestic; oldest: string[] }>();
  before(async () => {
    world = await openWorld();
    backend = await startBackend('local');
    await Promise.all(types.map(async (type) => {
      const name = `end-${type.toLowerCase()}`;
      const restic = await heldRestic(join(world.dir, `restic-${name}`));
      const host = await addBackendHost(world, backend, { name, restic: restic.path });
      for (const _ of [1, 2]) expect((await host.run('Backup')).status).to.include({ phase: 'Succeeded' });
      hosts.set(type, { host, restic, oldest: host.snapshots().map(({ id }) => id) });
    }));
  });
  after(async () => {
    await world.close();
    await backend.stop();
  });

  const resticsOf = (host: BackendHost): number[] => runningRestics(backend.url(host.repository)).filter(({ argv }) => types.some((type) => argv[1] === type.toLowerCase())).map(({ pid }) => pid);

  let serial = 0;
  /** What this type needs to know to run once more. */
  async function argumentsOf(type: Type): Promise<Partial<Spec>> {
    const { host, oldest: [a = '', b = ''] } = hosts.get(type) ?? lost();
    switch (type) {
      case 'Restore': return { restore: { snapshot: a, targetDirectory: join(world.dir, `restored-${String(++serial)}`), overwrite: 'Never' } };
      case 'Diff': return { diff: { a, b } };
      case 'Forget': {
        const made = await host.run('Backup');
        return { forget: { snapshotIDs: [made.status?.snapshotID ?? ''] } };
      }
      default: return {};
    }
  }
  function lost(): never { throw new Error('no such host'); }

  /** Starts a job of each type, brings its restic to a standstill, does `act` to it, and judges the job. */
  async function each(act: (job: string, pid: number, type: Type) => Promise<void>, judge: (job: KindMap['ResticJob'] & { metadata: { name: string } }, type: Type) => void, all?: () => Promise<void>): Promise<void> {
    const held = await Promise.all(types.map(async (type) => {
      const { host, restic } = hosts.get(type) ?? lost();
      const spec = await argumentsOf(type);
      // Their first lines, and what follows a backup, must not be held instead.
      const standing = restic.hold(type.toLowerCase(), type === 'Unlock' ? undefined : join(backend.files(host.repository), 'locks'));
      const job = await host.start(type, spec);
      return { type, host, job, pid: await standing };
    }));
    await all?.();
    await Promise.all(held.map(async ({ type, host, job, pid }) => {
      await act(job, pid, type);
      judge(await world.ended(job, 90_000), type);
      await until(`no restic left of ${type}`, () => resticsOf(host).length === 0, 15_000);
      const again = await host.run(type, await argumentsOf(type));
      expect(again.status, `${type} again: ${again.status?.message ?? ''}`).to.include({ phase: 'Succeeded' });
      await until(`no lock left of ${type}`, () => host.locks().length === 0, 15_000);
      const log = await world.logOf(job);
      expect(log.map(({ seq }) => seq), `log of ${type}`).to.deep.equal(log.map((_, index) => index + 1));
    }));
  }

  it('cancel, of a restic that does not answer: Cancelled, and no lock stays', async () => {
    await each(async (job) => { await world.patch('ResticJob', job, { spec: { cancel: true } }); }, ({ status }, type) => {
      expect(status, type).to.include({ phase: 'Cancelled', reason: 'Cancelled' });
    });
  });

  it('kill -9 of restic: Failed, and says that it was killed', async () => {
    await each(async (_, pid) => { process.kill(pid, 'SIGKILL'); return Promise.resolve(); }, ({ status }, type) => {
      expect(status, type).to.include({ phase: 'Failed', reason: 'ResticKilled' });
      expect(status?.message, type).to.contain('was killed by SIGKILL');
    });
  });

  it('kill -9 of the agent: its restic dies with it, and the job is Failed once the agent is back', async () => {
    await each(async (_, __, type) => {
      const { host, restic } = hosts.get(type) ?? lost();
      await world.agents.findLast(({ stateDir }) => stateDir.endsWith(`agent-${host.name}`))?.kill();
      await until(`restic of ${type} to die`, () => resticsOf(host).length === 0, 5_000);
      await world.agent(host.name, { restic: restic.path });
    }, ({ status }, type) => {
      expect(status, type).to.include({ phase: 'Failed', reason: 'AgentRestarted' });
    });
  });

  it('kill -9 of the server: the work goes on, and its result is there when the server is back', async () => {
    await each(async (_, pid) => { process.kill(pid, 'SIGCONT'); return Promise.resolve(); }, ({ status }, type) => {
      expect(status, `${type}: ${status?.message ?? ''}`).to.include({ phase: 'Succeeded' });
    }, async () => {
      await world.killServer();
      await world.startServerAgain();
    });
  });
});
