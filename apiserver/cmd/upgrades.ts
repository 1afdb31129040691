/**
 * Which room takes a WebSocket: agents' sessions or browsers' live channel. Everything else is refused before it costs anything.
 * Both decide from the caches: an agent that comes before those are full waits, or it would be told that its host is gone.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Informers } from '#controller/runtime/types.js';

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export function routeUpgrades({ agents, browsers, isSameOrigin, informers }: { agents: Upgrade; browsers: Upgrade; isSameOrigin: (request: IncomingMessage) => boolean; informers: Pick<Informers, 'start'> }): Upgrade {
  const later = (take: Upgrade): Upgrade => (request, socket, head) => { void informers.start().then(() => { if (!socket.destroyed) take(request, socket, head); }); };
  return (request, socket, head) => {
    socket.on('error', () => { socket.destroy(); });
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (path === '/ws/agent' || path === '/ws/agent/pending') later(agents)(request, socket, head);
    else if (path !== '/api/live' && !/^\/api\/jobs\/[^/]+\/stream$/.test(path)) refuse(socket, '404 Not Found');
    else if (!isSameOrigin(request)) refuse(socket, '403 Forbidden');
    else later(browsers)(request, socket, head);
  };
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
