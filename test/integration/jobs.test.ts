/** The main job with real parts: server, agent and restic as processes of their own. */
import { expect } from 'chai';
import { openWorld, PASSWORD, type World } from '../builders/world.js';
import { until } from '../builders/until.js';

describe('jobs, end to end', function () {
  this.timeout(120_000);
  let world: World;
  before(async () => { world = await openWorld(); });
  after(async () => { await world.close(); });

  it('enrols by token, initialises the repository once, backs up by Run now, streams the log, shows success (H1, H5, S2, S5, J1, J2)', async () => {
    const source = await world.source('web1');
    await world.agent('web1', { token: await world.mintToken('web1', [source]) });
    await world.ready('web1');
    const job = await world.runNow('web1');
    const stream = world.socket(`/api/jobs/${job}/stream`);
    const done = await world.ended(job);
    expect(done.status).to.include({ phase: 'Succeeded', reason: 'Completed', exitCode: 0 });
    expect(done.status?.snapshotID).to.match(/^[0-9a-f]{8,64}$/);
    await until('end of stream', () => stream.messages.some(({ type }) => type === 'end'));
    expect(stream.messages.at(-1)).to.deep.include({ type: 'end', status: 'succeeded' });
    const lines = await world.logOf(job);
    expect(lines.map(({ seq }) => seq)).to.deep.equal(lines.map((_, index) => index + 1));
    expect(stream.messages.filter(({ seq }) => seq !== undefined)).to.deep.equal(lines);
    const host = await until('last backup', async () => { const each = await world.get('Host', 'web1'); return each?.status?.lastBackup && each; });
    expect(host.status?.lastBackup).to.include({ result: 'Succeeded', jobName: job });
    const snapshots = JSON.parse(world.restic('web1', 'snapshots', '--json').stdout) as { hostname: string; tags: string[] }[];
    expect(snapshots).to.have.length(1);
    expect(snapshots[0]).to.deep.include({ hostname: 'web1' });
    expect((await world.list('ResticJob')).filter(({ spec }) => spec.type === 'Init')).to.have.length(1);
    expect(JSON.stringify([done, lines, world.server.log(), world.agents[0]?.log()])).to.not.include(PASSWORD);
  });
});
