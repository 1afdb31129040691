/**
 * Whatever ends in the middle of an init: when the key is stored and the config is not, so that half a repository is there.
 * It is never taken for a repository, nothing is made over it, and a person is told the way out (H5, J4, J5).
 */
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { conditionOf } from '#controller/status/conditions.js';
import { addBackendHost, type BackendHost, type Job } from '../../builders/backendHost.js';
import { startBackend, type Backend } from '../../builders/backends.js';
import { runningRestics } from '../../builders/runningRestics.js';
import { frontDoor } from '../../builders/services.js';
import { until } from '../../builders/until.js';
import { openWorld, type World } from '../../builders/world.js';

const ends = ['cancel', 'restic', 'agent', 'server'] as const;
type End = (typeof ends)[number];

describe('the end in the middle of an init', function () {
  this.timeout(120_000);
  let world: World;
  let storage: Backend;
  let backend: Backend;
  let closeDoor: () => Promise<void>;
  const letThrough = new Map<string, () => void>();
  const hosts = new Map<End, BackendHost>();

  before(async () => {
    world = await openWorld();
    storage = await startBackend('rest');
    const port = Number(new URL(storage.url('any').slice('rest:'.length)).port);
    // The first config of each repository waits at the door.
    const door = await frontDoor((req) => {
      const repository = /^\/([^/]+)\/config$/.exec(req.url ?? '')?.[1];
      if (req.method !== 'POST' || repository === undefined || letThrough.has(repository)) return port;
      return new Promise<number>((resolve) => { letThrough.set(repository, () => { resolve(port); }); });
    });
    closeDoor = () => door.service.stop();
    backend = { ...storage, url: (repository) => `rest:http://127.0.0.1:${String(door.port)}/${repository}/` };
    await Promise.all(ends.map(async (end) => { hosts.set(end, await addBackendHost(world, backend, { name: `init-${end}`, opened: false })); }));
    await Promise.all(ends.map(async (end) => until(`the config of ${end} to be sent`, () => letThrough.has(`init-${end}`), 60_000)));

    // All at once: what follows each takes its time.
    await world.patch('ResticJob', (await firstInit('cancel')).metadata.name, { spec: { cancel: true } });
    process.kill(resticsOf('restic')[0] ?? 0, 'SIGKILL');
    await world.agents.find(({ stateDir }) => stateDir.endsWith('agent-init-agent'))?.kill();
    await until('the restic of the killed agent to die', () => resticsOf('agent').length === 0, 5_000);
    await world.agent('init-agent');
  });
  after(async () => {
    await world.close();
    await closeDoor();
    await storage.stop();
  });

  const resticsOf = (end: End): number[] => runningRestics(backend.url(`init-${end}`)).map(({ pid }) => pid);
  const keysOf = (end: End): string[] => readdirSync(join(storage.files(`init-${end}`), 'keys'));
  const hasConfig = (end: End): boolean => existsSync(join(storage.files(`init-${end}`), 'config'));
  const initsOf = async (end: End): Promise<Job[]> => (await world.list('ResticJob')).filter(({ spec }) => spec.type === 'Init' && spec.hostRef.name === `init-${end}`);
  async function firstInit(end: End): Promise<Job> {
    const [first] = (await initsOf(end)).sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
    if (!first) throw new Error(`no init of ${end}`);
    return first;
  }

  const first: Record<Exclude<End, 'server'>, [string, { phase: string; reason: string }]> = {
    cancel: ['cancel: Cancelled', { phase: 'Cancelled', reason: 'Cancelled' }],
    restic: ['kill -9 of restic: Failed, and says that it was killed', { phase: 'Failed', reason: 'ResticKilled' }],
    agent: ['kill -9 of the agent: Failed once the agent is back', { phase: 'Failed', reason: 'AgentRestarted' }],
  };
  for (const end of ['cancel', 'restic', 'agent'] as const) {
    it(`${first[end][0]}; the next open finds half a repository and makes nothing over it (H5)`, async () => {
      const { metadata: { name } } = await firstInit(end);
      const job = await world.ended(name);
      expect(job.status, job.status?.message).to.include(first[end][1]);
      expect(job.status?.message).not.to.contain('lock');
      const log = await world.logOf(name);
      expect(log.map(({ seq }) => seq)).to.deep.equal(log.map((_, index) => index + 1));

      if (end === 'cancel') {
        expect((await world.get('Repository', `init-${end}`))?.status?.phase, 'nobody asked for another one').to.equal('InitFailed');
        expect((await world.call('POST', `/api/hosts/init-${end}/repo/probe`, {})).status).to.equal(202);
      }
      const repository = await until('the next open', async () => {
        const found = await world.get('Repository', `init-${end}`);
        return conditionOf(found, 'Available')?.reason === 'RepositoryDamaged' && found;
      }, 40_000, 100);
      expect(repository.status).to.include({ phase: 'InitFailed' }).and.not.have.property('id');
      expect(conditionOf(repository, 'Available')?.message).to.match(/half there: it has keys and no config.*empty that place and open it again/);
      expect([keysOf(end).length, hasConfig(end), resticsOf(end)]).to.deep.equal([1, false, []]);
      const backup = await hosts.get(end)?.start('Backup') ?? '';
      const waiting = await until('a backup to say why it waits', async () => { const found = await world.get('ResticJob', backup); return found?.status?.reason === 'WaitingForRepository' && found; });
      expect(waiting.status?.message).to.contain('half there');

      await rm(join(storage.files(`init-${end}`), 'keys', keysOf(end)[0] ?? 'none'));
      expect((await world.call('POST', `/api/hosts/init-${end}/repo/probe`, {})).status).to.equal(202);
      expect((await world.ended(backup)).status).to.include({ phase: 'Succeeded' });
      expect([keysOf(end).length, hosts.get(end)?.locks()]).to.deep.equal([1, []]);
    });
  }

  it('kill -9 of the server: it is made once, and Ready when the server is back (H5)', async () => {
    await world.killServer();
    letThrough.get('init-server')?.();
    await until('restic to end', () => resticsOf('server').length === 0, 20_000);
    expect(hasConfig('server')).to.equal(true);
    await world.startServerAgain();
    await world.ready('init-server');
    const inits = await initsOf('server');
    expect(inits.map(({ status }) => [status?.phase, status?.reason])).to.deep.equal([['Succeeded', 'Initialized']]);
    const id = (JSON.parse(hosts.get('server')?.bare('cat', 'config', '--no-lock') ?? '{}') as { id: string }).id;
    expect((await world.get('Repository', 'init-server'))?.status).to.include({ phase: 'Ready', id });
    expect(keysOf('server')).to.have.length(1);
  });
});
