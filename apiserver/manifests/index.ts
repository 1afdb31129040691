/**
 * The manifest directory: GitOps without a cluster. What a directory declares is applied under the field manager
 * `manifests`; what it no longer declares is removed, within the guards of prune.ts.
 *
 *   change noticed ─┐
 *   rescan, 10 s ───┼─▶ settle and read ─▶ decode ─▶ apply ─▶ prune? ─▶ status, Events
 *   retry, resync ──┘
 *
 * One pass at a time. A pass that finds what the last one found does no more than look.
 */
import type { Clock, Log } from '#controller/ports.js';
import type { Cache, Recorder } from '#controller/runtime/types.js';
import { NotFound, type ObjectStore } from '#crds/objectStore.js';
import { kinds, type Kind } from '#crds/kinds.js';
import type { KubeObject, Stored } from '#crds/meta.js';
import type { Records } from '../records/records.js';
import { applyAll, letGo, manifestWriter } from './apply.js';
import { decodeManifest, idOf, withoutDuplicates } from './decode.js';
import { openLedger } from './ledger.js';
import { createNotices } from './notices.js';
import { type ManifestProblem } from './problem.js';
import { decidePruning, type LiveObject, type Pruning } from './prune.js';
import { checkedOutCommit } from './revision.js';
import { listManifests } from './scan.js';
import { readSettled, type Snapshot } from './settle.js';
import { watchDirectories } from './watch.js';

export interface ManifestsOptions {
  directory: string;
  store: ObjectStore;
  cache: Cache;
  records: Records;
  recorder: Recorder;
  namespace: string;
  clock: Clock;
  log: Log;
  /** For tests. */
  timings?: Partial<Timings>;
}

export interface Timings {
  /** How long nothing may change before the directory is read. */
  settleMs: number;
  rescanMs: number;
  /** How often all is applied again, to take back what others changed. */
  resyncMs: number;
  /** Between the two equal scans before a removal. */
  pruneAfterMs: number;
}

const usual: Timings = { settleMs: 200, rescanMs: 10_000, resyncMs: 300_000, pruneAfterMs: 10_000 };
const NOTICED_MS = 30;
const RESTLESS_MS = 500;

export interface ManifestsStatus {
  directory: string;
  state: 'pending' | 'synced' | 'failing';
  /** The git commit that is checked out there, where there is one. */
  revision: string | undefined;
  /** Epoch ms; undefined before the first. A look that finds nothing new counts. */
  lastSync: number | undefined;
  /** The last one without a problem. */
  lastSuccess: number | undefined;
  /** Declared by the directory. */
  objects: number;
  problems: readonly ManifestProblem[];
  pruning: Pruning;
}

export interface Manifests {
  status(): ManifestsStatus;
  /** Told after each look, whether or not it found something new. @returns ends it */
  onChange(listener: () => void): () => void;
  /** Allows the removal that status().pruning.id names, and none other. False: it is not what waits. */
  confirm(id: string): Promise<boolean>;
  /** Begins; the first pass runs in the background. */
  start(): void;
  stop(): Promise<void>;
}

const nothing: Pruning = { state: 'none', reason: '', remove: [], held: [], released: [], forget: [], id: '' };

export function createManifests({ directory, store, cache, records, recorder, namespace, clock, log, timings }: ManifestsOptions): Manifests {
  const { settleMs, rescanMs, resyncMs, pruneAfterMs } = { ...usual, ...timings };
  const ledger = openLedger(records);
  const notices = createNotices({ recorder, namespace, log });
  const watcher = watchDirectories(() => { wake(NOTICED_MS); }, log);
  const status: ManifestsStatus = { directory, state: 'pending', revision: undefined, lastSync: undefined, lastSuccess: ledger.state.lastSuccess, objects: 0, problems: [], pruning: nothing };
  /** What the last pass saw, when all was applied (epoch ms), and whether something is left to do. */
  const last: { snapshot?: Snapshot; applied: number; retry: boolean } = { applied: 0, retry: true };
  let since: { digest: string; time: number } | undefined;
  const listeners = new Set<() => void>();
  let stopped = false;
  let timer: { due: number; cancel: () => void } | undefined;
  let running: Promise<void> | undefined;
  let again = false;

  /** A pass no later than in `ms`. */
  function wake(ms: number): void {
    if (stopped) return;
    if (running) {
      if (ms <= NOTICED_MS) again = true;
      return;
    }
    const due = clock.now() + ms;
    if (timer && timer.due <= due) return;
    timer?.cancel();
    timer = { due, cancel: clock.setTimer(ms, run) };
  }

  function run(): void {
    timer = undefined;
    again = false;
    running = look().catch((error: unknown) => {
      log.error({ error: error instanceof Error ? error.stack : String(error) }, 'the manifest directory could not be applied');
      last.retry = true;
      return rescanMs;
    }).then((next) => {
      running = undefined;
      for (const listener of listeners) listener();
      wake(again ? NOTICED_MS : next);
    });
  }

  async function look(): Promise<number> {
    const next = await pass();
    // A commit that touches no manifest changes it too.
    status.revision = await checkedOutCommit(directory);
    return next;
  }

  /** @returns ms until the next one */
  async function pass(): Promise<number> {
    const isDue = last.retry || isResyncDue() || status.pruning.state === 'waiting' || isConfirmed();
    if (!isDue && (await listManifests(directory)).signature === last.snapshot?.signature) {
      status.lastSync = clock.now();
      return rescanMs;
    }
    // The scans that count for a removal, and the full syncs, trust nothing but what they read.
    const known = isResyncDue() || status.pruning.state === 'waiting' ? undefined : last.snapshot;
    const snapshot = await readSettled(directory, { clock, settleMs, decode: (path, bytes) => decodeManifest(path, bytes, namespace), ...(known ? { known } : {}) });
    if (snapshot === undefined) {
      if (status.state === 'pending') status.problems = [{ message: 'the directory changes all the time' }];
      return RESTLESS_MS;
    }
    if (snapshot.signature !== last.snapshot?.signature) {
      watcher.set(snapshot.directories);
      // What changed before the new watchers were there told nobody.
      if ((await listManifests(directory)).signature !== snapshot.signature) again = true;
    }
    if (stopped) return rescanMs;
    await sync(snapshot);
    return status.pruning.state === 'waiting' && since ? Math.max(0, Math.min(rescanMs, since.time + pruneAfterMs - clock.now())) : rescanMs;
  }

  async function sync(snapshot: Snapshot): Promise<void> {
    const now = clock.now();
    const everything = isResyncDue();
    const unique = withoutDuplicates(snapshot.files.flatMap(({ documents }) => documents));
    const found: ManifestProblem[] = [...snapshot.problems, ...snapshot.files.flatMap(({ problems }) => problems), ...unique.problems];
    if (unique.documents.length === 0 && found.length === 0 && Object.keys(ledger.state.inventory).length > 0) found.push({ message: `${directory} declares nothing: is it mounted?` });
    const applied = await applyAll(unique.documents, { store, cache, ledger }, everything);
    const problems = [...found, ...applied.problems];

    if (problems.length > 0) since = undefined;
    else if (since?.digest !== snapshot.digest) since = { digest: snapshot.digest, time: now };
    // What could not be read may be readable again without a trace in the listing.
    Object.assign(last, { snapshot, retry: applied.retry || snapshot.problems.length > 0, ...(everything ? { applied: now } : {}) });
    const pruning = await prune(new Set(unique.documents.map(({ kind, key }) => idOf(kind, key))), snapshot.digest, problems.length);

    Object.assign(status, { state: problems.length > 0 ? 'failing' : 'synced', lastSync: clock.now(), objects: unique.documents.length, problems, pruning });
    if (problems.length === 0) status.lastSuccess = clock.now();
    if (applied.changed > 0 || pruning.state === 'prune') log.info({ directory, objects: unique.documents.length, applied: applied.changed, removed: pruning.state === 'prune' ? pruning.remove.length : 0 }, 'manifests applied');
    notices.tell({ problems, pruning, kept: applied.kept, uidOf: (id) => ledger.state.inventory[id]?.uid }, everything);
  }

  /** Removes what may be removed. */
  async function prune(declared: ReadonlySet<string>, digest: string, problems: number): Promise<Pruning> {
    const { inventory, confirmed } = ledger.state;
    const objects = new Map<string, Stored<KubeObject>>();
    for (const id of Object.keys(inventory)) {
      const object = declared.has(id) ? undefined : await find(id);
      if (object) objects.set(id, object);
    }
    const live = new Map([...objects].map(([id, { metadata }]): [string, LiveObject] => [id, { uid: metadata.uid, annotations: metadata.annotations ?? {} }]));
    const pruning = decidePruning({ inventory, declared, problems, digest, since, now: clock.now(), waitMs: pruneAfterMs, live, confirmed });
    if (pruning.state !== 'prune') return pruning;
    let changed = false;
    const forget = (id: string): void => {
      delete inventory[id];
      changed = true;
    };
    pruning.forget.forEach(forget);
    for (const id of [...pruning.held, ...pruning.released]) {
      const [entry, object] = [inventory[id], objects.get(id)];
      if (!entry || !object || entry.letGo === true) continue;
      if (!await succeeds(id, () => letGo(kindOf(id), object, store))) continue;
      if (entry.created) entry.letGo = true;
      else forget(id);
      changed = true;
    }
    for (const id of pruning.remove) {
      const object = objects.get(id);
      if (!object) continue;
      const { name, namespace: inNamespace, uid, resourceVersion } = object.metadata;
      if (await succeeds(id, () => store.delete(kindOf(id), { namespace: inNamespace, name }, { ...manifestWriter, preconditions: { uid, resourceVersion }, propagationPolicy: 'Background' }))) forget(id);
    }
    if (confirmed !== undefined) {
      delete ledger.state.confirmed;
      changed = true;
    }
    if (changed) await ledger.save();
    return pruning;
  }

  /** Who changed the object a moment ago is looked at again in the next pass. */
  async function succeeds(id: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof NotFound) return true;
      log.warn({ object: id, error: error instanceof Error ? error.message : String(error) }, 'a manifest is gone, and its object could not be removed or let go');
      last.retry = true;
      return false;
    }
  }

  async function find(id: string): Promise<Stored<KubeObject> | undefined> {
    const [, inNamespace = '', name = ''] = id.split('/');
    return store.get(kindOf(id), { namespace: inNamespace, name }).catch((error: unknown) => {
      if (error instanceof NotFound) return undefined;
      throw error;
    });
  }

  const isResyncDue = (): boolean => clock.now() - last.applied >= resyncMs;
  const isConfirmed = (): boolean => ledger.state.confirmed !== undefined && ledger.state.confirmed === status.pruning.id;

  return {
    status: () => status,
    onChange(listener) {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
    async confirm(id) {
      if (status.pruning.state !== 'confirmation' || status.pruning.id !== id) return false;
      ledger.state.confirmed = id;
      await ledger.save();
      wake(0);
      return true;
    },
    start: () => { wake(0); },
    async stop() {
      stopped = true;
      timer?.cancel();
      watcher.close();
      await running;
    },
  };
}

function kindOf(id: string): Kind {
  const kind = kinds.find((known) => id.startsWith(`${known}/`));
  if (kind === undefined) throw new Error(`the inventory of manifests holds ${JSON.stringify(id)}, which is of no kind`);
  return kind;
}
