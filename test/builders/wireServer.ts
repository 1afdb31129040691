/**
 * The server's end of the agent protocol, for tests of the agent alone: it is the peer on the wire, told by each test what to
 * say. The real sessions meet the real agent in test/integration.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, verify, createPublicKey, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Hello, PlanSet } from '#crds/wire/agentProtocol.gen.js';
import { canonicalJson, closeCodes, HELLO_CONTEXT, REVOKED_CONTEXT, type AgentFrame, type AgentFrames, type ServerFrames } from '#crds/wire/frames.js';
import { until } from './agentParts.js';

export interface SeenFrame { type: string; seq?: number; payload: unknown }

/** One connection of an agent on /ws/agent. */
export class AgentSession {
  readonly ws: WebSocket;
  readonly hello: Hello;
  readonly frames: SeenFrame[] = [];

  constructor(ws: WebSocket, hello: Hello) {
    this.ws = ws;
    this.hello = hello;
  }

  send<T extends keyof ServerFrames>(type: T, payload: ServerFrames[T]): void {
    this.ws.send(JSON.stringify({ type, payload }));
  }

  of<T extends AgentFrame['type']>(type: T): AgentFrames[T][] {
    return this.frames.filter((frame) => frame.type === type).map(({ payload }) => payload as AgentFrames[T]);
  }
}

export class WireServer {
  readonly #http: Server;
  readonly #key = generateKeyPairSync('ed25519');
  readonly #sockets = new Set<WebSocket>();
  readonly sessions: AgentSession[] = [];
  /** Spooled frames, each number once, as the real server takes them. */
  readonly taken = new Map<number, SeenFrame>();
  readonly posts: { path: string; body: Record<string, unknown> }[] = [];
  readonly pending: WebSocket[] = [];
  /** What a new session is told first; `silent` never welcomes. */
  greeting: (session: AgentSession) => void = (session) => { this.welcome(session); };
  bearer = 'bearer-1';
  epoch = 'epoch-1';
  hostID = 'host-uid';
  acknowledges = true;
  /** Answer of POST; default: enrolled or pending. */
  answer: (path: string, body: Record<string, unknown>) => { status: number; body: unknown } | undefined = () => undefined;
  #port = 0;
  readonly #scheme: string;

  private constructor(http: Server, scheme: string) {
    this.#http = http;
    this.#scheme = scheme;
  }

  static async start(tls?: { key: string; cert: string }, port = 0): Promise<WireServer> {
    const http = tls ? createTlsServer(tls) : createServer();
    const server = new WireServer(http, tls ? 'https' : 'http');
    server.#serve();
    await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
    server.#port = (http.address() as AddressInfo).port;
    return server;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get publicKey(): string {
    return Buffer.from(this.#key.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
  }

  welcome(session: AgentSession): void {
    session.send('welcome', { protocolVersion: 1, serverVersion: 'test', hostID: this.hostID, hostName: 'web1', storeEpoch: this.epoch, serverTime: new Date().toISOString(), serverPublicKey: this.publicKey, heartbeatSeconds: 30 });
  }

  revoke(session: AgentSession, key: KeyObject = this.#key.privateKey): void {
    const time = new Date().toISOString();
    session.send('revoked', { hostID: this.hostID, time, signature: sign(null, Buffer.from(`${REVOKED_CONTEXT}${this.hostID}\n${time}`), key).toString('base64') });
  }

  /** The newest session, once there are `count` of them. */
  async session(count = this.sessions.length + 1): Promise<AgentSession> {
    return until(`session ${count}`, () => (this.sessions.length >= count ? this.sessions.at(-1) : undefined));
  }

  setPlan(session: AgentSession, set: PlanSet): void {
    session.send('plan.set', set);
  }

  of<T extends AgentFrame['type']>(type: T): AgentFrames[T][] {
    return [...this.taken.entries()].sort(([a], [b]) => a - b).map(([, frame]) => frame).filter((frame) => frame.type === type).map(({ payload }) => payload as AgentFrames[T]);
  }

  async finished(runID: string): Promise<AgentFrames['job.finished']> {
    return until(`result of ${runID}`, () => this.of('job.finished').find(({ identity }) => identity.runID === runID), 60_000);
  }

  dropAll(): void {
    for (const ws of this.#sockets) ws.terminate();
  }

  async close(): Promise<void> {
    this.dropAll();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #serve(): void {
    const wss = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    this.#http.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>;
        const path = request.url ?? '';
        this.posts.push({ path, body });
        const answer = this.answer(path, body) ?? this.#usualAnswer(path, body);
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    });
    this.#http.on('upgrade', (request, socket, head) => {
      if (request.url === '/ws/agent' && request.headers.authorization !== `Bearer ${this.bearer}`) {
        socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        return;
      }
      wss.handleUpgrade(request, socket, head, (ws) => {
        this.#sockets.add(ws);
        ws.on('close', () => this.#sockets.delete(ws));
        if (request.url?.startsWith('/ws/agent/pending')) this.#attend(ws, request);
        else this.#talk(ws);
      });
    });
  }

  #usualAnswer(path: string, body: Record<string, unknown>): { status: number; body: unknown } {
    const publicKey = String(body['public_key']);
    if (path === '/api/agents/enroll') return { status: 200, body: { host_id: this.hostID, agent_token: this.bearer, server_public_key: this.publicKey } };
    if (path === '/api/agents/announce') return { status: 202, body: { pending_id: createHash('sha256').update(publicKey).digest('hex').slice(0, 16), fingerprint: 'x', hostname_collision: false } };
    return { status: 404, body: { code: 'not_found', message: 'no such route' } };
  }

  #attend(ws: WebSocket, request: IncomingMessage): void {
    const nonce = randomBytes(32);
    ws.send(JSON.stringify({ type: 'nonce', nonce: nonce.toString('base64') }));
    ws.on('message', (data) => {
      const { signature } = JSON.parse((data as Buffer).toString('utf8')) as { signature: string };
      const announced = this.posts.findLast(({ path }) => path === '/api/agents/announce')?.body['public_key'];
      if (!verifyRaw(String(announced), nonce, signature)) ws.close(closeCodes.refused, `signature is wrong at ${request.url ?? ''}`);
      else this.pending.push(ws);
    });
  }

  accept(ws: WebSocket): void {
    ws.send(JSON.stringify({ type: 'enrolled', host_id: this.hostID, bearer: this.bearer, server_public_key: this.publicKey }));
  }

  #talk(ws: WebSocket): void {
    let session: AgentSession | undefined;
    ws.on('message', (data) => {
      const frame = JSON.parse((data as Buffer).toString('utf8')) as SeenFrame;
      if (!session) {
        session = new AgentSession(ws, frame.payload as Hello);
        this.sessions.push(session);
        this.greeting(session);
        return;
      }
      session.frames.push(frame);
      if (frame.seq === undefined) return;
      this.taken.set(frame.seq, frame);
      if (this.acknowledges) session.send('ack', { seq: frame.seq });
    });
  }
}

/** Is hello signed by the key it names? */
export function helloIsSigned({ signature, ...hello }: Hello): boolean {
  return verifyRaw(hello.publicKey, Buffer.from(HELLO_CONTEXT + canonicalJson(hello)), signature);
}

function verifyRaw(publicKey: string, data: Uint8Array, signature: string): boolean {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey, 'base64').toString('base64url') }, format: 'jwk' });
  return verify(null, data, key, Buffer.from(signature, 'base64'));
}
