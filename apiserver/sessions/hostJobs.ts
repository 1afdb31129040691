/**
 * The jobs of one connected host: looks at each as objects and knowledge change, and does what jobDecision says. A job that
 * cannot be put together now stays Offered, says so in an Event, and is looked at again when any object changes.
 */
import { keyOf, type ObjectKey } from '#crds/meta.js';
import { NotFound } from '#crds/objectStore.js';
import type { ResticJobObserved } from '#crds/types/resticJob.gen.js';
import { decideJob, type RunKnowledge } from './jobDecision.js';
import { makeJobRun } from './jobRun.js';
import type { Link } from './link.js';
import { announceEnd, writeObserved } from './observed.js';
import type { SessionContext, StoredJob } from './types.js';

const RETRY_MS = 1000;
/** How long after the backlog a run that hello did not name may still be told of, before it counts as lost. */
const SETTLE_MS = 3000;

export interface HostJobs {
  /** The agent says that it began this run, since hello. */
  began(runID: string): void;
  /** The backlog is taken: what the agent does not have now, it does not have, but for a last moment. */
  drained(): void;
  evaluate(job: StoredJob): void;
  /** Something that jobs are put together from may have changed. */
  objectsChanged(): void;
  /** Nothing more is begun; resolves when what was begun is done. */
  stop(): Promise<void>;
}

/** @param named run ids that hello named */
export function createHostJobs(context: SessionContext, link: Link, hostName: string, named: readonly string[]): HostJobs {
  const { informers, clock, log, recorder, store } = context;
  const knows = { named: new Set(named), begun: new Set<string>(), offered: new Set<string>(), stopped: new Set<string>() };
  const moments = { drained: false, settled: false };
  const knowledge = (): RunKnowledge => ({ ...knows, ...moments });
  /** By run id: why it could not be put together when it was last looked at. */
  const unsent = new Map<string, string>();
  const inFlight = new Set<Promise<void>>();
  let cancelSettle = (): void => undefined;

  function evaluateAll(): void {
    for (const job of informers.cache.byIndex('ResticJob', 'active', hostName)) evaluate(job);
  }
  function evaluate(job: StoredJob): void {
    if (!link.isOpen()) return;
    const step = decideJob(job, knowledge(), clock.now());
    if (step.do !== 'run') unsent.delete(runIDOf(job));
    switch (step.do) {
      case 'nothing': return;
      case 'run':
        send(job, step.runID);
        return;
      case 'stop':
        knows.stopped.add(step.frame.runID);
        link.send('job.stop', step.frame);
        return;
      case 'report':
        if (step.stop && !knows.stopped.has(step.observed.runID)) link.send('job.stop', step.stop);
        endSoon(job, step.observed.runID);
    }
  }

  function send(job: StoredJob, runID: string): void {
    const made = makeJobRun(context, job, runID);
    if (made.ok) {
      unsent.delete(runID);
      knows.offered.add(runID);
      link.send('job.run', made.frame);
      log.info({ host: hostName, job: job.metadata.name, type: job.spec.type }, 'job sent to agent');
    } else if (made.reason !== undefined) {
      endSoon(job, runID);
    } else if (unsent.get(runID) !== made.message) {
      unsent.set(runID, made.message);
      log.warn({ host: hostName, job: job.metadata.name, problem: made.message }, 'a job cannot be put together now; it is looked at again when objects change');
      recorder.event(job, 'Warning', 'NotSent', `not sent to host ${hostName} yet: ${made.message}`.slice(0, 1024));
    }
  }

  /** How a job ends that the agent does not have, looked at as it is in the store: the cache may not have the agent's own report yet. */
  function endOf(job: StoredJob): ResticJobObserved | undefined {
    const now = clock.now();
    const step = decideJob(job, knowledge(), now);
    if (step.do === 'report') return step.observed;
    const made = step.do === 'run' ? makeJobRun(context, job, step.runID) : undefined;
    if (made === undefined || made.ok || made.reason === undefined) return undefined;
    return { runID: runIDOf(job), phase: 'Failed', reason: made.reason, message: made.message, attempts: 0, completionTime: new Date(now).toISOString() };
  }
  async function endInItsPlace(key: ObjectKey): Promise<void> {
    const fresh = await store.get('ResticJob', key);
    const observed = endOf(fresh);
    if (observed === undefined) return;
    const result = await writeObserved(context, hostName, fresh, observed);
    if (result === 'written') log.warn({ host: hostName, job: key.name, reason: observed.reason }, 'job ended in the place of its agent, which does not have it');
    announceEnd(context, key);
  }
  function endSoon(job: StoredJob, runID: string): void {
    if (knows.stopped.has(runID)) return;
    knows.stopped.add(runID);
    const work = endInItsPlace(keyOf(job)).catch((error: unknown) => {
      if (error instanceof NotFound) return;
      log.warn({ host: hostName, job: job.metadata.name, error: String(error) }, 'cannot end a job the agent does not have; trying again');
      knows.stopped.delete(runID);
      clock.setTimer(RETRY_MS, evaluateAll);
    }).finally(() => { inFlight.delete(work); });
    inFlight.add(work);
  }

  return {
    began: (runID) => { knows.begun.add(runID); },
    drained() {
      moments.drained = true;
      evaluateAll();
      cancelSettle = clock.setTimer(SETTLE_MS, () => {
        moments.settled = true;
        evaluateAll();
      });
    },
    evaluate,
    objectsChanged() {
      if (unsent.size === 0) return;
      evaluateAll();
    },
    async stop() {
      cancelSettle();
      await Promise.all(inFlight);
    },
  };
}

function runIDOf({ metadata, status }: StoredJob): string {
  return status?.desiredRun?.id ?? status?.observed?.runID ?? metadata.uid;
}
