/**
 * One browser socket: sends, and notices when the tab is too slow. A slow tab is disconnected with what it needs to
 * resume (the versions it has seen); it never slows anyone else.
 */
import { WebSocket } from 'ws';
import type { Clock } from '#controller/ports.js';

/** Close codes of the live channel, beside RFC 6455's. */
export const liveCloseCodes = { unauthenticated: 4401, forbidden: 4403, tooSlow: 4008 } as const;
/** Unsent bytes a tab may have before it counts as too slow. */
export const MAX_BUFFERED = 4 * 1024 * 1024;
const PING_MS = 30_000;

export interface Tab {
  /** For events, which cannot wait: closes the tab (4008) when too much is unsent. */
  send(text: string): void;
  /** For pages and log lines, which can wait: resolves when written to the socket; false when it is closed. */
  sendAndWait(text: string): Promise<boolean>;
  /** For what may be lost (progress): sent only when the tab keeps up. */
  sendIfIdle(text: string): void;
  close(code: number, reason: string): void;
  isOpen(): boolean;
  onClose(handler: () => void): void;
}

export function createTab(ws: WebSocket, clock: Clock, maxBuffered: number = MAX_BUFFERED): Tab {
  const closeHandlers: (() => void)[] = [];
  let answered = true;
  let cancelPing = clock.setTimer(PING_MS, ping);
  function ping(): void {
    if (!answered) { ws.terminate(); return; }
    answered = false;
    ws.ping();
    cancelPing = clock.setTimer(PING_MS, ping);
  }
  ws.on('pong', () => { answered = true; });
  ws.on('error', () => undefined);   // close follows
  ws.on('close', () => {
    cancelPing();
    for (const handler of closeHandlers.splice(0)) handler();
  });
  const isOpen = (): boolean => ws.readyState === WebSocket.OPEN;
  function close(code: number, reason: string): void {
    if (!isOpen()) return;
    ws.close(code, reason.slice(0, 120));
    const cancel = clock.setTimer(5000, () => { ws.terminate(); });
    ws.once('close', cancel);
  }
  return {
    send(text) {
      if (!isOpen()) return;
      if (ws.bufferedAmount > maxBuffered) close(liveCloseCodes.tooSlow, 'too slow: resume from the last version you saw');
      else ws.send(text);
    },
    sendAndWait: (text) => new Promise((resolve) => {
      if (!isOpen()) { resolve(false); return; }
      ws.send(text, (error) => { resolve(!error && isOpen()); });
    }),
    sendIfIdle(text) { if (isOpen() && ws.bufferedAmount < maxBuffered / 4) ws.send(text); },
    close,
    isOpen,
    onClose(handler) { if (ws.readyState === WebSocket.CLOSED) handler(); else closeHandlers.push(handler); },
  };
}
