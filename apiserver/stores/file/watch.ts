/**
 * Watches: a position in the history, a test, and what the watcher was shown. With a selector an object that stops
 * matching is shown as DELETED and one that starts to as ADDED, whatever happened to it.
 */
import { Gone, type WatchEvent, type WatchOptions } from '#crds/objectStore.js';
import type { Kind } from '#crds/kinds.js';
import { compileSelectors, type Matcher } from '../selectors.js';
import type { EagerIterator } from '../eager.js';
import { deepFreeze } from '../plainJson.js';
import type { AnyStored, Change, History } from './history.js';
import { list, parseVersion, type ListContext } from './list.js';

type Event = WatchEvent<AnyStored>;

export interface WatchContext {
  /** The state now; taken when the watch starts. */
  snapshot(): ListContext;
  history: History;
  version(): number;
  /** Resolves when reads are possible. */
  ready(): Promise<void>;
  /** Calls back about once a minute. Returns the cancel function. */
  onMinute(callback: () => void): () => void;
  /** Calls back when the store closes: watches end. Returns the cancel function; undefined: it is closed. */
  onClose(callback: () => void): (() => void) | undefined;
}

export function watch(context: WatchContext, kind: Kind, options: WatchOptions): AsyncIterable<Event> {
  return { [Symbol.asyncIterator]: () => new Watcher(context, kind, options) };
}

class Watcher implements EagerIterator<Event> {
  readonly #context: WatchContext;
  readonly #kind: Kind;
  readonly #options: WatchOptions;
  #matches: Matcher | undefined;
  /** Initial ADDED, then undefined. */
  #initial: AnyStored[] | undefined;
  #initialIndex = 0;
  #position: number | undefined;
  #bookmark = false;
  #ended = false;
  #stopTimer: (() => void) | undefined;
  #forgetClose: (() => void) | undefined;
  #wake: (() => void) | undefined;
  readonly #end = (): void => { this.#finish(); this.#wake?.(); };

  constructor(context: WatchContext, kind: Kind, options: WatchOptions) {
    this.#context = context;
    this.#kind = kind;
    this.#options = options;
  }

  async next(): Promise<IteratorResult<Event>> {
    try {
      if (this.#position === undefined) await this.#start();
      for (;;) {
        if (this.#ended) break;
        const event = this.take();
        if (event !== undefined) return { done: false, value: event };
        await this.#sleep();
      }
    } catch (error) {
      this.#finish();
      throw error;
    }
    this.#finish();
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<Event>> {
    this.#finish();
    this.#wake?.();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #start(): Promise<void> {
    const { history } = this.#context;
    const { signal, namespace, labelSelector, fieldSelector } = this.#options;
    this.#forgetClose = this.#context.onClose(this.#end);
    if (signal?.aborted === true || this.#forgetClose === undefined) { this.#ended = true; return; }
    signal?.addEventListener('abort', this.#end);
    const wanted = parseVersion(this.#options.resourceVersion);
    this.#matches = inNamespace(namespace, compileSelectors(this.#kind, labelSelector, fieldSelector));
    let version = wanted ?? 0;
    if (version === 0) {
      await this.#context.ready();
      const snapshot = this.#context.snapshot();
      this.#initial = list(snapshot, this.#kind, { namespace, labelSelector, fieldSelector }).items;
      version = snapshot.version;
      this.#bookmark = this.#options.bookmarks === true;
    } else if (version > this.#context.version()) {
      throw new Gone(`resourceVersion ${version} is newer than this store, which is at ${this.#context.version()}; list again`);
    } else if (version < history.floor(this.#kind)) {
      throw tooOld(version, history.floor(this.#kind));
    }
    this.#position = history.positionAfter(this.#kind, version);
    if (this.#options.bookmarks === true) this.#stopTimer = this.#context.onMinute(() => { this.#bookmark = true; this.#wake?.(); });
  }

  /** The next event that is there already. @throws Gone */
  take(): Event | undefined {
    if (this.#ended || this.#position === undefined) return undefined;
    if (this.#initial !== undefined) {
      const object = this.#initial[this.#initialIndex];
      this.#initialIndex += 1;
      if (object !== undefined) return { type: 'ADDED', object };
      this.#initial = undefined;
    }
    for (;;) {
      const position: number = this.#position;
      const change = this.#context.history.at(this.#kind, position);
      if (change === 'gone') throw tooOld(undefined, this.#context.history.floor(this.#kind));
      if (change === undefined) break;
      this.#position = position + 1;
      const event = eventOf(change, this.#matches);
      if (event !== undefined) return event;
    }
    if (!this.#bookmark) return undefined;
    this.#bookmark = false;
    return { type: 'BOOKMARK', resourceVersion: String(this.#context.version()) };
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#context.history.onChange(this.#kind, () => { this.#wake = undefined; resolve(); });
      this.#wake = () => { this.#wake = undefined; cancel(); resolve(); };
    });
  }

  #finish(): void {
    this.#ended = true;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#initial = undefined;
    this.#options.signal?.removeEventListener('abort', this.#end);
    this.#forgetClose?.();
  }
}

function eventOf(change: Change, matches: Matcher | undefined): Event | undefined {
  const was = change.before !== undefined && (matches?.(change.before) ?? true);
  const is = change.after !== undefined && (matches?.(change.after) ?? true);
  if (is && change.after !== undefined) return { type: was ? 'MODIFIED' : 'ADDED', object: change.after };
  if (!was || change.before === undefined) return undefined;
  if (change.after === undefined) return { type: 'DELETED', object: change.shown };
  // It left the selection: the last state that matched, under the version at which it left.
  return { type: 'DELETED', object: deepFreeze({ ...change.before, metadata: { ...change.before.metadata, resourceVersion: String(change.version) } }) as AnyStored };
}

function inNamespace(namespace: string | undefined, matches: Matcher | undefined): Matcher | undefined {
  if (namespace === undefined || namespace === '') return matches;
  return (object) => object.metadata.namespace === namespace && (matches?.(object) ?? true);
}

function tooOld(version: number | undefined, floor: number): Gone {
  return new Gone(version === undefined ? `too old resource version: this watch fell behind, changes up to ${floor} are no longer kept` : `too old resource version: ${version} (${floor})`);
}
