/** A TCP proxy on the loopback address whose connections can be cut, and that can be away for a while. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface CutProxy {
  port: number;
  /** Ends every connection through it now; new ones are let through. */
  cut(): void;
  /** Ends every connection, and each new one at once, until it is back. */
  away(away: boolean): void;
  close(): Promise<void>;
}

export async function startCutProxy(targetPort: number): Promise<CutProxy> {
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
    from.pipe(to);
    to.pipe(from);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const cut = (): void => { for (const socket of sockets) socket.destroy(); };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
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
