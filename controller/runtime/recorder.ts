/**
 * Events (`kubectl describe` shows them): equal ones are counted in one object. Best effort: an event that cannot be
 * written is logged and forgotten, nothing waits for it.
 */
import { createHash } from 'node:crypto';
import { newObject } from '#crds/kinds.js';
import { AlreadyExists, NotFound, Conflict, type ObjectStore, type Writer } from '#crds/objectStore.js';
import type { Clock, Log } from '../ports.js';
import { describeError } from './loop.js';
import { timestamp } from './time.js';
import type { Cache, Recorder } from './types.js';

export interface DrainingRecorder extends Recorder {
  /** Resolves when what was recorded so far is written. */
  drained(): Promise<void>;
}

type About = Parameters<Recorder['event']>[0];

export function createRecorder({ store, cache, clock, log, writer, namespace, instance }: { store: ObjectStore; cache: Cache; clock: Clock; log: Log; writer: Writer; namespace: string; instance: string }): DrainingRecorder {
  /** Per event name: how many occurrences wait for the write in flight. */
  const waiting = new Map<string, { count: number; last: number }>();
  const writes = new Set<Promise<void>>();

  async function write(name: string, about: About, type: 'Normal' | 'Warning', reason: string, message: string, count: number, at: number): Promise<void> {
    const key = { namespace, name };
    const last = timestamp(at);
    const known = cache.get('Event', key);
    if (known) {
      const { metadata, ...rest } = known;
      try {
        await store.update('Event', { ...rest, metadata: { name, namespace }, count: (known.count ?? 1) + count, lastTimestamp: last, firstTimestamp: known.firstTimestamp ?? metadata.creationTimestamp }, writer);
        return;
      } catch (error) {
        if (!(error instanceof NotFound) && !(error instanceof Conflict)) throw error;
      }
    }
    try {
      await store.create('Event', newObject('Event', { name, namespace }, {
        involvedObject: { apiVersion: about.apiVersion, kind: about.kind, namespace: about.metadata.namespace ?? namespace, name: about.metadata.name, uid: about.metadata.uid },
        type, reason, message, count, firstTimestamp: last, lastTimestamp: last,
        source: { component: 'restic-manager' }, reportingComponent: 'restic-manager', reportingInstance: instance,
      }), writer);
    } catch (error) {
      if (!(error instanceof AlreadyExists)) throw error;
      const stored = await store.get('Event', key);
      await store.update('Event', { ...stored, count: (stored.count ?? 1) + count, lastTimestamp: last }, writer);
    }
  }

  async function drain(name: string, about: About, type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> {
    for (let next = waiting.get(name); next && next.count > 0; next = waiting.get(name)) {
      const { count, last } = next;
      next.count = 0;
      try {
        await write(name, about, type, reason, message, count, last);
      } catch (error) {
        log.warn({ event: name, reason, error: describeError(error) }, 'an event could not be written');
      }
    }
    waiting.delete(name);
  }

  return {
    event(object, type, reason, message) {
      const identity = createHash('sha256').update(JSON.stringify([object.kind, object.metadata.uid ?? '', type, reason, message])).digest('hex').slice(0, 16);
      const name = `${object.metadata.name.slice(0, 200)}.${identity}`;
      const now = clock.now();
      const pending = waiting.get(name);
      if (pending) {
        pending.count++;
        pending.last = now;
        return;
      }
      waiting.set(name, { count: 1, last: now });
      const run = drain(name, object, type, reason, message);
      writes.add(run);
      void run.finally(() => writes.delete(run));
    },
    async drained() {
      while (writes.size > 0) await Promise.all(writes);
    },
  };
}
