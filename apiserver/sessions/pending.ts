/**
 * /ws/agent/pending: an announced agent proves that it holds its key and waits to become a Host. Level-triggered from the
 * caches: whoever makes a Host with this fingerprint, now or before, has approved it.
 */
import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { keyOf } from '#crds/meta.js';
import type { EnrollmentRequest } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { closeCodes, HELLO_TIMEOUT_SECONDS } from '#crds/wire/frames.js';
import type { PendingEnrolled, PendingNonce, PendingSigned } from '#crds/wire/agentProtocol.gen.js';
import * as generated from '#crds/wire/agentProtocol.validate.gen.js';
import { fingerprintOf } from '#controller/runtime/indexes.js';
import type { CacheEvent } from '#controller/runtime/types.js';
import { verifySignature } from './signing.js';
import type { SessionContext, StoredHost } from './types.js';

export interface PendingAgents {
  /** @param id name or uid of the EnrollmentRequest; `pin` goes to the agent with its bearer */
  accept(ws: WebSocket, id: string, pin?: string): void;
  dispatch(event: CacheEvent): void;
  size(): number;
  close(): void;
}

const PING_MS = 30_000;
const signedIsValid = (generated as unknown as Record<string, (value: unknown) => boolean>)['PendingSigned'];

interface Waiting { ws: WebSocket; evaluate: () => void; fingerprint: string; uid: string }

export function createPendingAgents(context: SessionContext): PendingAgents {
  const { informers, store, namespace, clock, log, identity } = context;
  const waiting = new Map<string, Waiting>();    // by uid of the request

  async function findRequest(id: string): Promise<Stored<EnrollmentRequest> | undefined> {
    const cached = informers.cache.getByUid('EnrollmentRequest', id) ?? informers.cache.get('EnrollmentRequest', { namespace, name: id });
    if (cached) return cached;
    // Announced a moment ago: the cache may not have it yet.
    const { items } = await store.list('EnrollmentRequest', { namespace });
    return items.find(({ metadata }) => metadata.uid === id || metadata.name === id);
  }

  function hostWith(fingerprint: string): StoredHost | undefined {
    return informers.cache.byIndex('Host', 'fingerprint', fingerprint)[0];
  }

  function receiveSignature(ws: WebSocket): Promise<PendingSigned | undefined> {
    return new Promise((resolve) => {
      const finish = (signed: PendingSigned | undefined) => { cancel(); resolve(signed); };
      const cancel = clock.setTimer(HELLO_TIMEOUT_SECONDS * 1000, () => { finish(undefined); });
      ws.once('close', () => { finish(undefined); });
      ws.once('message', (data, isBinary) => {
        try {
          const value: unknown = isBinary ? undefined : JSON.parse((data as Buffer).toString('utf8'));
          finish(signedIsValid?.(value) ? value as PendingSigned : undefined);
        } catch { finish(undefined); }
      });
    });
  }

  async function attend(ws: WebSocket, id: string, pin: string | undefined): Promise<void> {
    const request = await findRequest(id);
    if (!request) { ws.close(closeCodes.expired, 'announcement unknown or expired'); return; }
    const nonce = randomBytes(32);
    const answer = receiveSignature(ws);
    ws.send(JSON.stringify({ type: 'nonce', nonce: nonce.toString('base64') } satisfies PendingNonce));
    const signed = await answer;
    if (!signed || !verifySignature(request.spec.publicKey, nonce, signed.signature)) {
      log.warn({ request: request.metadata.name }, 'announced agent did not prove its key');
      ws.close(closeCodes.refused, 'signature missing or wrong');
      return;
    }
    wait(ws, request, pin);
  }

  function wait(ws: WebSocket, request: Stored<EnrollmentRequest>, pin: string | undefined): void {
    const { uid } = request.metadata;
    const fingerprint = fingerprintOf(request.spec.publicKey);
    let issuing = false;
    let cancelExpiry = () => undefined as void;
    const evaluate = () => {
      if (issuing || ws.readyState !== WebSocket.OPEN) return;
      const current = informers.cache.getByUid('EnrollmentRequest', uid) ?? request;
      if (current.spec.denied === true || current.status?.phase === 'Denied') { ws.close(closeCodes.denied, 'denied'); return; }
      const host = hostWith(fingerprint);
      if (host) {
        issuing = true;
        void enrol(ws, host, pin).catch((error: unknown) => {
          issuing = false;
          log.error({ host: host.metadata.name, error: error instanceof Error ? error.message : String(error) }, 'cannot enrol an announced agent; trying again');
          clock.setTimer(1000, evaluate);
        });
        return;
      }
      const expires = Date.parse(current.status?.expiresTime ?? '');
      if (current.status?.phase === 'Expired' || expires <= clock.now()) { ws.close(closeCodes.expired, 'announcement expired'); return; }
      cancelExpiry();
      if (!Number.isNaN(expires)) cancelExpiry = clock.setTimer(Math.min(expires - clock.now(), 3_600_000), evaluate);
    };
    waiting.get(uid)?.ws.close(closeCodes.replaced, 'replaced by a newer connection');
    const entry: Waiting = { ws, evaluate, fingerprint, uid };
    waiting.set(uid, entry);
    let answered = true;
    let cancelPing = clock.setTimer(PING_MS, function ping() {
      if (!answered) { ws.terminate(); return; }
      answered = false;
      ws.ping();
      cancelPing = clock.setTimer(PING_MS, ping);
    });
    ws.on('pong', () => { answered = true; });
    ws.once('close', () => {
      cancelPing();
      cancelExpiry();
      if (waiting.get(uid) === entry) waiting.delete(uid);
    });
    evaluate();
  }

  async function enrol(ws: WebSocket, host: StoredHost, pin: string | undefined): Promise<void> {
    const bearer = await identity.issueBearer(host);
    const enrolled: PendingEnrolled = { type: 'enrolled', host_id: host.metadata.uid, bearer, server_public_key: context.signingKey.publicKeyBase64, ...(pin === undefined ? {} : { cert_pin_sha256: pin }) };
    ws.send(JSON.stringify(enrolled));
    ws.close(1000, 'enrolled');
    log.info({ host: keyOf(host).name }, 'announced agent enrolled');
  }

  return {
    accept(ws, id, pin) {
      ws.on('error', (error) => { log.warn({ error: error.message }, 'socket of an announced agent failed'); });
      attend(ws, id, pin).catch((error: unknown) => {
        log.error({ error: error instanceof Error ? error.message : String(error) }, 'announced agent cannot be attended to');
        ws.close(1011, 'server error');
      });
    },
    dispatch(event) {
      if (event.kind === 'EnrollmentRequest') {
        const entry = waiting.get(event.object.metadata.uid);
        if (event.type === 'DELETED') entry?.ws.close(closeCodes.expired, 'announcement expired');
        else entry?.evaluate();
      }
      if (event.kind === 'Host' && event.type !== 'DELETED') {
        const fingerprint = event.object.spec.enrollment?.fingerprint;
        if (fingerprint !== undefined) for (const entry of waiting.values()) if (entry.fingerprint === fingerprint) entry.evaluate();
      }
    },
    size: () => waiting.size,
    close() { for (const { ws } of waiting.values()) ws.close(1001, 'server is stopping'); },
  };
}
