/**
 * What one subscription of the live channel keeps between sockets: where a watch resumes, which line of a tail comes next.
 * A subscription outlives its sockets; it is told when one is lost and asked again what to send on the next.
 */
import type { LiveMessage, LiveRequest } from '#crds/wire/live.gen.js';

export type LinkState = 'connecting' | 'live' | 'stale';
/** The envelope every watched object has; stores narrow it to their kind. */
export interface WatchedObject { metadata: { name: string; uid: string; resourceVersion: string } }
export interface LogLine { seq: number; ts: string; stream: string; payload: string }

export interface WatchHandler {
  /** The whole set; replaces everything held before. */
  replace(items: WatchedObject[]): void;
  event(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: WatchedObject): void;
  state(state: LinkState): void;
  refused(code: string, message: string): void;
}
export interface TailHandler {
  /** Lines in order, each once. */
  lines(lines: LogLine[]): void;
  end(status: string): void;
  refused(code: string, message: string): void;
}
export type ProgressHandler = (job: string, progress: object) => void;
export interface ManifestsHandler {
  status(status: object): void;
  state(state: LinkState): void;
  refused(code: string, message: string): void;
}

export interface Subscription {
  /** What to send on a fresh socket; nothing when there is nothing left to ask. */
  request(): LiveRequest | undefined;
  receive(message: LiveMessage): void;
  disconnected(): void;
  resumed(): void;
  refused(code: string, message: string): void;
}

export function watchSubscription(id: string, kind: string, handler: WatchHandler): Subscription {
  let resourceVersion: string | undefined;
  let pages: WatchedObject[] = [];
  return {
    request: () => ({ type: 'watch', id, kind, ...(resourceVersion === undefined ? {} : { resourceVersion }) }),
    receive(message) {
      if (message.type === 'list') {
        pages.push(...message.items as WatchedObject[]);
        if (message.more) return;
        resourceVersion = message.resourceVersion;
        handler.replace(pages);
        pages = [];
        handler.state('live');
      } else if (message.type === 'event') {
        const object = message.object as WatchedObject;
        resourceVersion = object.metadata.resourceVersion;
        handler.event(message.event, object);
      } else if (message.type === 'gone') {
        resourceVersion = undefined;
        pages = [];
        handler.state('stale');
      }
    },
    disconnected() {
      pages = [];                          // a half-told list is no list
      if (resourceVersion !== undefined) handler.state('stale');
    },
    resumed() { if (resourceVersion !== undefined) handler.state('live'); },
    refused: (code, message) => { handler.refused(code, message); },
  };
}

export function tailSubscription(id: string, job: string, handler: TailHandler): Subscription {
  let last = 0;
  let over = false;
  return {
    request: () => (over ? undefined : { type: 'tail', id, job, from: last + 1 }),
    receive(message) {
      if (message.type === 'log') {
        const fresh = message.lines.filter((line) => line.seq > last);
        const final = fresh.at(-1);
        if (!final) return;
        last = final.seq;
        handler.lines(fresh);
      } else if (message.type === 'end') {
        over = true;
        handler.end(message.status);
      }
    },
    disconnected: () => undefined,
    resumed: () => undefined,
    refused: (code, message) => { handler.refused(code, message); },
  };
}

export function progressSubscription(id: string, handler: ProgressHandler): Subscription {
  return {
    request: () => ({ type: 'progress', id }),
    receive: (message) => { if (message.type === 'progress') handler(message.job, message.progress); },
    disconnected: () => undefined,
    resumed: () => undefined,
    refused: () => undefined,
  };
}

/** Each message is the whole state, so there is nothing to resume. */
export function manifestsSubscription(id: string, handler: ManifestsHandler): Subscription {
  let known = false;
  return {
    request: () => ({ type: 'manifests', id }),
    receive(message) {
      if (message.type !== 'manifests') return;
      known = true;
      handler.status(message.status);
      handler.state('live');
    },
    disconnected: () => { if (known) handler.state('stale'); },
    resumed: () => undefined,
    refused: (code, message) => { handler.refused(code, message); },
  };
}
