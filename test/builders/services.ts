/** Programs that serve something on the loopback address for the length of a test: started, stopped, started again at the same address. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createServer as createHttpServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { until } from './until.js';

export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  name: string;
  program: string;
  args(): string[];
  /** What it prints is kept here. */
  log: string;
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
  /** Ready once this port answers, or once `ready` is content with all it printed. */
  port?: number;
  ready?(printed: string): boolean;
}

const START_MS = 20_000;

/** @throws Error with what it printed when it does not come up */
export async function startService(options: ServiceOptions): Promise<Service> {
  let child: ChildProcess | undefined;
  const service: Service = {
    async start() {
      const { name, program, log, env = {}, uid, gid, port, ready = () => true } = options;
      const own = spawn(program, options.args(), { cwd: '/', env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe'], uid, gid });
      child = own;
      let printed = '';
      let failure: string | undefined;
      const keep = (chunk: Buffer): void => { printed += chunk.toString(); appendFileSync(log, chunk); };
      own.stdout.on('data', keep);
      own.stderr.on('data', keep);
      own.once('error', (error) => { failure = error.message; });
      const orphaned = (): void => { own.kill('SIGKILL'); };
      process.once('exit', orphaned);
      own.once('exit', (code, signal) => { process.off('exit', orphaned); failure ??= `it ended (${signal ?? `code ${String(code)}`})`; });
      await until(`${name} to start`, async () => {
        if (failure !== undefined) throw new Error(`${name}: ${failure}\n${printed}`);
        return ready(printed) && (port === undefined || await answers(port));
      }, START_MS);
    },
    async stop() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child?.kill('SIGKILL'), 3_000);
      await ended;
      clearTimeout(timer);
    },
  };
  await service.start();
  return service;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => { resolve(false); });
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => { resolve(port); });
    });
  });
}

/** One address that passes each HTTP request on to the port chosen for it, as soon as that is chosen and if somebody still waits for it. */
export async function frontDoor(choose: (req: IncomingMessage) => number | Promise<number>): Promise<{ service: Service; port: number }> {
  const pass = (req: IncomingMessage, res: ServerResponse, port: number): void => {
    if (res.destroyed) return;
    const onward = request({ host: '127.0.0.1', port, method: req.method, path: req.url, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.once('error', () => { res.destroy(); });
    res.once('close', () => { onward.destroy(); });
    req.pipe(onward);
  };
  const server = createHttpServer((req, res) => {
    const port = choose(req);
    if (typeof port === 'number') pass(req, res, port);
    else void port.then((chosen) => { pass(req, res, chosen); });
  });
  let port = 0;
  const service: Service = {
    async start() {
      await new Promise<void>((resolve) => { server.listen(port, '127.0.0.1', resolve); });
      ({ port } = server.address() as AddressInfo);
    },
    async stop() {
      if (!server.listening) return;
      server.closeAllConnections();
      await new Promise<void>((resolve) => { server.close(() => { resolve(); }); });
    },
  };
  await service.start();
  return { service, port };
}
