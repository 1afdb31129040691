/**
 * The agents connected to this process: lets them in one at a time per host, and carries changes of objects to the
 * session they concern. Two agents with one identity are told apart here (J9).
 */
import type { WebSocket } from 'ws';
import { NotFound } from '#crds/objectStore.js';
import { API_VERSION, SECRET_USE_LABEL } from '#crds/kinds.js';
import { keyOf, type ObjectKey } from '#crds/meta.js';
import { closeCodes, HELLO_TIMEOUT_SECONDS } from '#crds/wire/frames.js';
import type { Hello } from '#crds/wire/agentProtocol.gen.js';
import type { CacheEvent } from '#controller/runtime/types.js';
import { judgeHello } from './hello.js';
import { createLink, type Link } from './link.js';
import { RETURN_MS, returnMs, START_GRACE_MS, writeDisconnect } from './presence.js';
import { createHostQuotas, type HostQuotas } from './quota.js';
import { runnerToLook } from './lockedElsewhere.js';
import { offline } from './rpc.js';
import { startSession, type Session } from './session.js';
import { signRevoked } from './signing.js';
import type { AgentIdentity } from '../auth/identity.js';
import type { HostCall, SessionContext, StoredHost } from './types.js';
import { isMalformed } from './wire.js';

export interface Gateway {
  accept(ws: WebSocket, identity: AgentIdentity, bearer: string): void;
  dispatch(event: CacheEvent): void;
  holds(sessionID: string): boolean;
  size(): number;
  malformedFrames(): number;
  call: HostCall;
  close(): Promise<void>;
}

const DUPLICATE_PING_MS = 5000;
const DUPLICATE_TOLD_MS = 60_000;
/** More agents gone at a time than this, and it is the network, not they. */
const MANY = 20;
/** Deleted jobs remembered to prove whose a late report is. */
const MAX_GONE = 10_000;

interface Entry { session: Session; bearer: string; /** When a second agent was last told of. */ duplicateTold: number }

export function createGateway(context: SessionContext): Gateway {
  const { clock, log, store, informers, recorder, identity: authority } = context;
  const entries = new Map<string, Entry>();      // by host name
  const sessionIDs = new Set<string>();
  const links = new Set<Link>();
  const turns = new Map<string, Promise<void>>(); // one handshake at a time per host
  const leaving = new Map<string, Promise<void>>(); // by host name: what is still being taken of a closed session
  const departures = new Map<string, () => void>(); // by host name: ends the wait for an agent whose socket broke
  const quotas = new Map<string, HostQuotas>(); // by host name: a new connection is no new allowance
  let lastReturn = -Infinity;
  let malformed = 0;
  let closing = false;

  /** @returns undefined when the time is over or the socket closed */
  function waitForHello(link: Link): Promise<Hello | undefined> {
    return new Promise((resolve) => {
      const finish = (hello: Hello | undefined) => { cancel(); link.onFrame(undefined); resolve(hello); };
      const cancel = clock.setTimer(HELLO_TIMEOUT_SECONDS * 1000, () => {
        link.close(closeCodes.helloTimeout, 'no hello within 10 s');
        finish(undefined);
      });
      link.onClose(() => { finish(undefined); });
      link.onFrame((incoming) => {
        if ('unknown' in incoming || isMalformed(incoming)) return;
        if (incoming.type === 'hello') finish(incoming.payload);
        else link.send('error', { code: 'hello_expected', message: 'the first frame must be hello', frame: incoming.type });
      });
    });
  }

  async function currentHost({ host: key, hostUid }: AgentIdentity): Promise<StoredHost | undefined> {
    const cached = informers.cache.get('Host', key);
    if (cached?.metadata.uid === hostUid) return cached;
    try {
      const host = await store.get('Host', key);
      return host.metadata.uid === hostUid ? host : undefined;
    } catch (error) {
      if (error instanceof NotFound) return undefined;
      throw error;
    }
  }

  /** The old connection stays when it still answers. @returns whether the newcomer may go on */
  async function settleDuplicate(link: Link, host: StoredHost, hello: Hello): Promise<boolean> {
    const old = entries.get(host.metadata.name);
    if (!old) return true;
    if (old.session.link.isOpen() && await old.session.link.answers(DUPLICATE_PING_MS)) {
      log.warn({ host: host.metadata.name, hostname: hello.hostname }, 'second agent with the same identity refused');
      // One that dials without a pause must not fill the store.
      const tell = clock.now() - old.duplicateTold >= DUPLICATE_TOLD_MS;
      if (tell) old.duplicateTold = clock.now();
      if (tell) recorder.event(host, 'Warning', 'DuplicateAgent', `a second agent (host name ${hello.hostname}) connected with the identity of this host while the first one is alive; it was refused`);
      link.send('refused', { reason: 'duplicate_agent', message: 'another agent with this identity is connected' });
      link.close(closeCodes.duplicateAgent, 'duplicate agent');
      return false;
    }
    forget(host.metadata.name, old);
    old.session.link.close(closeCodes.replaced, 'replaced by a newer connection', 250);
    // Until the newcomer is in: it may go as well.
    depart(keyOf(host), closeCodes.replaced, old.session.stopped);
    return true;
  }
  function quotasOf(name: string): HostQuotas {
    const known = quotas.get(name) ?? createHostQuotas(clock);
    quotas.set(name, known);
    return known;
  }
  /** @returns whether it was the host's session until now */
  function forget(name: string, entry: Entry): boolean {
    sessionIDs.delete(entry.session.sessionID);
    return entries.get(name) === entry && entries.delete(name);
  }

  /** The agent of a host is gone, for good or for a moment. @param stopped what it still writes */
  function depart(key: ObjectKey, code: number, stopped: Promise<void>): void {
    const { name } = key;
    const since = clock.now();
    const wanted = (): boolean => !closing && !entries.has(name);
    const write = (): void => {
      departures.delete(name);
      void stopped.then(() => writeDisconnect(context, key, holds, wanted));
    };
    const wait = (): void => { departures.set(name, clock.setTimer(returnMs(code), look)); };
    const look = (): void => {
      const now = clock.now();
      // A fleet that comes back at once takes longer to be let in than one agent.
      if (departures.size > MANY && now - lastReturn < RETURN_MS && now - since < START_GRACE_MS) wait();
      else write();
    };
    if (closing) return;
    departures.get(name)?.();
    if (returnMs(code) === 0) write();
    else wait();
  }
  function comeBack(name: string): void {
    const cancel = departures.get(name);
    if (!cancel) return;
    cancel();
    departures.delete(name);
    lastReturn = clock.now();
  }
  const holds = (sessionID: string): boolean => sessionIDs.has(sessionID);

  async function admit(link: Link, identity: AgentIdentity, bearer: string, hello: Hello): Promise<void> {
    const host = await currentHost(identity);
    if (!host) {
      link.send('revoked', signRevoked(context.signingKey, identity.hostUid, new Date(clock.now()).toISOString()));
      link.close(closeCodes.revoked, 'host deleted');
      return;
    }
    const verdict = judgeHello(hello, host);
    if (!verdict.ok) {
      log.warn({ host: host.metadata.name, reason: verdict.refusal.reason, message: verdict.refusal.message }, 'agent refused');
      link.send('refused', verdict.refusal);
      link.close(closeCodes.refused, verdict.refusal.reason);
      return;
    }
    if (!await settleDuplicate(link, host, hello) || !link.isOpen() || closing) return;
    // Two sessions must not take one spool at the same time.
    await leaving.get(host.metadata.name);
    if (!link.isOpen()) return;
    const { name } = host.metadata;
    const session = startSession({ context, link, host, hello, quotas: quotasOf(name), recordKey: verdict.recordKey });
    const entry: Entry = { session, bearer, duplicateTold: -Infinity };
    entries.set(name, entry);
    sessionIDs.add(session.sessionID);
    comeBack(name);
    const gone = session.stopped.then(() => { if (leaving.get(name) === gone) leaving.delete(name); });
    leaving.set(name, gone);
    link.onClose((code) => { if (forget(name, entry)) depart(identity.host, code, session.stopped); });
  }

  function accept(ws: WebSocket, identity: AgentIdentity, bearer: string): void {
    const name = identity.host.name;
    const link = createLink(ws, { clock, log, host: name, countMalformed: () => { malformed += 1; } });
    links.add(link);
    link.onClose(() => { links.delete(link); });
    void (async () => {
      const hello = await waitForHello(link);
      if (!hello) return;
      const turn = (turns.get(name) ?? Promise.resolve()).then(() => admit(link, identity, bearer, hello)).catch((error: unknown) => {
        log.error({ host: name, error: error instanceof Error ? error.message : String(error) }, 'handshake failed');
        link.close(1011, 'server error');
      });
      turns.set(name, turn);
      await turn;
      if (turns.get(name) === turn) turns.delete(name);
    })();
  }

  /** A bearer that was replaced or deleted ends the session that came in with it. */
  async function recheckBearer(name: string): Promise<void> {
    const entry = entries.get(name);
    if (!entry) return;
    const identity = await authority.agentByBearer(entry.bearer);
    if (identity?.hostUid === entry.session.hostUid || !entry.session.link.isOpen()) return;
    if (!informers.cache.get('Host', { namespace: context.namespace, name })) return;   // the host went: `revoked` says it
    entry.session.link.send('refused', { reason: 'unauthorised', message: 'the credential of this agent was revoked' });
    entry.session.link.close(closeCodes.refused, 'unauthorised');
  }

  return {
    accept,
    dispatch(event) {
      switch (event.kind) {
        case 'Host': {
          if (event.type === 'DELETED') quotas.delete(event.object.metadata.name);
          const session = entries.get(event.object.metadata.name)?.session;
          if (!session) return;
          if (event.type === 'DELETED' ? event.object.metadata.uid === session.hostUid : event.object.metadata.uid !== session.hostUid) session.revoke();
          else session.hostChanged(event.object);
          return;
        }
        case 'ResticJob': {
          const { spec, metadata, status } = event.object;
          if (event.type !== 'DELETED') {
            entries.get(spec.hostRef.name)?.session.jobChanged(event.object);
            const runner = runnerToLook(event, context);
            if (runner !== undefined) entries.get(runner)?.session.call('locks.refresh', {}).catch((error: unknown) => { log.debug({ host: runner, error: String(error) }, 'the runner was asked for the locks of its repository and did not say yes'); });
            return;
          }
          if (status?.phase === undefined || status.phase === 'Queued') return;
          context.goneJobs.set(spec.startedBy === 'Agent' ? metadata.name : metadata.uid, spec.hostRef.name);
          if (context.goneJobs.size > MAX_GONE) for (const oldest of [...context.goneJobs.keys()].slice(0, MAX_GONE / 10)) context.goneJobs.delete(oldest);
          return;
        }
        case 'Secret': {
          const owner = event.object.metadata.ownerReferences?.find(({ apiVersion, kind }) => apiVersion === API_VERSION && kind === 'Host');
          if (owner && event.object.metadata.labels?.[SECRET_USE_LABEL] === 'bearer') { void recheckBearer(owner.name).catch((error: unknown) => { log.warn({ error: String(error) }, 'cannot check a bearer'); }); return; }
          break;
        }
        case 'SourceGroup': case 'Schedule': case 'Repository': break;
        default: return;
      }
      for (const { session } of entries.values()) session.planObjectsChanged();
    },
    holds,
    size: () => entries.size,
    malformedFrames: () => malformed,
    call: (hostName, method, params, rpcOptions) => entries.get(hostName)?.session.call(method, params, rpcOptions) ?? Promise.reject(offline(hostName)),
    async close() {
      closing = true;
      for (const cancel of departures.values()) cancel();
      for (const link of links) link.close(1001, 'server is stopping');
      await Promise.all([...leaving.values()]);
    },
  };
}
