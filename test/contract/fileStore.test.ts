/** The object store contract on the file store, and what only a store on a disk must show (Q1, Q4). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdmission } from '#apiserver/admission/index.js';
import { openFileStore } from '#apiserver/stores/file/index.js';
import { by } from './contractTools.js';
import { objectStoreContract } from './objectStore.js';

objectStoreContract('file store', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rm-contract-'));
  const store = await openFileStore({ dir, admission: createAdmission({ namespace: 'default' }), secretKey: Buffer.alloc(32, 7), history: { changes: 400, bytes: 8 * 1024 * 1024 } });
  let turn = 0;
  return {
    store,
    namespace: 'default',
    async forget() {
      const { metadata } = await store.create('Host', { apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name: '', generateName: 'churn-' }, spec: {} }, by());
      for (let index = 0; index < 450; index += 1) await store.patchStatus('Host', { namespace: metadata.namespace, name: metadata.name }, { planGeneration: (turn += 1) }, by());
    },
    async close() {
      await store.close();
      rmSync(dir, { recursive: true });
    },
  };
});
