/**
 * One socket of an agent, without any meaning: frames in order, `error` for malformed ones, life signs. What frames mean
 * is the handshake's and then the session's business.
 */
import { WebSocket, type RawData } from 'ws';
import type { Clock, Log } from '#controller/ports.js';
import type { ServerFrame, ServerFrames } from '#crds/wire/frames.js';
import { isMalformed, parseFrame, type Incoming } from './wire.js';

export interface Link {
  /** Nothing happens when the socket is no longer open. @param id pairs a question with its answer */
  send<T extends keyof ServerFrames>(type: T, payload: ServerFrames[T], id?: string): void;
  /** @param graceMs how long the other end may take to answer the close; default 5 s */
  close(code: number, reason: string, graceMs?: number): void;
  /** Frames in order of arrival, with their size; those that came before are handed over first. Without a handler they are kept. */
  onFrame(handler: ((incoming: Incoming, bytes: number) => void) | undefined): void;
  /** Called once; at once when the socket is closed already. */
  onClose(handler: (code: number) => void): void;
  isOpen(): boolean;
  /** Stops and continues reading: back pressure onto the agent. */
  pause(): void;
  resume(): void;
  /** Epoch milliseconds of the last sign of life. */
  lastHeard(): number;
  /** True when the other end answers within `ms`. */
  answers(ms: number): Promise<boolean>;
}

export interface LinkOptions {
  clock: Clock;
  log: Log;
  host: string;
  countMalformed: () => void;
}

/** Bytes an agent may leave unread: several plans of the largest size. */
const MAX_UNREAD = 8 * 1024 * 1024;
/** Half of what an agent waits for a word. */
const HERE_EVERY_MS = 10_000;
/** Frames kept while nobody takes them: between hello and welcome an agent has nothing to say. */
const MAX_EARLY = 100;

export function createLink(ws: WebSocket, { clock, log, host, countMalformed }: LinkOptions): Link {
  let handler: ((incoming: Incoming, bytes: number) => void) | undefined;
  let heard = clock.now();
  let closeCode: number | undefined;
  let held = false;
  let cancelHere = (): void => undefined;
  const early: { incoming: Incoming; bytes: number }[] = [];
  const closeHandlers: ((code: number) => void)[] = [];

  function send<T extends keyof ServerFrames>(type: T, payload: ServerFrames[T], id?: string): void {
    if (ws.bufferedAmount > MAX_UNREAD) {
      log.warn({ host, bytes: ws.bufferedAmount }, 'the agent does not read what it is sent: connection ended');
      ws.terminate();
      return;
    }
    if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify({ type, ...(id === undefined ? {} : { id }), payload } satisfies { type: T; id?: string; payload: ServerFrames[T] } as ServerFrame));
  }
  function take(data: RawData, isBinary: boolean): void {
    heard = clock.now();
    const incoming: Incoming = isBinary ? { malformed: 'binary frame', raw: null } : parseFrame((data as Buffer).toString('utf8'));
    if (isMalformed(incoming)) {
      countMalformed();
      log.warn({ host, problem: incoming.malformed, seq: incoming.seq }, 'malformed frame');
      send('error', { code: 'malformed_frame', message: incoming.malformed, ...(incoming.type === undefined ? {} : { frame: incoming.type }) });
    }
    const bytes = (data as Buffer).length;
    if (handler) handler(incoming, bytes);
    else if (early.push({ incoming, bytes }) > MAX_EARLY) ws.close(1008, 'too many frames before welcome');
  }
  /** Who is not read from hears no answer to its pings, and would take us for gone. */
  function sayWeAreHere(): void {
    cancelHere = clock.setTimer(HERE_EVERY_MS, () => {
      if (ws.readyState !== WebSocket.OPEN) return;
      ws.ping();
      sayWeAreHere();
    });
  }
  ws.on('message', take);
  ws.on('pong', () => { heard = clock.now(); });
  ws.on('error', (error: Error & { code?: string }) => {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') { countMalformed(); log.warn({ host }, 'frame over 1 MiB: connection closed (1009)'); } else log.warn({ host, error: error.message }, 'agent socket failed');
  });
  ws.on('close', (code) => {
    closeCode = code;
    for (const each of closeHandlers.splice(0)) each(code);
  });

  return {
    send,
    close(code, reason, graceMs = 5000) {
      ws.close(code, reason.slice(0, 120));
      // A peer that never answers the close handshake must not hold the socket.
      const cancel = clock.setTimer(graceMs, () => { ws.terminate(); });
      ws.once('close', cancel);
    },
    onFrame(next) {
      handler = next;
      while (handler && early.length > 0) {
        const each = early.shift();
        if (each) handler(each.incoming, each.bytes);
      }
    },
    onClose(each) {
      if (closeCode === undefined) closeHandlers.push(each);
      else each(closeCode);
    },
    isOpen: () => ws.readyState === WebSocket.OPEN,
    pause() {
      ws.pause();
      if (!held) { held = true; sayWeAreHere(); }
    },
    resume() {
      held = false;
      cancelHere();
      ws.resume();
    },
    // While we do not listen, silence says nothing.
    lastHeard: () => (held ? clock.now() : heard),
    answers: (ms) => new Promise((resolve) => {
      if (ws.readyState !== WebSocket.OPEN) { resolve(false); return; }
      ws.resume();
      const finish = (answered: boolean) => {
        cancel();
        ws.off('pong', yes);
        ws.off('close', no);
        if (held) ws.pause();
        resolve(answered);
      };
      const yes = () => { finish(true); };
      const no = () => { finish(false); };
      const cancel = clock.setTimer(ms, no);
      ws.on('pong', yes);
      ws.on('close', no);
      ws.ping();
    }),
  };
}
