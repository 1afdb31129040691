/**
 * Puts the parts of one agent together, in the order that keeps its promises: what a crash left is ended first, then the cron
 * of the last plan runs, and only then somebody looks for the server.
 */
import { dirname, join } from 'node:path';
import { version } from '#crds/version.js';
import { systemClock, timestamp, type Clock } from './clock.js';
import type { AgentConfig } from './config.js';
import { Cron } from './cron/cron.js';
import { Network } from './cron/network.js';
import { nextFire } from './cron/nextFire.js';
import { privateDirectory, privateState, putAside, requirePrivateEnv } from './files.js';
import { fingerprintOf } from './install/keys.js';
import { describeMachine } from './install/machine.js';
import { Identity, openState } from './install/state.js';
import { lockState } from './install/stateLock.js';
import { Link } from './link/link.js';
import { Rpc, treeList } from './link/rpc.js';
import { messageOf, type Log } from './log.js';
import { PlanFile, stalledSchedules } from './plan/planFile.js';
import { processStartTime } from './platform/proc.js';
import { Policy } from './policy/policy.js';
import { ResticProbe } from './restic/capabilities.js';
import { ForgetLedger } from './restic/forgetLedger.js';
import { listTree } from './restic/tree.js';
import { Journal } from './runs/journal.js';
import { recover } from './runs/recover.js';
import { openForReading } from './runs/operations/open.js';
import { Refresh } from './runs/refresh.js';
import { RepositoryMemory } from './runs/repositoryFacts.js';
import { Supervisor } from './runs/supervisor.js';
import { withRoom } from './spool/reserve.js';
import { Spool } from './spool/spool.js';
import { StatusWriter, type AgentStatus } from './status.js';

/** SIGTERM gives a running restic this long to end by itself. */
export const STOP_GRACE_MS = 60_000;
/** Where there is no restic somebody may be installing it; another one is noticed by the next run at the latest. */
const RESTIC_LOOK_MS = { missing: 30_000, found: 600_000 };
/** After the last run ended, what it left to tell gets this long to reach the server; it is on disk anyway. */
const FLUSH_MS = 2_000;

export interface AgentOptions {
  config: AgentConfig;
  log: Log;
  clock?: Clock;
  openLimitMs?: number;
  /** Default one hour. */
  stuckAfterMs?: number;
}

export type AgentEnd = 'stopped' | 'revoked' | 'denied' | 'failed';

export interface Agent {
  /** Resolves when the agent ended, by stop() or because its server sent it away; `message` is for people. */
  readonly ended: Promise<{ end: AgentEnd; message: string }>;
  status(): AgentStatus;
  /** No new runs; a running one gets `graceMs`, then SIGINT. */
  stop(graceMs?: number): Promise<void>;
}

/** @throws NotPrivate, StateInUse, and the disk's errors, each naming its file */
export async function startAgent({ config, log, clock = systemClock, openLimitMs, stuckAfterMs }: AgentOptions): Promise<Agent> {
  const { stateDir } = config;
  await privateDirectory(stateDir);
  await requirePrivateEnv(join(dirname(config.configFile), 'agent.env'));
  const spoolDir = join(stateDir, 'spool');
  const release = await withRoom(spoolDir, async () => lockState(stateDir));
  try {
    await privateState(stateDir);
    const identity = await Identity.open(stateDir, log);
    if (identity.credentials.bearer === undefined && config.agentToken !== undefined) await identity.update({ bearer: config.agentToken, server: config.server });
    const state = await openState(stateDir, log);
    const plan = new PlanFile(stateDir, log);
    await plan.load(clock.now());
    await privateDirectory(join(stateDir, 'cache'));
    const spool = await Spool.open({ dir: spoolDir, log }, clock.now());
    const journal = await Journal.open(join(stateDir, 'journal.jsonl'), log, clock.now());
    const aside = await putAside(stateDir);
    if (aside.length > 0) log.warn({ directory: stateDir, files: aside }, 'these files could not be read once and were kept: look at them, then remove them');
    return run({ aside, config, log, clock, openLimitMs, stuckAfterMs, identity, state, plan, spool, journal, release });
  } catch (error) {
    await release();
    throw error;
  }
}

interface Parts extends AgentOptions {
  /** Names of what was set aside. */
  aside: string[];
  clock: Clock;
  identity: Identity;
  state: Awaited<ReturnType<typeof openState>>;
  plan: PlanFile;
  spool: Spool;
  journal: Journal;
  release(): Promise<void>;
}

function run(parts: Parts): Agent {
  const { config, log, clock, identity, state, plan, spool, journal } = parts;
  const { stateDir } = config;
  const machine = describeMachine(config.hostname);
  const probe = new ResticProbe(config.restic);
  const memory = new RepositoryMemory(state);
  const policy = new Policy(config, config.configFile);
  const refresh = new Refresh({
    plan, probe, spool, clock, log, stateDir, policy, memory, idle: () => supervisor.idle,
    async onListing(repositoryID, list, now) {
      if (!supervisor.idle) return; // a forget has the ledger open, and notes what it sees itself
      await (await ForgetLedger.open(stateDir, repositoryID)).see(list.map(({ id }) => id), () => false, now);
    },
  });
  const supervisor: Supervisor = new Supervisor({
    stateDir, journal, spool, plan, probe, log, clock, openLimitMs: parts.openLimitMs, stuckAfterMs: parts.stuckAfterMs,
    policy,
    epoch: () => state.data.storeEpoch,
    clockSkewMs: () => link.clockSkewMs,
    deletionProtection: (repositoryID) => memory.deletionProtection(repositoryID),
    learnedDeletion: (repositoryID, protection) => { refresh.learned(repositoryID, protection); },
    onProgress: (progress) => { link.progress(progress); },
    afterRun: (job, outcome, args) => { refresh.after(job, outcome, args); },
  });
  const rpc = new Rpc({
    'restic.version': async () => ({ version: (await probe.find())?.version ?? null }),
    'tree.list': treeList(async (params, signal) => listTree(await openForReading({ plan: plan.current?.plan, probe, stateDir, policy }), params, signal)),
    'locks.refresh': () => {
      refresh.want('locks');
      return Promise.resolve({});
    },
    'snapshots.refresh': async (_, signal) => {
      await refresh.whole(signal);
      return {};
    },
  }, clock, log);
  const link: Link = new Link({
    identity, state, machine, probe, plan, spool, journal, supervisor, rpc, policy, clock, log,
    server: config.server, token: config.token, pins: config.pins, allowPlaintext: config.allowPlaintext,
    onPlan: () => { supervisor.wake(); cron.look(); refresh.look(); },
  });
  const network: Network = new Network({
    clock, log,
    url: () => plan.current?.plan.repository?.url,
    linked: () => link.state === 'online',
    onChange: () => {
      cron.look();
      say.now();
    },
  });
  const cron: Cron = new Cron({
    next: nextFire, clock, log, timeZone: machine.timeZone,
    plan: () => plan.current?.plan,
    attemptOf: (schedule, group) => journal.attemptOf(schedule, group),
    countAs: (attempt) => { journal.countAs(attempt).catch((error: unknown) => { log.warn({ error: messageOf(error) }, 'the journal could not note that the clock was set'); }); },
    nextRunNumber: () => journal.nextRunNumber(),
    networkIsOpen: (awakeSince) => network.isOpen(awakeSince),
    isActive: (group) => supervisor.isActive(group),
    submit: (request) => { supervisor.submit(request); },
    coalesce: (group, attempts) => { supervisor.coalesce(group, attempts); },
  });

  let resticVersion: string | undefined;
  const say = new StatusWriter(stateDir, statusOf, log);
  let resolveEnd: (end: { end: AgentEnd; message: string }) => void = () => undefined;
  const ended = new Promise<{ end: AgentEnd; message: string }>((resolve) => { resolveEnd = resolve; });
  let stopping: Promise<void> | undefined;
  let resticTimer: NodeJS.Timeout | undefined;

  supervisor.onChange(() => { cron.look(); refresh.look(); say.now(); });
  link.onChange(() => {
    say.now();
    const { state: now } = link;
    if (now === 'online') refresh.connected();
    if ((now === 'revoked' || now === 'denied' || now === 'failed') && !stopping) void leave(now);
  });
  void lookForRestic().then(() => {
    if (resticVersion === undefined) log.warn({}, 'there is no restic on this host: the agent connects and says so, backups fail until it is installed');
    say.now();
  });
  // the link may come up while the repository's lock is still being looked at; new runs wait for that
  supervisor.hold(recover({ supervisor, journal, spool, plan, probe, clock, log, stateDir, policy, clockSkewMs: () => link.clockSkewMs, openLimitMs: parts.openLimitMs }));
  cron.look();
  refresh.start();
  link.start();
  say.now();

  /** Now, and from then on: the file is looked at, and restic asked only when it is another one. */
  async function lookForRestic(): Promise<void> {
    const before = resticVersion;
    resticVersion = (await probe.find())?.version;
    if (resticVersion !== before) say.now();
    link.noticeRestic(resticVersion);
    if (stopping) return;
    resticTimer = setTimeout(() => { void lookForRestic(); }, resticVersion === undefined ? RESTIC_LOOK_MS.missing : RESTIC_LOOK_MS.found).unref();
  }

  function statusOf(): AgentStatus {
    const { current } = plan;
    return {
      pid: process.pid,
      startTime: processStartTime(process.pid),
      time: timestamp(clock.now()),
      version,
      server: config.server ?? identity.credentials.server,
      host: identity.credentials.hostName ?? identity.credentials.hostID,
      fingerprint: fingerprintOf(identity.key.publicKey),
      link: link.state,
      linkMessage: link.state === 'online' || link.message === '' ? undefined : link.message,
      restic: resticVersion,
      policy: { ...policy.told, allowPlaintext: config.allowPlaintext },
      plan: current && { revision: current.revision, generation: current.generation, repository: current.plan.repository?.name, stalled: stalledSchedules(current.plan) },
      next: cron.upcoming().map(({ schedule, at }) => ({ schedule, at: at === undefined ? undefined : timestamp(at) })),
      catchUpWaits: network.why,
      planProblem: link.planProblem,
      setAside: parts.aside,
      running: supervisor.running.map(({ job }) => job),
      queued: supervisor.waiting,
      spool: { unacknowledged: spool.unacknowledged, bytes: spool.bytes },
    };
  }

  /** The server sent this agent away. */
  async function leave(end: 'revoked' | 'denied' | 'failed'): Promise<void> {
    const { message } = link;
    await stop(0);
    if (end === 'revoked') {
      await plan.wipe();
      await identity.wipe();
    }
    resolveEnd({ end, message: end === 'revoked' ? 'this host was removed from its server; its plan and credentials are wiped. Start the agent again to announce it anew' : message });
  }

  function stop(graceMs = STOP_GRACE_MS): Promise<void> {
    stopping ??= (async () => {
      clearTimeout(resticTimer);
      cron.stop();
      network.stop();
      await supervisor.close(graceMs);
      await refresh.stop();
      await flushed();
      link.stop();
      await spool.close();
      await journal.close();
      await say.last();
      await parts.release();
    })();
    return stopping;
  }

  async function flushed(): Promise<void> {
    const until = Date.now() + FLUSH_MS;
    while (link.state === 'online' && spool.unacknowledged > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  return {
    ended,
    status: statusOf,
    async stop(graceMs) {
      await stop(graceMs);
      resolveEnd({ end: 'stopped', message: 'stopped' });
    },
  };
}
