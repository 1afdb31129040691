/** The object store contract on a real Kubernetes API, and what only a store across a network must show. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Unavailable } from '#crds/objectStore.js';
import { openKubeStore, type KubeStore } from '#apiserver/stores/kube/index.js';
import { startCluster, type Cluster } from '../builders/cluster.js';
import { startCutProxy, type CutProxy } from '../builders/cutProxy.js';
import { until } from '../builders/until.js';
import { by, refusal } from '../contract/contractTools.js';
import { objectStoreContract } from '../contract/objectStore.js';

const BUFFER = 200;

objectStoreContract('Kubernetes API', async () => {
  const cluster = await startCluster({ watchCache: false });
  const store = await openKubeStore({ kubeconfig: cluster.kubeconfig, namespace: 'default', watchBuffer: BUFFER });
  let turn = 0;
  return {
    store,
    namespace: 'default',
    /** More changes than a reader may be behind, and etcd keeps none of the versions before. */
    async forget() {
      const { metadata } = await store.create('Host', { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: '', generateName: 'churn-' }, spec: {} }, by());
      for (let index = 0; index < BUFFER + 50; index += 1) await store.patchStatus('Host', { namespace: metadata.namespace, name: metadata.name }, { planGeneration: (turn += 1) }, by());
      await cluster.compact();
    },
    async close() {
      await store.close();
      await cluster.stop();
    },
  };
});

describe('The Kubernetes store on a cluster as they come', function () {
  this.timeout(2 * 60_000);
  let cluster: Cluster;
  let proxy: CutProxy;
  let store: KubeStore;
  before(async () => {
    cluster = await startCluster();
    proxy = await startCutProxy(cluster.port);
    const kubeconfig = join(cluster.dir, 'through-proxy.kubeconfig');
    await writeFile(kubeconfig, (await readFile(cluster.kubeconfig, 'utf8')).replace(cluster.url, `https://127.0.0.1:${proxy.port}`), { mode: 0o600 });
    store = await openKubeStore({ kubeconfig, namespace: 'default' });
  });
  after(async () => {
    await store.close();
    await proxy.close();
    await cluster.stop();
  });
  const name = (index: number): string => `host-${String(index).padStart(4, '0')}`;
  const make = (index: number): Promise<unknown> => store.create('Host', { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: name(index) }, spec: {} }, by());

  it('watches on through cut connections and an API that is away, without gap or repeat', async () => {
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = (async () => { for await (const event of store.watch('Host', { bookmarks: true, signal: stop.signal })) seen.push('object' in event ? `${event.type} ${event.object.metadata.name}` : event.type); })();
    await until('the first bookmark', () => seen.includes('BOOKMARK'));
    await make(0);
    await until('the first host', () => seen.includes(`ADDED ${name(0)}`));
    proxy.cut();
    await make(1).catch(() => make(1));
    await until('a host after the cut', () => seen.includes(`ADDED ${name(1)}`));
    proxy.away(true);
    const refused = await refusal(make(2));
    expect(refused).to.be.instanceOf(Unavailable);
    expect(refused.message).to.match(/^the Kubernetes API at 127\.0\.0\.1:\d+ cannot be reached: /);
    expect((await cluster.request('DELETE', `/apis/restic-manager.io/v1alpha1/namespaces/default/hosts/${name(0)}`)).status).to.equal(200);
    proxy.away(false);
    await until('what happened meanwhile', () => seen.includes(`DELETED ${name(0)}`), 30_000);
    stop.abort();
    await watching;
    expect(seen.filter((each) => each !== 'BOOKMARK')).to.deep.equal([`ADDED ${name(0)}`, `ADDED ${name(1)}`, `DELETED ${name(0)}`]);
  });

  it('reads everything in pages of one version, past the size of a page', async () => {
    for (let from = 10; from < 630; from += 20) await Promise.all(Array.from({ length: 20 }, (_, index) => make(from + index)));
    const { items } = await store.list('Host');
    expect(items.filter(({ metadata }) => metadata.name >= name(10)).map(({ metadata }) => metadata.name)).to.deep.equal(Array.from({ length: 620 }, (_, index) => name(10 + index)));
  });

  it('names the kubeconfig that cannot be used', async () => {
    expect((await refusal(openKubeStore({ kubeconfig: '/nowhere/config', namespace: 'default' }))).message).to.match(/^\/nowhere\/config cannot be used to reach Kubernetes: /);
  });
});
