/** The object store contract on a real Kubernetes API. */
import { openKubeStore } from '#apiserver/stores/kube/index.js';
import { by } from '../contract/contractTools.js';
import { objectStoreContract } from '../contract/objectStore.js';
import { startCluster } from '../builders/cluster.js';

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
