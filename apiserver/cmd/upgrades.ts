/** Which room takes a WebSocket: agents' sessions or browsers' live channel. Everything else is refused before it costs anything. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export function routeUpgrades({ agents, browsers, isSameOrigin }: { agents: Upgrade; browsers: Upgrade; isSameOrigin: (request: IncomingMessage) => boolean }): Upgrade {
  return (request, socket, head) => {
    socket.on('error', () => { socket.destroy(); });
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (path === '/ws/agent' || path === '/ws/agent/pending') agents(request, socket, head);
    else if (path !== '/api/live' && !/^\/api\/jobs\/[^/]+\/stream$/.test(path)) refuse(socket, '404 Not Found');
    else if (!isSameOrigin(request)) refuse(socket, '403 Forbidden');
    else browsers(request, socket, head);
  };
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
