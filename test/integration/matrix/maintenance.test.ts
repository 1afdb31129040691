/**
 * The runner looks after an append-only repository: by its cadence, with the account that may delete, behind the retention guard
 * and a person's approval by kubectl (J8, X6). Snapshots with forged times push out nothing.
 */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { toolPath } from '../../../hack/tools/paths.js';
import { addBackendHost, type BackendHost } from '../../builders/backendHost.js';
import { startBackend, type Backend } from '../../builders/backends.js';
import { until } from '../../builders/until.js';
import { openWorld, type World } from '../../builders/world.js';

describe('maintenance on the runner, behind the guard', function () {
  this.timeout(170_000);
  let world: World;
  let backend: Backend;
  let host: BackendHost;
  before(async () => {
    world = await openWorld();
    backend = await startBackend('append-only', ['guarded']);
    host = await addBackendHost(world, backend, { name: 'guarded' });
    await world.patch('SourceGroup', 'guarded', { spec: { retention: { keepLast: 1 } } });
    await world.patch('Repository', 'guarded', { spec: { retentionGuard: { keepWithinFloor: '0h' } } });
    for (const text of ['1', '2', '3', '4']) {
      await writeFile(join(host.source, 'changing.txt'), text);
      expect((await host.run('Backup')).status).to.include({ phase: 'Succeeded' });
    }
  });
  after(async () => {
    await world.close();
    await backend.stop();
  });
  const condition = async (type: string): Promise<{ status: string; reason: string; message: string } | undefined> => (await world.get('Repository', 'guarded'))?.status?.conditions?.find((each) => each.type === type);

  it('a forget by its cadence that would remove too much waits; the command it names lets exactly that plan through', async () => {
    const before = host.snapshots().map(({ id }) => id);
    await world.patch('Repository', 'guarded', { spec: { maintenance: { forget: { schedule: '* * * * *' } } } });
    const job = await until('the cadence\'s job', async () => (await world.list('ResticJob')).find(({ spec, status }) => spec.type === 'Forget' && spec.origin?.type === 'Maintenance' && ['Succeeded', 'Failed'].includes(status?.phase ?? '')), 110_000, 200);
    await world.patch('Repository', 'guarded', { spec: { maintenance: { forget: { suspend: true } } } });
    expect(job.status, job.status?.message).to.include({ phase: 'Failed', reason: 'ApprovalRequired' });
    expect(job.status?.forgetPlan).to.deep.include({ remove: 3, of: 4, reasons: ['RemovesTooMuch'] });
    expect(host.snapshots().map(({ id }) => id), 'nothing went').to.deep.equal(before);
    const said = await until('the repository to say so', async () => { const each = await condition('ApprovalRequired'); return each?.status === 'True' && each; });
    expect(said).to.include({ reason: 'RemovesTooMuch' });
    const command = /kubectl annotate [^\n]*restic-manager\.io\/approve-forget=[0-9a-f]+[^\n;,)]*/.exec(said.message)?.[0] ?? '';
    expect(command, said.message).to.contain(job.status?.forgetPlan?.hash);
    const { status, stderr } = spawnSync('sh', ['-c', command.replace('kubectl', `${toolPath('kubectl')} --kubeconfig ${world.server.kubeconfig}`)], { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', HOME: world.dir } });
    expect(status, `${command}\n${stderr}`).to.equal(0);
    const approved = await until('the approved forget', async () => (await world.list('ResticJob')).find(({ spec }) => spec.forget?.approvedPlan === job.status?.forgetPlan?.hash), 20_000);
    const ended = await world.ended(approved.metadata.name);
    expect(ended.status, ended.status?.message).to.include({ phase: 'Succeeded' });
    expect(host.snapshots().map(({ id }) => id)).to.deep.equal(before.slice(-1));
    await until('nothing waits any more', async () => (await condition('ApprovalRequired'))?.status !== 'True', 20_000);
    expect((await host.run('Prune')).status).to.include({ phase: 'Succeeded' });
    host.bare('check', '--read-data');
  });

  it('snapshots forged into the future, as a thief of the everyday credential would, push out nothing', async () => {
    const real = host.snapshots().map(({ id }) => id);
    for (const time of ['2031-01-01 00:00:00', '2031-01-02 00:00:00']) host.bare('backup', '--time', time, '--host', host.name, '--tag', host.name, join(host.source, 'hello.txt'));
    const job = await host.run('Forget');
    expect(job.status, job.status?.message).to.include({ phase: 'Failed', reason: 'ApprovalRequired' });
    expect(job.status?.forgetPlan?.reasons).to.include('FutureSnapshots');
    expect(host.snapshots().map(({ id }) => id)).to.include.members(real);
    const said = await until('the repository to say so', async () => { const each = await condition('ApprovalRequired'); return each?.status === 'True' && each; });
    expect(said).to.include({ reason: 'FutureSnapshots' });
  });
});
