/** Applies what a directory declares, in any order the files come. An object that is refused keeps its last good state. */
import type { Kind } from '#crds/kinds.js';
import type { KubeObject, ManagedFieldsEntry, Stored } from '#crds/meta.js';
import { Conflict, NotFound, TooManyRequests, Unavailable, type ObjectStore, type Writer } from '#crds/objectStore.js';
import type { Cache } from '#controller/runtime/types.js';
import { isPlain } from '../admission/schemaWalk.js';
import { idOf, type ManifestDocument } from './decode.js';
import type { Ledger } from './ledger.js';
import { placeOf, problemsOf, type ManifestProblem } from './problem.js';
import { mayBePruned } from './prune.js';

export const FIELD_MANAGER = 'manifests';
export const manifestWriter: Writer = { principal: { name: 'system:manifests', role: 'system' }, door: 'manifests', fieldManager: FIELD_MANAGER };

/** So that fewer conditions say "not there yet" on the way; nothing depends on it. */
const order: readonly Kind[] = ['Secret', 'Repository', 'Host', 'SourceGroup', 'Schedule', 'EnrollmentRequest', 'ResticJob'];
const AT_ONCE = 64;
const SAVE_EVERY = 512;

export interface ApplyContext {
  store: ObjectStore;
  cache: Cache;
  ledger: Ledger;
}

export interface Applied {
  problems: ManifestProblem[];
  /** Hosts whose manifest no longer names their agent, and that keep it. */
  kept: string[];
  changed: number;
  /** Something failed that may work the next time as it is. */
  retry: boolean;
}

/** @param everything also what is as it was applied last: takes back what others changed */
export async function applyAll(documents: readonly ManifestDocument[], { store, cache, ledger }: ApplyContext, everything: boolean): Promise<Applied> {
  const { inventory } = ledger.state;
  const result: Applied = { problems: [], kept: [], changed: 0, retry: false };
  const isDue = (document: ManifestDocument): boolean => {
    const entry = inventory[idOf(document.kind, document.key)];
    if (entry?.hash !== document.hash || entry.letGo === true) return true;
    // A job is work, not a state: one that ended and was removed is not done again.
    if (document.kind === 'ResticJob') return false;
    return everything || cache.get(document.kind, document.key)?.metadata.uid !== entry.uid;
  };
  const due = documents.filter(isDue).sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  let unsaved = 0;
  for (let from = 0; from < due.length; from += AT_ONCE) {
    await Promise.all(due.slice(from, from + AT_ONCE).map(async (document) => {
      try {
        const id = idOf(document.kind, document.key);
        const { configuration, isKept } = await withIdentity(document, store);
        if (isKept) result.kept.push(id);
        const { object, created } = await store.apply(document.kind, document.key, configuration, { ...manifestWriter, force: true, fieldValidation: 'Strict' });
        const { uid } = object.metadata;
        const known = inventory[id];
        inventory[id] = { uid, created: created || (known?.uid === uid && known.created), hash: document.hash };
        result.changed++;
        unsaved++;
      } catch (error) {
        result.problems.push(...problemsOf(error, placeOf(document), document.configuration));
        if (error instanceof Unavailable || error instanceof TooManyRequests || error instanceof Conflict) result.retry = true;
      }
    }));
    if (unsaved >= SAVE_EVERY) {
      unsaved = 0;
      await ledger.save();
    }
  }
  if (unsaved > 0) await ledger.save();
  return result;
}

/**
 * Which agent a Host is, once said by its manifest, goes only the way the Host itself would go: a file that lost its end
 * reads as one that no longer names it.
 */
async function withIdentity({ kind, key, configuration }: ManifestDocument, store: ObjectStore): Promise<{ configuration: Record<string, unknown>; isKept: boolean }> {
  const spec = isPlain(configuration['spec']) ? configuration['spec'] : {};
  if (kind !== 'Host' || spec['enrollment'] != null) return { configuration, isKept: false };
  const live = await store.get('Host', key).catch((error: unknown) => {
    if (error instanceof NotFound) return undefined;
    throw error;
  });
  const { enrollment } = live?.spec ?? {};
  if (live === undefined || enrollment === undefined || mayBePruned(live.metadata.annotations) || !isOurs(live.metadata.managedFields)) return { configuration, isKept: false };
  return { configuration: { ...configuration, spec: { ...spec, enrollment } }, isKept: true };
}

const isOurs = (entries: readonly ManagedFieldsEntry[] = []): boolean => entries.some((entry) => {
  const spec = entry.fieldsV1?.['f:spec'];
  return isOwnEntry(entry) && isPlain(spec) && 'f:enrollment' in spec;
});

const isOwnEntry = ({ manager, operation, subresource }: ManagedFieldsEntry): boolean => manager === FIELD_MANAGER && operation === 'Apply' && subresource === undefined;

/**
 * Nobody's manifest speaks of the object any more: it stays as it is, and its fields may be edited again. They are kept
 * under our name as if set by an update, which stands in nobody's way.
 */
export async function letGo<K extends Kind>(kind: K, object: Stored<KubeObject>, store: ObjectStore): Promise<void> {
  const { managedFields = [], ...metadata } = object.metadata;
  if (!managedFields.some(isOwnEntry)) return;
  const entries = managedFields.filter((entry) => entry.manager !== FIELD_MANAGER || isOwnEntry(entry)).map((entry) => (isOwnEntry(entry) ? { ...entry, operation: 'Update' as const } : entry));
  await store.update(kind, { ...object, metadata: { ...metadata, managedFields: entries } } as never, { ...manifestWriter, fieldValidation: 'Ignore' });
}
