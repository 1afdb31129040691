/** A TCP proxy on the loopback address whose connections can be cut, by hand or as proxies do by themselves, and that can be away for a while. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface CutProxy {
  port: number;
  /** Ends every connection through it now; new ones are let through. */
  cut(): void;
  /** Ends every connection, and each new one at once, until it is back. */
  away(away: boolean): void;
  /** Connections that were let through so far. */
  count(): number;
  close(): Promise<void>;
}

export interface CutProxyOptions {
  /** Cuts a connection on which nothing passed for so long. */
  idleMs?: number;
  /** Cuts every connection at this age. */
  lifeMs?: number;
}

export async function startCutProxy(targetPort: number, { idleMs, lifeMs }: CutProxyOptions = {}): Promise<CutProxy> {
  let count = 0;
  const sockets = new Set<Socket>();
  let isAway = false;
  const track = (socket: Socket, other: () => Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => { sockets.delete(socket); other().destroy(); });
  };
  const server = createServer((from) => {
    if (isAway) { from.destroy(); return; }
    const to = connect(targetPort, '127.0.0.1');
    track(from, () => to);
    track(to, () => from);
    count += 1;
    from.pipe(to);
    to.pipe(from);
    const end = (): void => { from.destroy(); };
    // writes go out on the other socket: what is idle here is idle there
    if (idleMs !== undefined) from.setTimeout(idleMs, end);
    if (lifeMs !== undefined) {
      const timer = setTimeout(end, lifeMs);
      from.once('close', () => { clearTimeout(timer); });
    }
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const cut = (): void => { for (const socket of sockets) socket.destroy(); };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    count: () => count,
    away(away) {
      isAway = away;
      if (away) cut();
    },
    async close() {
      cut();
      await new Promise((resolve) => { server.close(resolve); });
    },
  };
}
