/**
 * Browser channels: WS /api/live (object watches, progress, log tails on one socket) and WS /api/jobs/{id}/stream.
 * Whoever is signed out or loses a role loses open sockets too.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { SECRET_USE_LABEL } from '#crds/kinds.js';
import type { Principal } from '#crds/objectStore.js';
import type { LogLine } from '#crds/wire/logLines.js';
import type { StreamEnd, StreamProgress } from '#crds/wire/live.gen.js';
import { systemClock } from '#controller/runtime/clock.js';
import { isSameOrigin } from '../auth/sameOrigin.js';
import { findJobKey, READ_LOGS, serveLive } from './liveSocket.js';
import { createTab, liveCloseCodes, type Tab } from './tab.js';
import { tailJob } from './tail.js';
import type { Live, LiveContext, LiveOptions } from './types.js';
import { refuseUpgrade } from './upgrade.js';
import { createWatches } from './watches.js';

export type { Live, LiveOptions } from './types.js';

const MAX_REQUEST_BYTES = 64 * 1024;
/** Signed out by time, not by anybody: looked for this often. */
const RECHECK_MS = 60_000;
/** Secrets whose change may sign somebody out. */
const IDENTITY_USES = new Set(['user', 'token', 'api-token', 'signing-key']);
/** Characters of log sent before waiting for the socket. */
const STREAM_CHUNK = 256 * 1024;
const STREAM_PATH = /^\/api\/jobs\/([^/]+)\/stream$/;

export function createLive(options: LiveOptions): Live {
  const context: LiveContext = { ...options, clock: options.clock ?? systemClock, namespace: options.namespace ?? 'default' };
  const { informers, access, log, clock } = context;
  const sameOrigin = options.sameOrigin ?? ((request: IncomingMessage) => isSameOrigin(request, { trusted: [] }));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_REQUEST_BYTES, perMessageDeflate: false });
  const watches = createWatches(informers);
  const tabs = new Map<Tab, { request: IncomingMessage; principal: Principal }>();

  async function recheck(): Promise<void> {
    for (const [tab, { request, principal }] of tabs) {
      const now = await access.authenticate(request).catch((error: unknown) => {
        log.warn({ error: String(error) }, 'a browser session could not be checked');
        return principal;
      });
      if (now?.name !== principal.name || now.role !== principal.role) tab.close(liveCloseCodes.unauthenticated, 'signed out or role changed');
    }
  }
  let recheckWanted = false;
  function recheckSoon(): void {
    if (recheckWanted) return;
    recheckWanted = true;
    setImmediate(() => { recheckWanted = false; void recheck(); });
  }
  let cancelRecheck = clock.setTimer(RECHECK_MS, function again() {
    recheckSoon();
    cancelRecheck = clock.setTimer(RECHECK_MS, again);
  });
  const unsubscribe = informers.onChange((event) => {
    if (event.kind === 'Secret' && IDENTITY_USES.has(event.object.metadata.labels?.[SECRET_USE_LABEL] ?? '')) recheckSoon();
  });

  function serveStream(tab: Tab, id: string, from: number): void {
    const job = findJobKey(context, decodeURIComponent(id));
    if (!job) { tab.close(4404, 'no such job'); return; }
    const stop = tailJob(context, job, from, {
      async lines(lines: LogLine[]) {
        let unsent = 0;
        for (const [index, line] of lines.entries()) {
          const text = JSON.stringify(line);
          unsent += text.length;
          if (unsent < STREAM_CHUNK && index < lines.length - 1) { tab.send(text); continue; }
          if (!await tab.sendAndWait(text)) return false;
          unsent = 0;
        }
        return true;
      },
      progress(progress) {
        const { runID, errorCount, ...rest } = progress;
        tab.sendIfIdle(JSON.stringify({ type: 'progress', ...rest } satisfies StreamProgress));
      },
      end(status) {
        tab.send(JSON.stringify({ type: 'end', status } satisfies StreamEnd));
        tab.close(1000, 'job is over');
      },
    });
    tab.onClose(stop);
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const stream = STREAM_PATH.exec(url.pathname);
    if (url.pathname !== '/api/live' && !stream) { refuseUpgrade(socket, 404, 'not_found', 'no such socket'); return; }
    if (!sameOrigin(request)) { refuseUpgrade(socket, 403, 'cross_origin', 'this socket is for pages of this server'); return; }
    const principal = await access.authenticate(request);
    if (!principal) { refuseUpgrade(socket, 401, 'unauthenticated', 'sign in first'); return; }
    const from = Number(url.searchParams.get('from') ?? '1');
    if (stream) {
      const verdict = access.authorize(principal, READ_LOGS);
      if (!verdict.allowed) { refuseUpgrade(socket, 403, 'forbidden', verdict.reason); return; }
      if (!Number.isSafeInteger(from) || from < 0) { refuseUpgrade(socket, 400, 'bad_request', 'query parameter from must be a line number'); return; }
      if (!findJobKey(context, decodeURIComponent(stream[1] ?? ''))) { refuseUpgrade(socket, 404, 'not_found', 'no such job'); return; }
    }
    sockets.handleUpgrade(request, socket, head, (ws: WebSocket) => {
      const tab = createTab(ws, clock, context.maxBuffered);
      tabs.set(tab, { request, principal });
      tab.onClose(() => { tabs.delete(tab); });
      if (stream) serveStream(tab, stream[1] ?? '', Math.max(1, from));
      else serveLive(context, watches, ws, tab, principal);
    });
  }

  return {
    handleUpgrade(request, socket, head) {
      socket.on('error', () => undefined);
      upgrade(request, socket, head).catch((error: unknown) => {
        log.error({ error: error instanceof Error ? error.message : String(error) }, 'live upgrade failed');
        refuseUpgrade(socket, 503, 'unavailable', 'try again later');
      });
    },
    stats: () => ({ tabs: tabs.size, watches: watches.count() }),
    async close() {
      cancelRecheck();
      unsubscribe();
      watches.close();
      const gone = [...tabs.keys()].map((tab) => new Promise<void>((resolve) => { tab.onClose(resolve); }));
      for (const tab of tabs.keys()) tab.close(1001, 'server is stopping');
      await Promise.all(gone);
      sockets.close();
    },
  };
}
