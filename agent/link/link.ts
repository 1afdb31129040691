/** The link to the server: becomes a host, stays connected, and passes frames between the socket and the parts that act. Owns no runs. */
import type { Low } from 'lowdb';
import { createActor, type ActorRefFrom } from 'xstate';
import type { JobIdentity, JobProgress, Revoked, Welcome } from '#crds/wire/agentProtocol.gen.js';
import { version } from '#crds/version.js';
import { REVOKED_CONTEXT, type ServerFrame } from '#crds/wire/frames.js';
import { announce, Denied } from '../install/announce.js';
import { enroll } from '../install/enroll.js';
import { verifyWith } from '../install/keys.js';
import type { Machine } from '../install/machine.js';
import type { AgentState, Identity } from '../install/state.js';
import { timestamp, type Clock } from '../clock.js';
import { messageOf, type Log } from '../log.js';
import type { PlanFile } from '../plan/planFile.js';
import type { Policy } from '../policy/policy.js';
import type { ResticProbe } from '../restic/capabilities.js';
import { RESULTS_KEPT_MS, type Journal } from '../runs/journal.js';
import type { Supervisor } from '../runs/supervisor.js';
import type { Spool } from '../spool/spool.js';
import { Connection } from './connection.js';
import { signedHello } from './hello.js';
import { KeepAlive } from './keepAlive.js';
import { linkMachine, type EnrolFailure, type LinkEnd, type LinkEvent } from './machine.js';
import { PlanTaker } from './planTaker.js';
import { SpoolPump } from './pump.js';
import { parsePin } from './pins.js';
import type { Rpc } from './rpc.js';
import { AddressRefused, ServerRefused, serverAddress, type ServerAddress } from './server.js';

export interface LinkOptions {
  identity: Identity;
  state: Low<AgentState>;
  machine: Machine;
  probe: ResticProbe;
  plan: PlanFile;
  spool: Spool;
  journal: Journal;
  supervisor: Supervisor;
  rpc: Rpc;
  policy: Policy;
  clock: Clock;
  log: Log;
  /** RM_SERVER; absent: the server that enrolled this agent. */
  server: string | undefined;
  token: string | undefined;
  /** RM_SERVER_CERT_PIN_SHA256, hex. */
  pins: readonly string[];
  allowPlaintext: boolean;
  /** The plan or the epoch changed. */
  onPlan(): void;
}

export type LinkState = 'enrolling' | 'connecting' | 'online' | 'waiting' | 'revoked' | 'denied' | 'failed';

export class Link {
  readonly #options: LinkOptions;
  readonly #actor: ActorRefFrom<ReturnType<typeof linkMachine>>;
  readonly #pump: SpoolPump;
  readonly #plans: PlanTaker;
  readonly #keepAlive = new KeepAlive();
  #connection: Connection | undefined;
  #resticVersion: string | undefined;
  #skewMs: number | undefined;
  #listeners: (() => void)[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#plans = new PlanTaker({ plan: options.plan, epoch: () => options.state.data.storeEpoch ?? '', clock: options.clock, log: options.log, onApplied: options.onPlan, onChange: () => { this.#changed(); } });
    this.#pump = new SpoolPump(options.spool, (error) => { options.log.error({ error: messageOf(error) }, 'the spool could not be sent'); });
    this.#actor = createActor(linkMachine({
      enrolled: () => options.identity.credentials.bearer !== undefined,
      enrol: async (signal, again) => this.#enrol(signal, again),
      connect: (emit) => this.#connect(emit),
      random: Math.random,
    }));
    let last = '';
    this.#actor.subscribe(({ context }) => {
      const { state } = this;
      if (state === 'waiting' && last !== 'waiting') options.log.warn({ reason: context.message, seconds: Math.round(context.delayMs / 1_000) }, 'not connected; trying again');
      last = state;
      this.#changed();
    });
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Called after each change of `state`, and when the server has everything. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get state(): LinkState {
    const { value } = this.#actor.getSnapshot();
    if (typeof value === 'object') return value.linked === 'online' ? 'online' : 'connecting';
    return value === 'deciding' || value === 'connecting' ? 'connecting' : value;
  }

  /** Why it is not connected. */
  get message(): string {
    return this.#actor.getSnapshot().context.message;
  }

  /** This clock minus the server's, ms; undefined when it was never heard. */
  get clockSkewMs(): number | undefined {
    return this.#skewMs;
  }

  /** Why the newest plan of the server is not in force. */
  get planProblem(): string | undefined {
    return this.#plans.problem;
  }

  start(): void {
    this.#actor.start();
  }

  stop(): void {
    this.#pump.stop();
    this.#connection = undefined;
    this.#actor.stop();
  }

  progress(report: JobProgress): void {
    if (this.#connection?.open) this.#connection.send('job.progress', report);
  }

  /** hello says which restic is here: another one needs another hello. @param version undefined when there is none */
  noticeRestic(version: string | undefined): void {
    if (this.#connection?.open && version !== this.#resticVersion) this.#actor.send({ type: 'reconnect' });
  }

  #address(): ServerAddress {
    const { credentials } = this.#options.identity;
    const url = this.#options.server ?? credentials.server;
    if (url === undefined) throw new AddressRefused('RM_SERVER is not set, and this agent belongs to no server yet');
    const pins = [...new Set([...this.#options.pins, ...(this.#options.pins.length > 0 || !this.#options.server ? credentials.pins ?? [] : [])])];
    return serverAddress(url, pins, this.#options.allowPlaintext);
  }

  async #enrol(signal: AbortSignal, again: boolean): Promise<void> {
    const { identity, machine, probe, token, pins, log } = this.#options;
    try {
      const address = this.#address();
      if (pins.length > 0 && !identity.credentials.pins) await identity.update({ pins: [...pins] });
      const restic = (await probe.find())?.version;
      if (token !== undefined && !again && identity.credentials.bearer === undefined) await enroll(address, token, machine, restic, identity);
      else await announce(address, machine, restic, identity, log, signal);
      log.info({ host: identity.credentials.hostID, server: address.base.origin }, 'enrolled');
    } catch (error) {
      throw enrolFailure(error, token !== undefined && !again);
    }
  }

  #connect(emit: (event: LinkEvent) => void): () => void {
    let address: ServerAddress;
    try {
      address = this.#address();
    } catch (error) {
      queueMicrotask(() => { emit({ type: 'lost', message: messageOf(error) }); });
      return () => undefined;
    }
    const { plan, supervisor, spool, identity, machine, probe, clock, state } = this.#options;
    const connection: Connection = new Connection({
      address,
      bearer: identity.credentials.bearer ?? '',
      log: this.#options.log,
      hello: async () => {
        const restic = await probe.find();
        this.#resticVersion = restic?.version;
        const applied = plan.current?.epoch === state.data.storeEpoch ? plan.current : undefined;
        return signedHello({
          machine,
          resticVersion: restic?.version,
          capabilities: restic?.capabilities ?? [],
          appliedRevision: applied?.revision,
          appliedGeneration: applied?.generation,
          runningJobs: supervisor.unfinished,
          spool: spool.range,
          storeEpoch: state.data.storeEpoch,
        }, identity.key, timestamp(clock.now()));
      },
      welcome: async (welcome) => this.#welcome(welcome, address),
      receive: async (frame) => this.#receive(frame, connection),
      refuseJob: async (identity, problem) => this.#refuseJob(identity, problem),
      onOpen: () => { this.#pump.start(connection); },
      onBroken: (silenceMs) => {
        if (this.#keepAlive.broke(silenceMs)) this.#options.log.info({ silentSeconds: Math.round(silenceMs / 1_000), askSeconds: (this.#keepAlive.everyMs ?? 0) / 1_000 }, 'something on the way ends silent connections: asking the server more often from now on');
      },
      keepAliveMs: this.#keepAlive.everyMs,
    }, emit);
    this.#connection = connection;
    return () => {
      this.#pump.stop();
      if (this.#connection === connection) this.#connection = undefined;
      connection.close();
    };
  }

  async #welcome(welcome: Welcome, address: ServerAddress): Promise<void> {
    const { identity, state, clock, log, journal, spool } = this.#options;
    const { credentials } = identity;
    this.#skewMs = clock.now() - (Date.parse(welcome.serverTime) || clock.now());
    if (credentials.serverPublicKey !== undefined && credentials.serverPublicKey !== welcome.serverPublicKey) log.warn({}, 'the server shows another key than the first time; only the first one may revoke this host');
    const nextPins = (welcome.nextPins ?? []).flatMap((pin) => parsePin(pin) ?? []).filter((pin) => credentials.pins && !credentials.pins.includes(pin));
    const change = {
      ...(credentials.serverPublicKey === undefined ? { serverPublicKey: welcome.serverPublicKey } : {}),
      ...(credentials.hostID === welcome.hostID && credentials.hostName === welcome.hostName ? {} : { hostID: welcome.hostID, hostName: welcome.hostName }),
      ...(nextPins.length > 0 ? { pins: [...(credentials.pins ?? []), ...nextPins] } : {}),
      ...(credentials.server === undefined ? { server: address.base.href } : {}),
    };
    if (Object.keys(change).length > 0) await identity.update(change);
    const before = state.data.storeEpoch;
    if (before !== welcome.storeEpoch) {
      if (before !== undefined) {
        const results = await journal.results(clock.now() - RESULTS_KEPT_MS);
        log.warn({ results: results.length }, 'the server was restored from another state: sending it the results of the last 30 days again');
        for (const finished of results) {
          if (!await spool.find('job.finished', ({ identity: { runID } }) => runID === finished.identity.runID)) await spool.append({ type: 'job.finished', payload: finished });
        }
      }
      state.data.storeEpoch = welcome.storeEpoch;
      // lost at a restart, the results are sent once more, which does no harm
      await state.write().catch((error: unknown) => { log.warn({ error: messageOf(error) }, 'state.json could not be written'); });
      this.#options.onPlan();
    }
    log.info({ host: welcome.hostName, server: address.base.origin, serverVersion: welcome.serverVersion, clockSkewMs: this.#skewMs }, 'connected');
  }

  async #receive(frame: ServerFrame, connection: Connection): Promise<LinkEnd | undefined> {
    const { supervisor, spool, log } = this.#options;
    switch (frame.type) {
      case 'plan.set':
        await this.#plans.take(frame.payload, connection);
        return undefined;
      case 'job.run': {
        const { identity, planGeneration, activeDeadlineSeconds, ...args } = frame.payload;
        if (supervisor.submit({ identity, planGeneration, activeDeadlineSeconds, args }) === 'known') await this.#tellResultAgain(identity.runID);
        return undefined;
      }
      case 'job.stop':
        await supervisor.stop(frame.payload.runID, frame.payload.reason ?? 'Cancelled');
        return undefined;
      case 'ack':
        await spool.acknowledge(frame.payload.seq);
        if (spool.unacknowledged === 0) this.#changed();
        return undefined;
      case 'rpc.request':
        // not awaited: the next frame need not wait for an answer that may take a minute
        void this.#options.rpc.answer(frame.payload, connection.gone).then((result) => { connection.send('rpc.result', result, frame.id); });
        return undefined;
      case 'update': {
        const refusal = this.#options.policy.updateRefusal;
        if (refusal !== undefined) log.warn({ version: frame.payload.version, reason: refusal }, 'refused an update');
        connection.send('error', refusal === undefined ? { code: 'unsupported', message: 'this agent cannot update itself; install the new version by hand', frame: 'update' } : { code: 'policy_refused', message: refusal, frame: 'update' });
        return undefined;
      }
      case 'revoked':
        return this.#revoked(frame.payload);
      case 'error':
        log.warn({ code: frame.payload.code, message: frame.payload.message, frame: frame.payload.frame }, 'the server reports an error');
        return undefined;
      case 'welcome':
      case 'refused':
        return undefined; // the connection's own
    }
  }

  /** The server asks for a run that is over: it has no result of it. One that is on its way already is not doubled. */
  async #tellResultAgain(runID: string): Promise<void> {
    const { journal, spool, log } = this.#options;
    if (!journal.isFinished(runID) || await spool.find('job.finished', (payload) => payload.identity.runID === runID)) return;
    const finished = (await journal.results(0)).findLast(({ identity }) => identity.runID === runID);
    if (!finished) return;
    log.info({ job: finished.identity.job, runID }, 'the server asks for a run that is over: telling its result again');
    await spool.append({ type: 'job.finished', payload: finished });
  }

  /** A job this agent cannot read, of a newer server: it fails by name, or the server would wait for it for ever (J5). */
  async #refuseJob(identity: JobIdentity, problem: string): Promise<void> {
    const { journal, supervisor, clock } = this.#options;
    if (journal.isKnown(identity.runID)) {
      await this.#tellResultAgain(identity.runID);
      return;
    }
    await supervisor.report({ identity, phase: 'Failed', reason: 'Unsupported', message: `agent ${version} cannot do this job (${problem}); a newer agent may`.slice(0, 4096), completionTime: timestamp(clock.now()), attempts: 0 });
  }

  /** Only the server that enrolled this agent can say it: everything else is a proxy's word. */
  #revoked({ hostID, time, signature }: Revoked): LinkEnd | undefined {
    const { identity, log } = this.#options;
    const { serverPublicKey, hostID: own } = identity.credentials;
    if (serverPublicKey === undefined || hostID !== own || !verifyWith(serverPublicKey, Buffer.from(`${REVOKED_CONTEXT}${hostID}\n${time}`), signature)) {
      log.warn({ hostID }, 'ignored a revocation that is not signed by the server of this host');
      return undefined;
    }
    return { type: 'revoked' };
  }
}

function enrolFailure(error: unknown, byToken: boolean): EnrolFailure {
  if (error instanceof Denied) return { message: error.message, denied: true };
  if (error instanceof AddressRefused) return { message: error.message, final: true };
  if (error instanceof ServerRefused) {
    const retryAfterMs = error.retryAfter === undefined ? undefined : error.retryAfter * 1_000;
    if (byToken && error.status === 410) return { message: 'the enrolment token is not valid: it is wrong, used or older than an hour; make a new one', final: true };
    return { message: `the server refused: ${error.message}`, final: error.status >= 400 && error.status < 500 && ![403, 408, 429].includes(error.status), retryAfterMs };
  }
  return { message: messageOf(error) };
}
