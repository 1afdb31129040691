/**
 * The live channel: one WebSocket per tab carries every object watch, job progress and log tail (protocol: crds/wire/live).
 *
 *   connecting --list--> live --socket lost--> stale --open, resumed by resourceVersion--> live
 *                                                    --gone--> stale --list--> live
 *
 * What must stay true: a subscription outlives its sockets; a watch resumes after the last version it saw and starts over
 * when the server says gone; a tail resumes at the line after the last one, so a line is delivered once however often the
 * link breaks; the back-off starts anew only after the server has spoken.
 * Knows neither Vue nor the DOM: socket, timers and chance are parameters.
 */
import type { LiveMessage, LiveRequest } from '#crds/wire/live.gen.js';
import { manifestsSubscription, progressSubscription, tailSubscription, watchSubscription, type LinkState, type ManifestsHandler, type ProgressHandler, type Subscription, type TailHandler, type WatchHandler } from './subscriptions.js';

export type { LinkState, LogLine, ManifestsHandler, ProgressHandler, TailHandler, WatchedObject, WatchHandler } from './subscriptions.js';

export interface LiveSocket {
  send(data: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event?: { code: number }) => void) | null;
}

export interface LiveOptions {
  open(): LiveSocket;
  /** Asked when a socket closed before the server said anything: is the session still good? False: this page must log in again. */
  sessionGood(): Promise<boolean>;
  onSessionLost(): void;
  onState?(state: LinkState): void;
  random?(): number;
  setTimer?(run: () => void, ms: number): unknown;
  clearTimer?(timer: unknown): void;
}

export interface LiveClient {
  readonly state: LinkState;
  /** Each returns the function that ends the subscription. */
  watch(kind: string, handler: WatchHandler): () => void;
  tail(job: string, handler: TailHandler): () => void;
  progress(handler: ProgressHandler): () => void;
  manifests(handler: ManifestsHandler): () => void;
  /** Connects at once instead of waiting for the back-off: the network is back, or the machine woke up. */
  wake(): void;
  close(): void;
}

/** The server's close code for a session that ended or changed its role. */
const SIGNED_OUT = 4401;
/** Silence after which the page asks whether the other end is still there, and how long the answer may take. */
const QUIET_MS = 25_000;
const ANSWER_MS = 10_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;

/** Creates the client and connects at the first subscription. */
export function createLive(options: LiveOptions): LiveClient {
  const random = options.random ?? Math.random;
  const setTimer = options.setTimer ?? ((run, ms) => setTimeout(run, ms));
  const clearTimer = options.clearTimer ?? ((timer) => { clearTimeout(timer as ReturnType<typeof setTimeout>); });
  const subscriptions = new Map<string, Subscription>();
  let state: LinkState = 'connecting';
  let socket: LiveSocket | undefined;
  let opened = false;
  let retry: unknown;
  let pulse: unknown;
  let failures = 0;
  let closed = false;
  let nextID = 0;

  const setState = (next: LinkState): void => {
    if (state === next) return;
    state = next;
    options.onState?.(next);
  };
  const send = (request: LiveRequest | undefined): void => { if (opened && request) socket?.send(JSON.stringify(request)); };

  function connect(): void {
    if (closed || socket) return;
    clearTimer(retry);
    retry = undefined;
    const mine = options.open();
    let heard = false;
    socket = mine;
    mine.onopen = () => {
      opened = true;
      listenForSilence(mine);
      for (const subscription of subscriptions.values()) {
        send(subscription.request());
        subscription.resumed();
      }
      setState('live');
    };
    mine.onmessage = (event) => {
      heard = true;
      failures = 0;
      listenForSilence(mine);
      receive(event.data);
    };
    mine.onclose = (event) => {
      if (socket !== mine) return;
      const wasOpen = opened;
      clearTimer(pulse);
      socket = undefined;
      opened = false;
      if (closed) return;
      for (const subscription of subscriptions.values()) subscription.disconnected();
      if (state === 'live') setState('stale');
      if (heard && event?.code !== SIGNED_OUT) later();
      else void checkSession(wasOpen);
    };
  }

  /** A socket can look open long after the other end is gone (sleep, a changed network): silence is asked about, no answer is a loss. */
  function listenForSilence(mine: LiveSocket, quiet = QUIET_MS): void {
    clearTimer(pulse);
    pulse = setTimer(() => {
      if (socket !== mine) return;
      send({ type: 'ping', id: 'pulse' });
      pulse = setTimer(() => {
        mine.close();
        mine.onclose?.();
      }, ANSWER_MS);
    }, quiet);
  }

  /** A refused upgrade looks like a lost link to a page; only the session can tell them apart. */
  async function checkSession(wasOpen: boolean): Promise<void> {
    const good = await options.sessionGood();
    if (closed) return;
    if (!good) {
      close();
      options.onSessionLost();
    } else {
      if (!wasOpen) setState('stale');
      later();
    }
  }

  function later(): void {
    if (closed || socket || retry !== undefined) return;
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
    failures = Math.min(failures + 1, 16);
    retry = setTimer(() => { retry = undefined; connect(); }, Math.round(ceiling * (0.5 + random() / 2)));
  }

  function receive(data: unknown): void {
    const message = parseMessage(data);
    if (!message) return;
    if (message.type === 'error') {
      if (message.id !== undefined) subscriptions.get(message.id)?.refused(message.code, message.message);
      return;
    }
    if (message.type !== 'pong') subscriptions.get(message.id)?.receive(message);
  }

  function subscribe(make: (id: string) => Subscription): () => void {
    const id = `s${++nextID}`;
    const subscription = make(id);
    subscriptions.set(id, subscription);
    if (opened) {
      send(subscription.request());
      subscription.resumed();
    } else if (retry === undefined) connect();
    return () => {
      if (subscriptions.delete(id)) send({ type: 'stop', id });
    };
  }

  function close(): void {
    closed = true;
    clearTimer(retry);
    clearTimer(pulse);
    socket?.close();
    socket = undefined;
    opened = false;
    subscriptions.clear();
  }

  return {
    get state() { return state; },
    watch: (kind, handler) => subscribe((id) => watchSubscription(id, kind, handler)),
    tail: (job, handler) => subscribe((id) => tailSubscription(id, job, handler)),
    progress: (handler) => subscribe((id) => progressSubscription(id, handler)),
    manifests: (handler) => subscribe((id) => manifestsSubscription(id, handler)),
    wake() {
      failures = 0;
      if (!socket && subscriptions.size > 0) connect();
      else if (socket && opened) listenForSilence(socket, 0);
    },
    close,
  };
}

function parseMessage(data: unknown): LiveMessage | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const message = JSON.parse(data) as LiveMessage;
    return typeof message === 'object' && message !== null && typeof message.type === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
