/** An agent that does what a test says: signs its hello, sends raw frames, remembers what it got. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { WebSocket } from 'ws';
import type { Hello } from '#crds/wire/agentProtocol.gen.js';
import { canonicalJson, HELLO_CONTEXT, type AgentFrames, type ServerFrame, type ServerFrames } from '#crds/wire/frames.js';
import { until } from './until.js';

export interface AgentKey { privateKey: KeyObject; publicKey: string }

export function newAgentKey(): AgentKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, publicKey: Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64') };
}

export function signedHello(key: AgentKey, changes: Partial<Hello> = {}): Hello {
  const hello: Hello = {
    protocolVersion: 1, agentVersion: '0.0.0-dev', os: 'linux', arch: 'amd64', hostname: 'scripted', timeZone: 'UTC', clock: new Date().toISOString(),
    capabilities: [], runningJobs: [], spool: { first: 1, last: 0, id: 'spool-1' }, publicKey: key.publicKey, signature: '', ...changes,
  };
  const { signature, ...unsigned } = hello;
  return changes.signature === undefined ? { ...hello, signature: sign(null, Buffer.from(HELLO_CONTEXT + canonicalJson(unsigned)), key.privateKey).toString('base64') } : { ...hello, signature };
}

export interface ScriptedAgent {
  readonly frames: ServerFrame[];
  /** Close code, once closed. */
  readonly closed: number | undefined;
  /** HTTP status of a refused upgrade. */
  readonly refusedStatus: number | undefined;
  raw(data: string | Buffer): void;
  send<T extends keyof AgentFrames>(type: T, payload: AgentFrames[T], seq?: number): void;
  /** The next frame of a type not taken before. */
  next<T extends keyof ServerFrames>(type: T, timeoutMs?: number): Promise<ServerFrames[T]>;
  /** True when no such frame is waiting now. */
  none(type: keyof ServerFrames): boolean;
  untilClosed(timeoutMs?: number): Promise<number>;
  acked(seq: number): Promise<void>;
  /** Ends the socket without a close handshake. */
  kill(): Promise<void>;
  /** Ends it as an agent does that stops. */
  leave(): Promise<void>;
  /** The end stops answering pings but stays connected. */
  freeze(): void;
  /** And does again. */
  thaw(): void;
}

export async function dialAgent(port: number, bearer: string | undefined, hello?: Hello, onFrame?: (frame: ServerFrame) => void): Promise<ScriptedAgent> {
  const ws = new WebSocket(`ws://127.0.0.1:${String(port)}/ws/agent`, bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } });
  const frames: ServerFrame[] = [];
  const taken = new Set<ServerFrame>();
  let closed: number | undefined;
  let refusedStatus: number | undefined;
  ws.on('message', (data) => {
    const frame = JSON.parse((data as Buffer).toString('utf8')) as ServerFrame;
    frames.push(frame);
    onFrame?.(frame);
  });
  ws.on('close', (code) => { closed = code; });
  ws.on('error', () => undefined);
  ws.on('unexpected-response', (_request, response) => { refusedStatus = response.statusCode; closed = 1006; ws.terminate(); });
  await new Promise<void>((resolve) => { ws.once('open', resolve); ws.once('close', () => { resolve(); }); ws.once('unexpected-response', () => { resolve(); }); });
  const agent: ScriptedAgent = {
    frames,
    get closed() { return closed; },
    get refusedStatus() { return refusedStatus; },
    raw: (data) => { ws.send(data); },
    send: (type, payload, seq) => { ws.send(JSON.stringify({ type, payload, ...(seq === undefined ? {} : { seq }) })); },
    next: (type, timeoutMs) => until(`frame ${type}`, () => {
      const frame = frames.find((each) => each.type === type && !taken.has(each));
      if (!frame) return undefined;
      taken.add(frame);
      return frame.payload;
    }, timeoutMs) as Promise<never>,
    none: (type) => !frames.some((each) => each.type === type && !taken.has(each)),
    untilClosed: (timeoutMs) => until('socket closed', () => closed, timeoutMs),
    async acked(seq) { await until(`ack of ${String(seq)}`, () => frames.some((each) => each.type === 'ack' && each.payload.seq >= seq)); },
    async kill() {
      ws.terminate();
      await until('socket gone', () => closed !== undefined);
    },
    async leave() {
      ws.close(1000);
      await until('socket gone', () => closed !== undefined);
    },
    freeze: () => { ws.pause(); },
    thaw: () => { ws.resume(); },
  };
  if (hello) agent.send('hello', hello);
  return agent;
}
