/** The cache of one kind: objects by key, by uid and by index, and the last events for streams that resume. */
import type { Kind, KindMap } from '#crds/kinds.js';
import { keyOf, keyText, type ObjectKey, type Stored } from '#crds/meta.js';
import { indexesOf } from './indexes.js';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';
export interface Change<T> { type: ChangeType; object: T; old?: T }

/** Events kept per kind for resuming streams. */
const HISTORY = 4096;

/** What is found under one value of an index: most often one object, which then needs no set around it. */
type Bucket<T> = T | Set<T>;

export class KindCache<K extends Kind> {
  readonly kind: K;
  private readonly objects = new Map<string, Stored<KindMap[K]>>();
  private readonly uids = new Map<string, Stored<KindMap[K]>>();
  private readonly indexes: { name: string; of: (object: Stored<KindMap[K]>) => readonly string[]; values: Map<string, Bucket<Stored<KindMap[K]>>> }[];
  private listed: readonly Stored<KindMap[K]>[] | undefined;
  /** Versions in the order seen; an entry without event is a version a stream may resume from (a list or a bookmark). */
  private history: { version: string; event?: { type: ChangeType; object: Stored<KindMap[K]> } }[] = [];
  private version = '';

  constructor(kind: K) {
    this.kind = kind;
    this.indexes = Object.entries(indexesOf(kind)).map(([name, of]) => ({ name, of, values: new Map() }));
  }

  get isEmpty(): boolean {
    return this.objects.size === 0;
  }

  get resourceVersion(): string {
    return this.version;
  }

  get(key: ObjectKey): Stored<KindMap[K]> | undefined {
    return this.objects.get(keyText(key));
  }

  getByUid(uid: string): Stored<KindMap[K]> | undefined {
    return this.uids.get(uid);
  }

  list(): readonly Stored<KindMap[K]>[] {
    return (this.listed ??= Object.freeze([...this.objects.values()]));
  }

  byIndex(name: string, value: string): readonly Stored<KindMap[K]>[] {
    const found = this.bucket(name, value);
    return found === undefined ? [] : found instanceof Set ? [...found] : [found];
  }

  anyByIndex(name: string, value: string): Stored<KindMap[K]> | undefined {
    const found = this.bucket(name, value);
    return found instanceof Set ? found.values().next().value : found;
  }

  private bucket(name: string, value: string): Bucket<Stored<KindMap[K]>> | undefined {
    const index = this.indexes.find((candidate) => candidate.name === name);
    if (!index) throw new Error(`kind ${this.kind} has no index "${name}"`);
    return index.values.get(value);
  }

  /** Takes one watch event and returns the change it makes here, or undefined when it changes nothing. */
  apply(type: ChangeType, object: Stored<KindMap[K]>): Change<Stored<KindMap[K]>> | undefined {
    const old = this.objects.get(keyText(keyOf(object)));
    this.remember(object.metadata.resourceVersion, { type, object });
    if (type === 'DELETED') {
      if (!old) return undefined;
      this.remove(old);
      return { type, object, old };
    }
    if (old?.metadata.resourceVersion === object.metadata.resourceVersion) return undefined;
    if (old) this.remove(old);
    this.insert(object);
    return old ? { type: 'MODIFIED', object, old } : { type: 'ADDED', object };
  }

  bookmark(version: string): void {
    if (version !== this.version) this.remember(version);
  }

  /** Replaces everything by a fresh list; returns what that changed. Older versions can no longer be resumed from. */
  replace(objects: readonly Stored<KindMap[K]>[], version: string): Change<Stored<KindMap[K]>>[] {
    const removed: Change<Stored<KindMap[K]>>[] = [];
    if (this.objects.size > 0) {
      const present = new Set(objects.map((object) => keyText(keyOf(object))));
      for (const old of this.list()) {
        if (present.has(keyText(keyOf(old)))) continue;
        this.remove(old);
        removed.push({ type: 'DELETED', object: old, old });
      }
    }
    const changes = this.take(objects);
    this.restart(version);
    return [...removed, ...changes];
  }

  /** Objects that are there, as a list has them; returns what that changed. */
  take(objects: readonly Stored<KindMap[K]>[]): Change<Stored<KindMap[K]>>[] {
    const changes: Change<Stored<KindMap[K]>>[] = [];
    for (const object of objects) {
      const old = this.objects.get(keyText(keyOf(object)));
      if (old?.metadata.resourceVersion === object.metadata.resourceVersion) continue;
      if (old) this.remove(old);
      this.insert(object);
      changes.push(old ? { type: 'MODIFIED', object, old } : { type: 'ADDED', object });
    }
    return changes;
  }

  /** The cache is now what the list of this version had. */
  restart(version: string): void {
    this.history = [];
    this.remember(version);
  }

  /** Events after a version that is still in the history, else undefined. */
  since(version: string): { type: ChangeType; object: Stored<KindMap[K]> }[] | undefined {
    if (version === this.version) return [];
    for (let index = this.history.length - 1; index >= 0; index--) {
      if (this.history[index]?.version !== version) continue;
      return this.history.slice(index + 1).flatMap(({ event }) => (event ? [event] : []));
    }
    return undefined;
  }

  private remember(version: string, event?: { type: ChangeType; object: Stored<KindMap[K]> }): void {
    this.version = version;
    this.history.push(event ? { version, event } : { version });
    if (this.history.length > HISTORY * 1.25) this.history = this.history.slice(-HISTORY);
  }

  private insert(object: Stored<KindMap[K]>): void {
    const key = keyText(keyOf(object));
    this.objects.set(key, object);
    this.uids.set(object.metadata.uid, object);
    for (const { of, values } of this.indexes) {
      for (const value of of(object)) {
        const bucket = values.get(value);
        if (bucket === undefined) values.set(value, object);
        else if (bucket instanceof Set) bucket.add(object);
        else values.set(value, new Set([bucket, object]));
      }
    }
    this.listed = undefined;
  }

  private remove(object: Stored<KindMap[K]>): void {
    const key = keyText(keyOf(object));
    this.objects.delete(key);
    this.uids.delete(object.metadata.uid);
    for (const { of, values } of this.indexes) {
      for (const value of of(object)) {
        const bucket = values.get(value);
        if (bucket === object) values.delete(value);
        else if (bucket instanceof Set) {
          bucket.delete(object);
          if (bucket.size === 0) values.delete(value);
        }
      }
    }
    this.listed = undefined;
  }
}
