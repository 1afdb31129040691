/** The cluster the other suites lean on: it comes up with every kind served, keeps roles apart, forgets on demand, and goes without a trace. */
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { resources } from '#crds/kinds.js';
import { startCluster } from '../builders/cluster.js';

const alive = (pid: number): boolean => { try { process.kill(pid, 0); return true; } catch { return false; } };

describe('startCluster', function () {
  this.timeout(3 * 60_000);
  it('serves every kind to the roles, answers 410 after compaction, and leaves nothing behind', async () => {
    const cluster = await startCluster({ watchCache: false });
    try {
      for (const { crd, plural, group, version } of Object.values(resources)) {
        if (crd) expect((await cluster.request('GET', `/apis/${group}/${version}/${plural}`, undefined, { role: 'viewer' })).status, plural).to.equal(200);
      }
      expect((await cluster.request('GET', '/api/v1/secrets', undefined, { role: 'viewer' })).status).to.equal(403);
      const hosts = '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts';
      const made = await cluster.request('POST', hosts, { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: 'one' }, spec: {} });
      expect(made.status).to.equal(201);
      const { metadata: { resourceVersion } } = JSON.parse(made.text) as { metadata: { resourceVersion: string } };
      await cluster.request('DELETE', `${hosts}/one`);
      await cluster.compact();
      const old = await cluster.request('GET', `${hosts}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact&limit=1`);
      expect(old.status).to.equal(410);
    } finally {
      await cluster.stop();
    }
    expect([alive(cluster.etcdPid), alive(cluster.apiserverPid), existsSync(cluster.dir)]).to.deep.equal([false, false, false]);
  });
});
