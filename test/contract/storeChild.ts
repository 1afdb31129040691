/**
 * A process that writes and says so, for tests that kill, trace or starve it. Lines on stdout, written at once and whole:
 * `READY`, `PUT n` before a write, `ACK n version` after it, `REFUSED n reason diskFull message`, `READ n ok`, `DONE`.
 *
 *   storeChild.ts <data dir> <sequential|concurrent|forever|hold> [count]
 */
import { writeSync } from 'node:fs';
import { createAdmission } from '#apiserver/admission/index.js';
import { openFileStore } from '#apiserver/stores/file/index.js';
import { newObject } from '#crds/kinds.js';
import { Unavailable } from '#crds/objectStore.js';

const [dir = '', mode = '', count = '10'] = process.argv.slice(2);
const say = (line: string): void => { writeSync(1, `${line}\n`); };
const by = { principal: { name: 'system:test', role: 'system' as const }, door: 'system' as const, fieldManager: 'test' };

process.on('unhandledRejection', (error) => { say(`UNHANDLED ${String(error)}`); process.exit(3); });

const store = await openFileStore({ dir, admission: createAdmission({ namespace: 'default' }), secretKey: Buffer.alloc(32, 7) }).catch((error: unknown) => {
  say(`FAILED ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`);
  return process.exit(4);
});
say('READY');

async function put(n: number): Promise<void> {
  say(`PUT ${n}`);
  try {
    const made = await store.create('Host', newObject('Host', { name: `h${n}`, annotations: { pad: 'x'.repeat(200) } }, { spec: { displayName: `number ${n}` } }), by);
    say(`ACK ${n} ${made.metadata.resourceVersion}`);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    say(`REFUSED ${n} ${error.reason} ${error.diskFull} ${error.message}`);
  }
}

if (mode === 'sequential') {
  for (let n = 0; n < Number(count); n += 1) await put(n);
  for (let n = 0; n < Number(count); n += 1) await store.get('Host', { namespace: 'default', name: `h${n}` }).then(() => { say(`READ ${n} ok`); }, () => undefined);
} else if (mode === 'concurrent') {
  await Promise.all(Array.from({ length: Number(count) }, (_, n) => put(n)));
} else if (mode === 'forever') {
  let next = 0;
  await Promise.all(Array.from({ length: Number(count) }, async () => { for (;;) await put(next++); }));
} else {
  await new Promise((resolve) => { process.stdin.once('data', resolve); });
}
await store.close();
say('DONE');
process.exit(0);
