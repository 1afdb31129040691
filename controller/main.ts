/**
 * Starts the reconcilers: caches in, queues, workers, writes out. They decide and write objects; they never call a session,
 * an agent or a person. Stopping lets the reconciles in flight end.
 */
import { keyOf, keyText, type ObjectKey } from '#crds/meta.js';
import type { ObjectStore, Writer } from '#crds/objectStore.js';
import { reconcileEnrollmentRequest } from './kinds/enrollmentRequest/reconcile.js';
import { watchLeases } from './kinds/host/leases.js';
import { reconcileHost } from './kinds/host/reconcile.js';
import { reconcileRepository } from './kinds/repository/reconcile.js';
import { jobLane } from './kinds/resticJob/lane.js';
import { reconcileResticJob } from './kinds/resticJob/reconcile.js';
import { reconcileSchedule } from './kinds/schedule/reconcile.js';
import { reconcileSourceGroup } from './kinds/sourceGroup/reconcile.js';
import type { Clock, Log, Outcomes } from './ports.js';
import { createCaughtUp } from './runtime/caughtUp.js';
import { nextFire } from './runtime/cron.js';
import { COLLECTORS, createCollector } from './runtime/gc.js';
import { describeError, parseKey, startLoop, type Loop } from './runtime/loop.js';
import { WorkQueue } from './runtime/queue.js';
import { createRecorder } from './runtime/recorder.js';
import type { CacheEvent, Controllers, Informers, ReconcileContext, Result } from './runtime/types.js';
import { wakeFor, type ReconciledKind } from './wiring.js';

export interface ControllerOptions {
  store: ObjectStore;
  informers: Informers;
  outcomes: Outcomes;
  /** Key of plan revisions and credential hashes. */
  planKey: Uint8Array;
  clock: Clock;
  log: Log;
  namespace: string;
  /** Name of this process in the events it writes. */
  gatewayName?: string;
  /** Owner references, ttl, history and event expiry; false where a controller-manager does it. */
  collectGarbage?: boolean;
}

/** How reconcilers sign their writes. */
export const controllerWriter: Writer = { principal: { name: 'system:controller', role: 'system' }, door: 'controller', fieldManager: 'restic-manager' };

const AGGREGATE_MS = 10_000;

/** Many workers where a fleet changes at once: a worker mostly waits for its write, and writes that wait together share one commit. */
const reconcilers: Record<ReconciledKind, { reconcile: (key: ObjectKey, ctx: ReconcileContext) => Promise<Result>; workers: number }> = {
  Host: { reconcile: reconcileHost, workers: 64 },
  Repository: { reconcile: reconcileRepository, workers: 2 },
  SourceGroup: { reconcile: reconcileSourceGroup, workers: 2 },
  Schedule: { reconcile: reconcileSchedule, workers: 2 },
  ResticJob: { reconcile: reconcileResticJob, workers: 64 },
  EnrollmentRequest: { reconcile: reconcileEnrollmentRequest, workers: 2 },
};

/** Runs until stopped. The informers are started when they are not yet; work begins once every kind was listed, with everything. */
export function startControllers(options: ControllerOptions): Controllers {
  const { store, informers, clock, log, namespace } = options;
  const { cache } = informers;
  const kinds = Object.keys(reconcilers) as ReconciledKind[];
  const caughtUp = createCaughtUp({ cache, clock });
  const recorder = createRecorder({ store, cache, clock, log, writer: controllerWriter, namespace, instance: options.gatewayName ?? '' });
  const ctx: ReconcileContext = {
    cache, store, clock, log, recorder, namespace, nextFire,
    outcomes: options.outcomes, planKey: options.planKey, writer: controllerWriter, startTime: clock.now(), caughtUp: caughtUp.wait,
  };

  const laneOfJob = (key: string): string => jobLane(cache.get('ResticJob', parseKey(key)), { cache, namespace }) ?? key;
  const queueOf = (kind: ReconciledKind): WorkQueue => new WorkQueue(kind === 'ResticJob' ? { clock, lane: laneOfJob } : { clock });
  const queues: Record<ReconciledKind, WorkQueue> = { Host: queueOf('Host'), Repository: queueOf('Repository'), SourceGroup: queueOf('SourceGroup'), Schedule: queueOf('Schedule'), ResticJob: queueOf('ResticJob'), EnrollmentRequest: queueOf('EnrollmentRequest') };
  const garbage = options.collectGarbage === false ? undefined : new WorkQueue({ clock });
  const collector = garbage && createCollector(ctx, garbage);
  const leases = watchLeases({ cache, clock, wakeGateway: (gateway) => { for (const host of cache.byIndex('Host', 'gateway', gateway)) queues.Host.add(keyText(keyOf(host))); } });

  const wake = {
    now: (kind: ReconciledKind, name: string): void => { queues[kind].add(keyText({ namespace, name })); },
    soon: (kind: 'SourceGroup' | 'Schedule', name: string): void => { queues[kind].addThrottled(keyText({ namespace, name }), AGGREGATE_MS); },
  };
  const onChange = (event: CacheEvent): void => {
    caughtUp.onChange(event);
    leases.onChange(event);
    collector?.onChange(event);
    wakeFor(event, cache, namespace, wake);
  };

  const loops: Loop[] = [];
  let unsubscribe: () => void = () => undefined;
  let stopped = false;
  const begun = informers.start().then(() => {
    if (stopped) return;
    unsubscribe = informers.onChange(onChange);
    for (const kind of kinds) for (const object of cache.list(kind)) queues[kind].add(keyText(keyOf(object)));
    leases.resync();
    collector?.resync();
    for (const kind of kinds) {
      const { reconcile, workers } = reconcilers[kind];
      loops.push(startLoop({ name: kind, queue: queues[kind], workers, log, reconcile: (key) => reconcile(parseKey(key), ctx) }));
    }
    if (garbage && collector) loops.push(startLoop({ name: 'garbage', queue: garbage, workers: COLLECTORS, log, reconcile: (key) => collector.collect(key) }));
  });
  begun.catch((error: unknown) => { log.error({ error: describeError(error) }, 'the reconcilers could not start'); });

  return {
    async stop() {
      stopped = true;
      unsubscribe();
      leases.stop();
      caughtUp.stop();
      await Promise.all(loops.map((loop) => loop.stop()));
      await recorder.drained();
    },
    async idle() {
      await begun;
      const all = garbage ? [...Object.values(queues), garbage] : Object.values(queues);
      while (all.some((queue) => !queue.idle)) await Promise.all(all.map((queue) => queue.whenIdle()));
      await recorder.drained();
    },
  };
}
