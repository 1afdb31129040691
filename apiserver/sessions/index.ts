/** Sessions of agents: /ws/agent and /ws/agent/pending. See session.ts for one connection, gateway.ts for how it gets in. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Writer } from '#crds/objectStore.js';
import { createRecorder } from '#controller/runtime/recorder.js';
import { MAX_FRAME_BYTES } from '#crds/wire/frames.js';
import { refuseUpgrade } from '../live/upgrade.js';
import { forgetDeleted } from './forget.js';
import { createGateway } from './gateway.js';
import { createPacer } from './pace.js';
import { createPendingAgents } from './pending.js';
import { START_GRACE_MS, sweepStale } from './presence.js';
import type { SessionContext, Sessions, SessionsOptions } from './types.js';

export { RpcError, type RpcMethods, type RpcOptions } from './rpc.js';
export type { BearerAuthority, HostCall, Sessions, SessionsOptions } from './types.js';

/** Not made in place: there it would keep the request of the upgrade as long as the socket. */
const ignore = (): void => undefined;

/** Status writes a second while everybody comes back. */
const CONNECT_WRITES_PER_SECOND = 500;

/** @param options.certPinSha256 SPKI pin handed to announced agents that come over the server's own TLS */
export function createSessions(options: SessionsOptions & { certPinSha256?: string }): Sessions {
  const { informers, identity, clock, log } = options;
  const context: SessionContext = {
    ...options,
    recorder: options.recorder ?? createRecorder({ store: options.store, cache: informers.cache, clock, log, namespace: options.namespace, instance: options.gatewayName, writer: { principal: { name: 'system:sessions', role: 'system' }, door: 'session', fieldManager: 'session' } }),
    pace: createPacer(CONNECT_WRITES_PER_SECOND, clock),
    writer: (hostName): Writer => ({ principal: { name: `system:host:${hostName}`, role: 'system' }, door: 'session', fieldManager: 'session' }),
    goneJobs: new Map(),
  };
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false });
  const gateway = createGateway(context);
  const pending = createPendingAgents(context);
  const forgetting = forgetDeleted(context);
  const unsubscribe = informers.onChange((event) => {
    pending.dispatch(event);
    gateway.dispatch(event);
  });
  const cancelSweep = clock.setTimer(START_GRACE_MS, () => { void sweepStale(context, gateway.holds); });

  async function upgradeAgent(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]?.trim();
    const agent = bearer === undefined ? undefined : await identity.agentByBearer(bearer);
    if (bearer === undefined || agent === undefined) { refuseUpgrade(socket, 401, 'unauthorised', 'no valid bearer token: enrol this agent'); return; }
    sockets.handleUpgrade(request, socket, head, (ws) => { gateway.accept(ws, agent, bearer); });
  }

  return {
    handleUpgrade(request, socket, head) {
      const url = new URL(request.url ?? '/', 'http://localhost');
      socket.on('error', ignore);
      if (url.pathname === '/ws/agent') {
        upgradeAgent(request, socket, head).catch((error: unknown) => {
          log.error({ error: error instanceof Error ? error.message : String(error) }, 'agent upgrade failed');
          refuseUpgrade(socket, 503, 'unavailable', 'try again later');
        });
        return;
      }
      const id = url.searchParams.get('id');
      if (url.pathname !== '/ws/agent/pending') { refuseUpgrade(socket, 404, 'not_found', 'no such socket'); return; }
      if (!id) { refuseUpgrade(socket, 400, 'bad_request', 'query parameter id is missing'); return; }
      sockets.handleUpgrade(request, socket, head, (ws) => { pending.accept(ws, id, 'encrypted' in request.socket ? options.certPinSha256 : undefined); });
    },
    call: gateway.call,
    onlineHosts: () => gateway.size(),
    stats: () => ({ sessions: gateway.size(), pending: pending.size(), malformedFrames: gateway.malformedFrames() }),
    async close() {
      cancelSweep();
      unsubscribe();
      forgetting.stop();
      pending.close();
      await gateway.close();
      sockets.close();
    },
  };
}
