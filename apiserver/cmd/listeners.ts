/** The two sockets: plain HTTP and HTTPS. Both serve everything; what an address can refuse is said with the name of its variable. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ServerCertificate } from './certificates.js';
import type { Address } from './config.js';

export interface ListenOptions {
  http: Address;
  https: Address;
  certificate: ServerCertificate;
  onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export interface Listeners {
  /** Host and port as a client on this machine reaches them, e.g. `127.0.0.1:8080`. */
  http: string;
  https: string;
  httpPort: number;
  /** Takes no new connection, lets requests end for `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
}

/** Connections the kernel keeps until they are taken: after a restart a whole fleet dials at once, and one that is dropped comes back seconds later. */
const BACKLOG = 4096;

/** @throws Error naming the variable when an address cannot be listened on */
export async function openListeners(handler: RequestListener, { http, https, certificate, onUpgrade }: ListenOptions): Promise<Listeners> {
  const plain = createServer(handler);
  const secure = createTlsServer({ cert: certificate.cert, key: certificate.key, minVersion: 'TLSv1.2' }, handler);
  const upgraded = new Set<Duplex>();
  for (const server of [plain, secure]) {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      upgraded.add(socket);
      socket.once('close', () => { upgraded.delete(socket); });
      onUpgrade(request, socket, head);
    });
    server.on('clientError', (_error, socket) => { if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'); });
  }
  await listen(plain, http, 'RM_LISTEN');
  try {
    await listen(secure, https, 'RM_TLS_LISTEN');
  } catch (error) {
    plain.close();
    throw error;
  }
  return {
    http: reachable(plain, http),
    https: reachable(secure, https),
    httpPort: portOf(plain),
    async close(graceMs) {
      await Promise.all([plain, secure].map((server) => closeServer(server, upgraded, graceMs)));
    },
  };
}

function listen(server: Server, address: Address, variable: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => { reject(new Error(`${variable}=${address.text}: ${explain(error)}`, { cause: error })); });
    server.listen({ port: address.port, backlog: BACKLOG, ...(address.host === undefined ? {} : { host: address.host }) }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE': return 'the port is in use by another program; stop that program or choose another port';
    case 'EACCES': return 'this user may not listen on that port; choose one above 1023';
    case 'EADDRNOTAVAIL': return 'this machine does not have that address';
    case 'ENOTFOUND': return 'the host name is not known';
    default: return error.message;
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function reachable(server: Server, { host }: Address): string {
  const name = host === undefined || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${name.includes(':') ? `[${name}]` : name}:${String(portOf(server))}`;
}

async function closeServer(server: Server, upgraded: ReadonlySet<Duplex>, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => { server.close(() => { resolve(); }); });
  server.closeIdleConnections();
  const cut = setTimeout(() => {
    server.closeAllConnections();
    for (const socket of upgraded) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(cut);
}
