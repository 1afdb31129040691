/**
 * Live bus: publish/subscribe for what objects do not carry (job progress, log tails). In process here; a port so that
 * replicas can share one. Delivery is best effort and never blocks the publisher: durable truth is in records.
 */
import { EventEmitter } from 'node:events';
import type { JobProgress } from '#crds/wire/agentProtocol.gen.js';

export type BusMessage =
  /** There is more of the log in records. */
  | { type: 'log'; job: string }
  | { type: 'progress'; job: string; progress: JobProgress }
  | { type: 'end'; job: string };

export interface Bus {
  publish(message: BusMessage): void;
  /** `job` = namespace/name, or `*` for every job's progress. Returns the unsubscribe function. */
  subscribe(job: string, listener: (message: BusMessage) => void): () => void;
}

export function createBus(): Bus {
  const emitter = new EventEmitter().setMaxListeners(0);
  return {
    publish(message) {
      emitter.emit(message.job, message);
      emitter.emit('*', message);
    },
    subscribe(job, listener) {
      emitter.on(job, listener);
      return () => { emitter.off(job, listener); };
    },
  };
}
