/**
 * A watch that stays: first what is there (paged), then events, through connections that end or break, from the version seen last.
 * Bookmarks keep that version young. It ends with the signal, or with Gone when the version is too old or the reader too slow.
 */
import type { IncomingMessage } from 'node:http';
import { Gone, Invalid, StoreError, Unavailable, type WatchEvent, type WatchOptions } from '#crds/objectStore.js';
import type { Log } from '#controller/ports.js';
import { isRecord } from '../plainJson.js';
import type { Connection } from './connection.js';
import { watchError } from './errors.js';

export interface WatchSetup<T> {
  connection: Connection;
  path: string;
  options: WatchOptions;
  log: Log | undefined;
  /** Events a reader may be behind. */
  buffer: number;
  /** Everything there is, and its version. */
  list(): Promise<{ items: T[]; resourceVersion: string }>;
  /** An object as the store hands it out. */
  stored(value: unknown): T;
}

const RETRY_MS = { first: 100, most: 10_000 };
/** The server ends a watch after a time of its own; ours spreads the reconnects. */
const timeoutSeconds = (): string => String(300 + Math.floor(Math.random() * 300));

export function watch<T extends { metadata: { resourceVersion: string } }>(setup: WatchSetup<T>): AsyncIterable<WatchEvent<T>> {
  return { [Symbol.asyncIterator]: () => new Watcher(setup) };
}

class Watcher<T extends { metadata: { resourceVersion: string } }> implements AsyncIterator<WatchEvent<T>> {
  readonly #setup: WatchSetup<T>;
  readonly #queue: WatchEvent<T>[] = [];
  #version: string;
  #started = false;
  #ended = false;
  #failure: StoreError | undefined;
  #response: IncomingMessage | undefined;
  #wake: (() => void) | undefined;
  readonly #abort = (): void => { this.#finish(); };

  constructor(setup: WatchSetup<T>) {
    this.#setup = setup;
    this.#version = setup.options.resourceVersion ?? '';
  }

  async next(): Promise<IteratorResult<WatchEvent<T>>> {
    if (!this.#started) await this.#start();
    for (;;) {
      const event = this.#queue.shift();
      if (event !== undefined && !this.#ended) return { done: false, value: event };
      if (this.#failure !== undefined) {
        const failure = this.#failure;
        this.#failure = undefined;
        this.#finish();
        throw failure;
      }
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    }
  }

  return(): Promise<IteratorResult<WatchEvent<T>>> {
    this.#finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #start(): Promise<void> {
    this.#started = true;
    const { options: { signal, resourceVersion, bookmarks = false }, list } = this.#setup;
    if (signal?.aborted) { this.#finish(); return; }
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (resourceVersion !== undefined && !/^[0-9]*$/.test(resourceVersion)) {
      this.#finish();
      throw new Invalid(`resourceVersion: Invalid value: ${JSON.stringify(resourceVersion)}: a version is a number`);
    }
    if (resourceVersion === undefined || resourceVersion === '' || resourceVersion === '0') {
      try {
        const all = await list();
        this.#version = all.resourceVersion;
        for (const object of all.items) this.#queue.push({ type: 'ADDED', object });
        if (bookmarks) this.#queue.push({ type: 'BOOKMARK', resourceVersion: all.resourceVersion });
      } catch (error) {
        this.#finish();
        throw error;
      }
    }
    void this.#follow();
  }

  /** One connection after the other until the end. Never rejects: what ends the watch is kept for next(). */
  async #follow(): Promise<void> {
    const { log, path } = this.#setup;
    for (let wait = RETRY_MS.first; !this.#ended && this.#failure === undefined;) {
      try {
        if (await this.#connectOnce()) wait = RETRY_MS.first;
      } catch (error) {
        const failure = error instanceof StoreError ? error : new Unavailable(String(error), { cause: error });
        // The server is away or busy: it will be back. Anything else will not get better by asking again.
        if (!(failure.reason === 'Unavailable' || failure.reason === 'TooManyRequests')) { this.#fail(failure); return; }
        log?.debug({ path, why: failure.message }, 'watch broken off, trying again');
      }
      if (this.#over()) return;
      await this.#pause(wait * (0.5 + Math.random() / 2));
      wait = Math.min(wait * 2, RETRY_MS.most);
    }
  }

  #over(): boolean {
    return this.#ended || this.#failure !== undefined;
  }

  /** True when at least one event came. */
  async #connectOnce(): Promise<boolean> {
    const { connection, path, options: { labelSelector, fieldSelector } } = this.#setup;
    const response = await connection.stream({ method: 'GET', path, query: { watch: '1', allowWatchBookmarks: 'true', resourceVersion: this.#version, labelSelector, fieldSelector, timeoutSeconds: timeoutSeconds() } });
    if (this.#over()) { response.destroy(); return false; }
    this.#response = response;
    let rest = '';
    let any = false;
    try {
      for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (line !== '') { this.#take(JSON.parse(line) as unknown); any = true; }
        }
        if (this.#over()) break;
      }
    } catch (error) {
      if (error instanceof StoreError) throw error;
      if (!this.#over()) throw new Unavailable(`the watch of ${path} broke off: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    } finally {
      response.destroy();
      this.#response = undefined;
    }
    return any;
  }

  #take(line: unknown): void {
    if (!isRecord(line)) return;
    const { type, object } = line;
    if (type === 'ERROR') throw watchError(object);
    if (type === 'BOOKMARK') {
      const version = isRecord(object) && isRecord(object['metadata']) ? object['metadata']['resourceVersion'] : undefined;
      if (typeof version !== 'string') return;
      this.#version = version;
      if (this.#setup.options.bookmarks) this.#push({ type: 'BOOKMARK', resourceVersion: version });
      return;
    }
    if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return;
    const stored = this.#setup.stored(object);
    this.#version = stored.metadata.resourceVersion;
    this.#push({ type, object: stored });
  }

  #push(event: WatchEvent<T>): void {
    if (this.#queue.length >= this.#setup.buffer) {
      this.#queue.length = 0;
      this.#fail(new Gone(`this reader is more than ${this.#setup.buffer} events behind: list again`));
      this.#response?.destroy();
      return;
    }
    if (this.#over()) return;
    this.#queue.push(event);
    this.#stir();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const { signal } = this.#setup.options;
      function done(): void { clearTimeout(timer); signal?.removeEventListener('abort', done); resolve(); }
      timer.unref();
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  #fail(error: StoreError): void {
    this.#failure ??= error;
    this.#stir();
  }

  #finish(): void {
    this.#ended = true;
    this.#queue.length = 0;
    this.#setup.options.signal?.removeEventListener('abort', this.#abort);
    this.#response?.destroy();
    this.#stir();
  }

  #stir(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
