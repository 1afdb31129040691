/**
 * Runs inside a network namespace and hands on every connection of a listener that was opened outside: `relay.ts <port>`.
 * A socket belongs to the namespace it was made in, and may be passed to a process of another one.
 */
import { connect, type Server, type Socket } from 'node:net';

const port = Number(process.argv[2]);
process.on('disconnect', () => { process.exit(0); });
process.on('message', (_, listener) => {
  (listener as Server).on('connection', (from: Socket) => {
    const to = connect(port, '127.0.0.1');
    for (const [socket, other] of [[from, to], [to, from]] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => { other.destroy(); });
      socket.pipe(other);
    }
  });
  process.send?.('ready');
});
