/** Answers a WebSocket upgrade that is not let in, in the style of the operator API. */
import type { Duplex } from 'node:stream';

const reasons = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' } as const;

export function refuseUpgrade(socket: Duplex, status: keyof typeof reasons, code: string, message: string): void {
  const body = JSON.stringify({ code, message });
  socket.end(`HTTP/1.1 ${String(status)} ${reasons[status]}\r\nContent-Type: application/json\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\nConnection: close\r\n\r\n${body}`);
}
