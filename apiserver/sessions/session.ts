/**
 * One connected agent, from welcome to close. It watches the objects of its host and sends what they ask for, and takes
 * the agent's reports. Nothing calls a session: it looks at objects, level-triggered, as a kubelet does.
 */
import { randomUUID } from 'node:crypto';
import { keyOf, keyText } from '#crds/meta.js';
import type { Hello } from '#crds/wire/agentProtocol.gen.js';
import { closeCodes, HEARTBEAT_SECONDS, OFFLINE_AFTER_SECONDS, protocol, type SpooledType } from '#crds/wire/frames.js';
import { version } from '#crds/version.js';
import { createHostJobs } from './hostJobs.js';
import { createJobReports } from './jobReports.js';
import { openLedger } from './ledger.js';
import type { Link } from './link.js';
import { createPlanPush } from './planPush.js';
import { connectPatch, createHostStatusWriter } from './presence.js';
import { FRAMES_PER_MINUTE, SNAPSHOTS_PER_MINUTE, type HostQuotas } from './quota.js';
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
  /** A plan object changed: looks again if the plan or a job could not be sent before. */
  planObjectsChanged(): void;
  /** The host is gone: says so, signed, and closes. */
  revoke(): void;
  /** Asks the agent. @throws RpcError */
  call: RpcCall;
  /** Resolves when nothing of this session is still being taken or written. */
  stopped: Promise<void>;
}

export interface SessionStart {
  context: SessionContext;
  link: Link;
  host: StoredHost;
  hello: Hello;
  quotas: HostQuotas;
  recordKey: boolean;
}

const SPOOLED = new Set<string>(['job.started', 'job.log', 'job.finished', 'snapshots.report', 'repo.stats', 'spool.dropped'] satisfies SpooledType[]);
const CLOCK_SKEW_MS = 5 * 60_000;
const MAX_REFUSAL_EVENTS = 20;
/** Of Host.status.stalledSchedules. */
const MAX_STALLED = 20;
const REFRESH_EVERY_MS = 60_000;
const SLOWED_EVERY_MS = 600_000;

export function startSession({ context, link, host, hello, quotas, recordKey }: SessionStart): Session {
  const { informers, clock, log, bus, records, recorder, pace, namespace } = context;
  const sessionID = randomUUID();
  const hostKey = keyOf(host);
  const hostName = hostKey.name;
  const hostUid = host.metadata.uid;

  const ledger = openLedger(records, hostUid, hello.spool);
  const epoch = ledger.restored === undefined ? context.epoch : `${context.epoch}.${ledger.restored}`;
  const jobReports = createJobReports(context, host, ledger, askForSnapshots);
  const jobs = createHostJobs(context, link, hostName, hello.runningJobs);
  // an agent that could not run a schedule may be a newer one now: it is given its plan again and says so anew
  const plan = createPlanPush(context, link, host.status?.stalledSchedules?.length ? { ...hello, appliedRevision: undefined } : hello, epoch);
  const hostStatus = createHostStatusWriter(context, hostKey, () => link.isOpen());
  const rpc = createRpcClient(link, hostName, clock);
  let refusals = 0;
  let askedForSnapshots = -Infinity;
  let willAsk = false;
  let slowedTold = -Infinity;
  /** Why the link is not read from now. */
  const holds = new Set<'congested' | 'quota'>();
  const timers = new Set<() => void>();

  const reports = createReports({
    ledger,
    backlogLast: hello.spool.last >= hello.spool.first ? hello.spool.last : 0,
    async apply(frame, inBacklog) {
      // Noted before the object says Running, or it would look lost. What began before hello and is not named there is over.
      if (frame.type === 'job.started' && !inBacklog) jobs.began(frame.payload.identity.runID);
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
    onDrained: () => { jobs.drained(); },
    onGap: () => { link.close(1002, 'spool sequence gap'); },
    congested: (yes) => { hold('congested', yes); },
    log,
  });

  function later(ms: number, work: () => void): void {
    const cancel = clock.setTimer(ms, () => { timers.delete(cancel); work(); });
    timers.add(cancel);
  }
  function hold(why: 'congested' | 'quota', yes: boolean): void {
    if (yes) holds.add(why);
    else holds.delete(why);
    if (holds.size > 0) link.pause();
    else link.resume();
  }
  /** A host over its quota is read from more slowly; nothing of it is lost, and nobody else waits. */
  function count(incoming: Incoming): void {
    const listed = !isMalformed(incoming) && !('unknown' in incoming) && incoming.type === 'snapshots.report' ? incoming.payload.snapshots.length + (incoming.payload.removed?.length ?? 0) : 0;
    const waits = { frames: quotas.frames.take(1), snapshots: listed === 0 ? 0 : quotas.snapshots.take(listed) };
    const wait = Math.max(waits.frames, waits.snapshots);
    if (wait === 0 || holds.has('quota')) return;
    hold('quota', true);
    later(wait, () => { hold('quota', false); });
    if (clock.now() - slowedTold < SLOWED_EVERY_MS) return;
    slowedTold = clock.now();
    const what = waits.snapshots > waits.frames ? `${SNAPSHOTS_PER_MINUTE} snapshots` : `${FRAMES_PER_MINUTE} frames`;
    log.warn({ host: hostName, what }, 'the agent sends more than its quota; it is read from more slowly');
    recorder.event(host, 'Warning', 'ReportsSlowed', `this host sends more than ${what} a minute; its reports are taken more slowly`);
  }

  /** Once a minute at most: an agent that never gets it right must not be kept listing. */
  function askForSnapshots(): void {
    if (willAsk) return;
    willAsk = true;
    later(Math.max(0, askedForSnapshots + REFRESH_EVERY_MS - clock.now()), () => {
      willAsk = false;
      askedForSnapshots = clock.now();
      rpc.call('snapshots.refresh', {}).catch((error: unknown) => { log.info({ host: hostName, error: String(error) }, 'the agent was asked for all its snapshots and did not say yes'); });
    });
  }

  function take(incoming: Incoming, bytes: number): void {
    count(incoming);
    if (isMalformed(incoming)) { if (incoming.seq !== undefined) reports.push({ seq: incoming.seq, refused: incoming.malformed, raw: incoming.raw }, bytes); return; }
    if ('unknown' in incoming) { if (incoming.seq !== undefined) reports.push({ seq: incoming.seq, refused: `unknown type ${incoming.unknown}`, raw: incoming }, bytes); return; }
    if (SPOOLED.has(incoming.type)) {
      if (incoming.seq === undefined) link.send('error', { code: 'seq_missing', message: `${incoming.type} must carry seq`, frame: incoming.type });
      else reports.push(incoming as SpooledFrame & { seq: number } as QueuedFrame, bytes);
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
        const shown = stalled.slice(0, MAX_STALLED).map(({ schedule: name, message }) => ({ name, message }));
        hostStatus.patch({ appliedRevision: revision, appliedGeneration: generation, stalledSchedules: shown.length > 0 ? shown : null });
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
      for (const cancel of timers) cancel();
      log.info({ host: hostName, code }, 'agent disconnected');
      void Promise.all([reports.stop(), jobs.stop(), hostStatus.stopped()]).then(() => { resolve(); });
    });
  });

  link.send('welcome', {
    protocolVersion: protocol.max, serverVersion: version, hostID: hostUid, hostName, storeEpoch: epoch, serverTime: new Date(clock.now()).toISOString(),
    serverPublicKey: context.signingKey.publicKeyBase64, heartbeatSeconds: HEARTBEAT_SECONDS, ...(context.nextPins ? { nextPins: [...context.nextPins] } : {}),
  });
  if (ledger.forgot) {
    log.warn({ host: hostName }, 'this server was put back to an older state: the agent sends its results of the last 30 days again');
    recorder.event(host, 'Warning', 'ServerRestored', 'this server was put back to an older state; the agent sends its results of the last 30 days again');
  }
  log.info({ host: hostName, version: hello.agentVersion, running: hello.runningJobs.length, spool: hello.spool }, 'agent connected');
  plan.evaluate(informers.cache.get('Host', hostKey) ?? host);
  hostStatus.patch(connectPatch(context, hello, sessionID, { recordKey, epoch }), pace);
  const skew = Date.parse(hello.clock) - clock.now();
  if (Math.abs(skew) > CLOCK_SKEW_MS) recorder.event(host, 'Warning', 'ClockSkew', `the clock of this host is ${String(Math.round(Math.abs(skew) / 1000))} s ${skew > 0 ? 'ahead of' : 'behind'} the server's`);
  link.onFrame(take);
  watchdog();

  return {
    sessionID, hostUid, link, stopped, call: rpc.call,
    hostChanged(changed) {
      plan.evaluate(changed);
      jobs.objectsChanged();
    },
    jobChanged: (job) => { jobs.evaluate(job); },
    planObjectsChanged() {
      jobs.objectsChanged();
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
