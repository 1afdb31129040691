/** One socket to the server, from the dial to its end: hello, welcome, heartbeat, checked frames. Decides nothing about runs. */
import WebSocket from 'ws';
import type { AgentFrames, ServerFrame } from '#crds/wire/frames.js';
import { closeCodes, MAX_FRAME_BYTES } from '#crds/wire/frames.js';
import type { Hello, JobIdentity, Welcome } from '#crds/wire/agentProtocol.gen.js';
import { messageOf, type Log } from '../log.js';
import { readFrame } from './frames.js';
import { Liveness } from './liveness.js';
import type { LinkEnd, LinkEvent } from './machine.js';
import { at, type ServerAddress } from './server.js';

export interface ConnectionOptions {
  address: ServerAddress;
  bearer: string;
  hello(): Promise<Hello>;
  /** Before any other frame; resolves when what it told is durable. */
  welcome(welcome: Welcome): Promise<void>;
  /** Frames after welcome, in order: the next waits for this one. */
  receive(frame: ServerFrame): Promise<LinkEnd | undefined>;
  /** A job.run that this agent cannot read, but whose it is. */
  refuseJob(identity: JobIdentity, problem: string): Promise<void>;
  onOpen(connection: Connection): void;
  /** It broke without a word of the other end, nothing having passed for so long. */
  onBroken(silenceMs: number): void;
  /** Ask the server at least this often, ms. */
  keepAliveMs: number | undefined;
  log: Log;
}

const WELCOME_TIMEOUT_MS = 20_000;
/** RFC 6455: no close frame came. */
const CLOSED_WITHOUT_A_WORD = 1006;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #emit: (event: LinkEvent) => void;
  readonly #ws: WebSocket;
  #work: Promise<void> = Promise.resolve();
  #welcomed = false;
  #ended = false;
  readonly #liveness = new Liveness({ ping: () => { this.#ws.ping(); }, onSilent: () => { this.#end({ type: 'lost', message: 'the server fell silent' }); } });
  /** For the welcome, then for heartbeats. */
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #gone = new AbortController();

  constructor(options: ConnectionOptions, emit: (event: LinkEvent) => void) {
    this.#options = options;
    this.#emit = emit;
    this.#timers.push(setTimeout(() => { this.#end({ type: 'lost', message: 'the server did not welcome this agent in time' }); }, WELCOME_TIMEOUT_MS));
    this.#ws = new WebSocket(at(options.address, '/ws/agent', 'ws'), {
      agent: options.address.agent,
      headers: { authorization: `Bearer ${options.bearer}` },
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      handshakeTimeout: 15_000,
    });
    this.#listen();
  }

  /** Aborted when this connection ends: who asked over it hears no answer. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get open(): boolean {
    return this.#welcomed && !this.#ended && this.#ws.readyState === WebSocket.OPEN;
  }

  send<T extends keyof AgentFrames>(type: T, payload: AgentFrames[T], id?: string): void {
    if (this.#ended || this.#ws.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify({ type, ...(id === undefined ? {} : { id }), payload });
    this.#ws.send(text);
    if (this.#welcomed) this.#liveness.sent(text.length);
  }

  /** Sends the text of a spooled frame; resolves when the kernel has it, or the socket is gone. */
  async sendText(text: string): Promise<void> {
    await new Promise<void>((resolve) => { this.#ws.send(text, () => { resolve(); }); });
    if (this.open) this.#liveness.sent(text.length);
  }

  /** Ends it without a word to the machine. */
  close(): void {
    this.#over();
    this.#ws.close(1000);
    setTimeout(() => { this.#ws.terminate(); }, 2_000).unref();
  }

  #listen(): void {
    const ws = this.#ws;
    ws.on('open', () => {
      this.#enqueue(async () => { this.send('hello', await this.#options.hello()); });
    });
    ws.on('message', (data, isBinary) => {
      this.#liveness.heard();
      const text = isBinary ? '' : (data as Buffer).toString('utf8');
      this.#enqueue(async () => this.#take(text));
    });
    ws.on('ping', () => { this.#liveness.heard(); });
    ws.on('pong', () => { this.#liveness.heard(); });
    ws.on('unexpected-response', (request, response) => {
      request.destroy();
      response.resume();
      const status = response.statusCode ?? 0;
      if (status === 401) this.#end({ type: 'unauthorised', message: 'the server does not know the bearer of this agent' });
      else this.#end({ type: 'lost', message: `the server answered ${status} to the connection` });
    });
    ws.on('error', (error) => { this.#end({ type: 'lost', message: messageOf(error) }); });
    ws.on('close', (code, reason) => {
      if (this.#welcomed && !this.#ended && code === CLOSED_WITHOUT_A_WORD) this.#options.onBroken(this.#liveness.silenceMs);
      this.#enqueue(async () => { this.#end(endOf(code, reason.toString('utf8'))); });
    });
  }

  /** One frame after the other; a failure of one ends the connection, whose reconnect starts from what is durable. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (!this.#ended) await work();
    }).catch((error: unknown) => {
      this.#options.log.error({ error: messageOf(error) }, 'a frame of the server could not be taken');
      this.#end({ type: 'lost', message: messageOf(error) });
    });
  }

  async #take(text: string): Promise<void> {
    const read = readFrame(text);
    if (!read.ok) {
      if (read.ignored) {
        this.#options.log.debug({ type: read.type }, 'ignored a frame of a newer server');
        return;
      }
      this.#options.log.warn({ type: read.type, problem: read.message }, 'the server sent a malformed frame');
      this.send('error', { code: 'malformed', message: read.message, ...(read.type === '' ? {} : { frame: read.type }) });
      if (read.job && this.#welcomed) await this.#options.refuseJob(read.job, read.message);
      return;
    }
    const { frame } = read;
    if (frame.type === 'welcome') {
      if (this.#welcomed) return;
      this.#stopTimers();
      await this.#options.welcome(frame.payload);
      if (this.#ended) return;
      this.#welcomed = true;
      this.#beat(frame.payload.heartbeatSeconds * 1_000, this.#options.keepAliveMs);
      this.#emit({ type: 'welcomed' });
      this.#options.onOpen(this);
      return;
    }
    if (frame.type === 'refused') {
      this.#end(refusal(frame.payload.reason, frame.payload.message));
      return;
    }
    // a revocation may come in the place of a welcome; nothing else may
    if (!this.#welcomed && frame.type !== 'revoked') return;
    const end = await this.#options.receive(frame);
    if (end) this.#end(end);
  }

  #beat(everyMs: number, keepAliveMs = everyMs): void {
    this.#timers.push(setInterval(() => {
      this.send('heartbeat', { clock: new Date().toISOString() });
      this.#liveness.ask();
    }, everyMs));
    if (keepAliveMs < everyMs) this.#timers.push(setInterval(() => { this.#liveness.ask(); }, keepAliveMs));
  }

  #end(end: LinkEnd): void {
    if (this.#ended) return;
    this.#over();
    this.#ws.on('error', () => undefined);
    this.#ws.terminate();
    this.#emit(end);
  }

  #over(): void {
    this.#ended = true;
    this.#gone.abort();
    this.#stopTimers();
    this.#liveness.stop();
  }

  #stopTimers(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }
}

function refusal(reason: 'protocol_too_old' | 'protocol_too_new' | 'unauthorised' | 'duplicate_agent', message: string): LinkEnd {
  switch (reason) {
    case 'protocol_too_old': return { type: 'protocolRefused', message: `${message}; the schedules go on, install a newer agent` };
    case 'protocol_too_new': return { type: 'protocolRefused', message: `${message}; the schedules go on, update the server` };
    case 'unauthorised': return { type: 'unauthorised', message };
    case 'duplicate_agent': return { type: 'duplicate', message: duplicateWords(message) };
  }
}

function endOf(code: number, reason: string): LinkEnd {
  const said = reason === '' ? '' : `: ${reason}`;
  switch (code) {
    case closeCodes.duplicateAgent: return { type: 'duplicate', message: duplicateWords(reason) };
    case closeCodes.replaced: return { type: 'duplicate', message: `another connection of this host took this one's place${said}; if nobody moved this agent, a second copy of it runs somewhere` };
    default: return { type: 'lost', message: `the connection ended (${code}${said})` };
  }
}

function duplicateWords(said: string): string {
  return `another agent with this identity is connected${said === '' ? '' : ` (${said})`}; stop one of them, or enrol this one anew: delete its credentials.json`;
}
