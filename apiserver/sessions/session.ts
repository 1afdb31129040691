/**
 * One connected agent, from welcome to close. It watches the objects of its host and sends what they ask for, and takes
 * the agent's reports. Nothing calls a session: it looks at objects, level-triggered, as a kubelet does.
 */
import { randomUUID } from 'node:crypto';
import { keyOf, keyText, type ObjectKey } from '#crds/meta.js';
import { NotFound } from '#crds/objectStore.js';
import type { Hello } from '#crds/wire/agentProtocol.gen.js';
import { closeCodes, HEARTBEAT_SECONDS, OFFLINE_AFTER_SECONDS, protocol, type SpooledType } from '#crds/wire/frames.js';
import { version } from '#crds/version.js';
import { decideJob } from './jobDecision.js';
import { createJobReports } from './jobReports.js';
import { openLedger } from './ledger.js';
import type { Link } from './link.js';
import { announceEnd, writeObserved } from './observed.js';
import { createPlanPush } from './planPush.js';
import { connectPatch, createHostStatusWriter, writeDisconnect } from './presence.js';
import { createReports, type QueuedFrame, type SpooledFrame } from './reports.js';
import { createRpcClient, type RpcCall } from './rpc.js';
import { signRevoked } from './signing.js';
import type { SessionContext, StoredHost, StoredJob } from './types.js';
import { isMalformed, type Incoming } from './wire.js';

export interface Session {
  readonly sessionID: string;
  readonly hostUid: string;
  readonly link: Link;
  hostChanged(host: StoredHost): void;
  jobChanged(job: StoredJob): void;
  /** A plan object changed: looks again if the plan could not be sent before. */
  planObjectsChanged(): void;
  /** The host is gone: says so, signed, and closes. */
  revoke(): void;
  /** Asks the agent. @throws RpcError */
  call: RpcCall;
  /** Resolves when no report of this session is still being taken. */
  stopped: Promise<void>;
}

export interface SessionStart {
  context: SessionContext;
  link: Link;
  host: StoredHost;
  hello: Hello;
  recordKey: boolean;
  /** False when the process is closing or another session took over: then a disconnect is not written. */
  reportsDisconnect: () => boolean;
}

const SPOOLED = new Set<string>(['job.started', 'job.log', 'job.finished', 'snapshots.report', 'repo.stats', 'spool.dropped'] satisfies SpooledType[]);
const CLOCK_SKEW_MS = 5 * 60_000;
const RETRY_MS = 1000;
/** How long after the backlog a run that hello did not name may still be told of, before it counts as lost. */
const SETTLE_MS = 3000;
const MAX_REFUSAL_EVENTS = 20;
const REFRESH_EVERY_MS = 60_000;

export function startSession({ context, link, host, hello, recordKey, reportsDisconnect }: SessionStart): Session {
  const { informers, clock, log, bus, records, recorder, pace, namespace } = context;
  const sessionID = randomUUID();
  const hostKey = keyOf(host);
  const hostName = hostKey.name;
  const hostUid = host.metadata.uid;

  const ledger = openLedger(records, hostUid, hello.spool);
  const jobReports = createJobReports(context, host, ledger, askForSnapshots);
  const knows = { named: new Set(hello.runningJobs), begun: new Set<string>(), offered: new Set<string>(), stopped: new Set<string>() };
  const plan = createPlanPush(context, link, hello);
  const hostStatus = createHostStatusWriter(context, hostKey, () => link.isOpen());
  const rpc = createRpcClient(link, hostName, clock);
  let refusals = 0;
  let askedForSnapshots = -Infinity;
  let settled = false;
  let cancelSettle = (): void => undefined;
  const inFlight = new Set<Promise<void>>();

  const reports = createReports({
    ledger,
    backlogLast: hello.spool.last >= hello.spool.first ? hello.spool.last : 0,
    async apply(frame, inBacklog) {
      // Noted before the object says Running, or it would look lost. What began before hello and is not named there is over.
      if (frame.type === 'job.started' && !inBacklog) knows.begun.add(frame.payload.identity.runID);
      await jobReports.apply(frame, inBacklog);
    },
    async deadLetter(frame, reason) {
      log.warn({ host: hostName, reason }, 'report refused for good');
      await records.deadLetter(hostKey, frame, reason);
      // The letters are all kept; a host that sends nothing else must not fill the store with Events.
      if (++refusals <= MAX_REFUSAL_EVENTS) recorder.event(host, 'Warning', 'ReportRefused', reason.slice(0, 1024));
    },
    ack: (seq) => { link.send('ack', { seq }); },
    finishBacklog: () => jobReports.finishBacklog(),
    onDrained() {
      evaluateJobs();
      cancelSettle = clock.setTimer(SETTLE_MS, () => {
        settled = true;
        evaluateJobs();
      });
    },
    onGap: () => { link.close(1002, 'spool sequence gap'); },
    congested: (yes) => { if (yes) link.pause(); else link.resume(); },
    log,
  });

  /** Once a minute at most: an agent that never gets it right must not be kept listing. */
  function askForSnapshots(): void {
    if (clock.now() - askedForSnapshots < REFRESH_EVERY_MS) return;
    askedForSnapshots = clock.now();
    rpc.call('snapshots.refresh', {}).catch((error: unknown) => { log.info({ host: hostName, error: String(error) }, 'the agent was asked for all its snapshots and did not say yes'); });
  }
  function evaluateJobs(): void {
    for (const job of informers.cache.byIndex('ResticJob', 'active', hostName)) evaluateJob(job);
  }
  function evaluateJob(job: StoredJob): void {
    if (!link.isOpen()) return;
    const step = decideJob(job, { ...knows, drained: reports.drained(), settled }, clock.now());
    switch (step.do) {
      case 'nothing': return;
      case 'run':
        knows.offered.add(step.frame.identity.runID);
        link.send('job.run', step.frame);
        log.info({ host: hostName, job: job.metadata.name }, 'job sent to agent');
        return;
      case 'stop':
        knows.stopped.add(step.frame.runID);
        link.send('job.stop', step.frame);
        return;
      case 'report':
        if (knows.stopped.has(step.observed.runID)) return;
        knows.stopped.add(step.observed.runID);
        if (step.stop) link.send('job.stop', step.stop);
        reportInItsPlace(job, step.observed.runID);
    }
  }
  /** Looks at the object itself first: the cache may not have the agent's own report yet. */
  async function endInItsPlace(key: ObjectKey): Promise<void> {
    const fresh = await context.store.get('ResticJob', key);
    const step = decideJob(fresh, { ...knows, drained: reports.drained(), settled }, clock.now());
    if (step.do !== 'report') return;
    const result = await writeObserved(context, hostName, fresh, step.observed);
    if (result === 'written') log.warn({ host: hostName, job: key.name, reason: step.observed.reason }, 'job ended in the place of its agent, which does not have it');
    announceEnd(context, key);
  }
  function reportInItsPlace(job: StoredJob, runID: string): void {
    const work = endInItsPlace(keyOf(job)).catch((error: unknown) => {
      if (error instanceof NotFound) return;
      log.warn({ host: hostName, job: job.metadata.name, error: String(error) }, 'cannot end a job the agent does not have; trying again');
      knows.stopped.delete(runID);
      clock.setTimer(RETRY_MS, evaluateJobs);
    }).finally(() => { inFlight.delete(work); });
    inFlight.add(work);
  }

  function take(incoming: Incoming): void {
    if (isMalformed(incoming)) { if (incoming.seq !== undefined) reports.push({ seq: incoming.seq, refused: incoming.malformed, raw: incoming.raw }); return; }
    if ('unknown' in incoming) { if (incoming.seq !== undefined) reports.push({ seq: incoming.seq, refused: `unknown type ${incoming.unknown}`, raw: incoming }); return; }
    if (SPOOLED.has(incoming.type)) {
      if (incoming.seq === undefined) link.send('error', { code: 'seq_missing', message: `${incoming.type} must carry seq`, frame: incoming.type });
      else reports.push(incoming as SpooledFrame & { seq: number } as QueuedFrame);
      return;
    }
    switch (incoming.type) {
      case 'job.progress': {
        const key = { namespace, name: incoming.payload.job };
        const job = informers.cache.get('ResticJob', key);
        if (job?.spec.hostRef.name === hostName) bus.publish({ type: 'progress', job: keyText(key), progress: incoming.payload });
        return;
      }
      case 'plan.applied': {
        const { revision, generation, stalled = [] } = incoming.payload;
        hostStatus.patch({ appliedRevision: revision, appliedGeneration: generation });
        for (const { schedule, message } of stalled) recorder.event(host, 'Warning', 'ScheduleStalled', `schedule ${schedule}: ${message}`);
        return;
      }
      case 'rpc.result':
        rpc.answer(incoming.id, incoming.payload);
        return;
      case 'error':
        log.warn({ host: hostName, ...incoming.payload }, 'the agent reports an error');
        return;
      default: // heartbeat and what later versions answer; the link has noted the sign of life
    }
  }

  let cancelWatchdog = (): void => undefined;
  function watchdog(): void {
    const silentFor = clock.now() - link.lastHeard();
    if (silentFor >= OFFLINE_AFTER_SECONDS * 1000) {
      log.warn({ host: hostName }, 'no heartbeat for 90 s: connection ended');
      link.close(1001, 'no heartbeat');
      return;
    }
    cancelWatchdog = clock.setTimer(OFFLINE_AFTER_SECONDS * 1000 - silentFor, watchdog);
  }

  const stopped = new Promise<void>((resolve) => {
    link.onClose((code) => {
      cancelWatchdog();
      cancelSettle();
      log.info({ host: hostName, code }, 'agent disconnected');
      if (reportsDisconnect()) void writeDisconnect(context, hostKey, sessionID, reportsDisconnect);
      void Promise.all([reports.stop(), ...inFlight]).then(() => { resolve(); });
    });
  });

  link.send('welcome', {
    protocolVersion: protocol.max, serverVersion: version, hostID: hostUid, hostName, storeEpoch: context.epoch, serverTime: new Date(clock.now()).toISOString(),
    serverPublicKey: context.signingKey.publicKeyBase64, heartbeatSeconds: HEARTBEAT_SECONDS, ...(context.nextPins ? { nextPins: [...context.nextPins] } : {}),
  });
  log.info({ host: hostName, version: hello.agentVersion, running: hello.runningJobs.length, spool: hello.spool }, 'agent connected');
  plan.evaluate(informers.cache.get('Host', hostKey) ?? host);
  hostStatus.patch(connectPatch(context, hello, sessionID, recordKey), pace);
  const skew = Date.parse(hello.clock) - clock.now();
  if (Math.abs(skew) > CLOCK_SKEW_MS) recorder.event(host, 'Warning', 'ClockSkew', `the clock of this host is ${String(Math.round(Math.abs(skew) / 1000))} s ${skew > 0 ? 'ahead of' : 'behind'} the server's`);
  link.onFrame(take);
  watchdog();

  return {
    sessionID, hostUid, link, stopped, call: rpc.call,
    hostChanged: (changed) => { plan.evaluate(changed); },
    jobChanged: evaluateJob,
    planObjectsChanged() {
      if (!plan.waiting()) return;
      const current = informers.cache.get('Host', hostKey);
      if (current) plan.evaluate(current);
    },
    revoke() {
      link.send('revoked', signRevoked(context.signingKey, hostUid, new Date(clock.now()).toISOString()));
      link.close(closeCodes.revoked, 'host deleted');
    },
  };
}
