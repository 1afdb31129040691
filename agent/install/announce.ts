/**
 * Enrolment without a token: the agent announces itself, proves that it holds its key, and waits until somebody makes a Host
 * with its fingerprint. The key stays on disk, so a restarted agent gets its pending entry again (E4).
 */
import WebSocket from 'ws';
import type { PendingEnrolled, PendingNonce } from '#crds/wire/agentProtocol.gen.js';
import { PendingEnrolled as isEnrolled, PendingNonce as isNonce } from '#crds/wire/agentProtocol.validate.gen.js';
import { closeCodes } from '#crds/wire/frames.js';
import { version } from '#crds/version.js';
import type { Log } from '../log.js';
import { at, postJson, type ServerAddress } from '../link/server.js';
import { accepted } from './enroll.js';
import { fingerprintOf, signWith } from './keys.js';
import type { Machine } from './machine.js';
import type { Identity } from './state.js';

/** An operator said no. */
export class Denied extends Error {
  override name = 'Denied';
}

const check = { nonce: isNonce as (value: unknown) => boolean, enrolled: isEnrolled as (value: unknown) => boolean };
/** A nonce is random bytes; nothing as long as a hello is ever signed here. */
const NONCE_LIMIT = 64;
const FRAME_LIMIT = 16 * 1024;
/** A waiting socket says nothing for hours; the server pings it. Without a ping for this long it is dead. */
const SILENCE_MS = 120_000;

/**
 * Announces and waits. Resolves when this agent was accepted and its credentials are on disk.
 * @throws Denied; ServerRefused; Error when the connection or the announcement ended: announce again
 */
export async function announce(address: ServerAddress, machine: Machine, resticVersion: string | undefined, identity: Identity, log: Log, signal: AbortSignal): Promise<void> {
  const reply = await postJson(address, '/api/agents/announce', {
    hostname: machine.hostname, os: machine.os, arch: machine.arch, agent_version: version, restic_version: resticVersion ?? '', public_key: identity.key.publicKey,
  });
  const { pending_id: pendingID } = reply;
  if (typeof pendingID !== 'string') throw new Error('the server answered the announcement without a pending id');
  const fingerprint = fingerprintOf(identity.key.publicKey);
  log.info({ hostname: machine.hostname, fingerprint, ...(reply['hostname_collision'] === true ? { collision: `another agent announced itself as ${machine.hostname}` } : {}) }, 'announced; waiting to be accepted: compare this fingerprint with the one the server shows');
  const enrolled = await waitForEnrolment(new WebSocket(at(address, `/ws/agent/pending?id=${encodeURIComponent(pendingID)}`, 'ws'), { agent: address.agent, perMessageDeflate: false, maxPayload: FRAME_LIMIT, handshakeTimeout: 15_000 }), identity, signal);
  await accepted(identity, { server: address.base.href, hostID: enrolled.host_id, bearer: enrolled.bearer, serverPublicKey: enrolled.server_public_key, pin: enrolled.cert_pin_sha256 });
}

async function waitForEnrolment(ws: WebSocket, identity: Identity, signal: AbortSignal): Promise<PendingEnrolled> {
  const onAbort = (): void => { ws.terminate(); };
  signal.addEventListener('abort', onAbort, { once: true });
  let silence: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => { ws.terminate(); }, SILENCE_MS);
  };
  try {
    return await new Promise<PendingEnrolled>((resolve, reject) => {
      heard();
      ws.on('ping', heard);
      ws.on('message', (data, isBinary) => {
        heard();
        const frame = isBinary ? undefined : parse((data as Buffer).toString('utf8'));
        if (check.nonce(frame)) {
          const nonce = Buffer.from((frame as PendingNonce).nonce, 'base64');
          if (nonce.length <= NONCE_LIMIT) ws.send(JSON.stringify({ type: 'signed', signature: signWith(identity.key, nonce) }));
        } else if (check.enrolled(frame)) resolve(frame as PendingEnrolled);
      });
      ws.on('error', reject);
      ws.on('close', (code, reason) => {
        if (code === closeCodes.denied) reject(new Denied(`the server's operator denied this agent (${fingerprintOf(identity.key.publicKey)}); ask for it to be accepted, then start the agent again`));
        else if (code === closeCodes.expired) reject(new Error('the announcement expired without being accepted'));
        else reject(new Error(`the connection ended while waiting to be accepted (${code}${reason.length > 0 ? ` ${reason.toString('utf8')}` : ''})`));
      });
    });
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', onAbort);
    ws.on('error', () => undefined);
    ws.close();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
