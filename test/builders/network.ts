/**
 * A world whose server, storage and hosts are machines of a network: each a network namespace with one cable to a router. A cable
 * can be pulled, and the router can be told to lose what goes between the server and a host, silently. Needs root, ip and nft.
 *
 *   host ──┐
 *   host ──┼── router ──┬── server   (https://backup.test:8443, by /etc/hosts of each host)
 *   host ──┘            └── storage  (rest-server over the world's directory)
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { spkiPin } from '#agent/link/pins.js';
import { onPath, toolPath } from '../../hack/tools/paths.js';
import type { StartAgentOptions, TestAgent } from './agent.js';
import { startServer } from './server.js';
import { startService } from './services.js';
import { openWorld, type World } from './world.js';

export interface Network {
  world: World;
  /** A host on a cable of its own, enrolled and ready to back up. */
  addHost(name: string, options?: Pick<StartAgentOptions, 'restic'>): Promise<TestAgent>;
  /** Starts the agent of a host again, on the same state. */
  startAgent(name: string, options?: Partial<StartAgentOptions>): Promise<TestAgent>;
  /** Puts the cable of the server, the storage or a host in, or pulls it. */
  plug(node: string, plugged: boolean): void;
  /** What the router does to packets between the server and this host, both ways or from one of the two: an nft statement, e.g. `drop`; undefined: passes them. */
  disturb(host: string, statement: string | undefined, from?: 'host' | 'server'): void;
  /** Packets that the `counter` of the statements in force has seen. */
  counted(): number;
  /** The same as disturb for the connections that the host has to the server now; later ones pass. */
  disturbConnection(host: string, statement: string): void;
  /** Gives the server's machine another address and tells every host's hosts file. Its old address is nobody's. */
  moveServer(): void;
  close(): Promise<void>;
}

/** Why there can be no such network here, or undefined. */
export function networkMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'root, to make network namespaces';
  const programs = ['ip', 'ss', 'nft'].filter((name) => !onPath(name));
  return programs.length > 0 ? `${programs.join(', ')} (iproute2, nftables)` : undefined;
}

const NAME = 'backup.test';
const [API_PORT, TLS_PORT, STORAGE_PORT] = [8080, 8443, 8000];
let networks = 0;

interface Node { namespace: string; index: number; address: string }

export async function openNetwork(): Promise<Network> {
  const prefix = `rm-${String(process.pid)}-${String(++networks)}`;
  const router = `${prefix}-router`;
  const nodes = new Map<string, Node>();
  const disturbed = new Map<string, { port?: string; from?: 'host' | 'server' | undefined; statement: string }[]>();
  const nodeOf = (name: string): Node => nodes.get(name) ?? lost(name);
  const removeAll = (): void => {
    for (const namespace of [router, ...[...nodes.values()].map((node) => node.namespace)]) {
      spawnSync('ip', ['netns', 'del', namespace]);
      rmSync(join('/etc/netns', namespace), { recursive: true, force: true });
    }
  };
  removeLeftovers();
  process.once('exit', removeAll);
  ip('netns', 'add', router);
  inside(router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');

  function addNode(name: string): Node {
    const index = nodes.size + 1;
    const node = { namespace: `${prefix}-${name}`, index, address: `10.77.${String(index)}.2` };
    const [{ namespace, address }, gateway] = [node, `10.77.${String(index)}.1`];
    nodes.set(name, node);
    ip('netns', 'add', namespace);
    ip('link', 'add', cable(node), 'netns', router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    ip('-n', router, 'addr', 'add', `${gateway}/24`, 'dev', cable(node));
    ip('-n', router, 'link', 'set', cable(node), 'up');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    ip('-n', namespace, 'route', 'add', 'default', 'via', gateway);
    mkdirSync(join('/etc/netns', namespace), { recursive: true });
    writeHosts(node);
    return node;
  }
  /** In place: a running process of the namespace has this very file as /etc/hosts. */
  function writeHosts(node: Node): void {
    writeFileSync(join('/etc/netns', node.namespace, 'hosts'), `127.0.0.1 localhost\n${nodeOf('server').address} ${NAME}\n`);
  }
  function applyRules(): void {
    const { address: server } = nodeOf('server');
    const rules = [...disturbed].flatMap(([name, faults]) => faults.flatMap(({ port, from, statement }) => {
      const { address } = nodeOf(name);
      const of = (side: 'sport' | 'dport'): string => (port === undefined ? '' : `tcp ${side} ${port} `);
      return [
        ...(from === 'server' ? [] : [`ip saddr ${address} ip daddr ${server} ${of('sport')}${statement};`]),
        ...(from === 'host' ? [] : [`ip saddr ${server} ip daddr ${address} ${of('dport')}${statement};`]),
      ];
    }));
    inside(router, 'nft', `table inet faults; delete table inet faults; table inet faults { chain forward { type filter hook forward priority 0; ${rules.join(' ')} }; }`);
  }

  try {
    const server = addNode('server');
    const storage = addNode('storage');
    const relay = await startRelay(server.namespace);
    const world = await openWorld({
      storageUrl: (path) => `rest:http://${storage.address}:${String(STORAGE_PORT)}/${basename(path)}/`,
      async start(options) {
        const env = { ...options?.env, RM_LISTEN: `127.0.0.1:${String(API_PORT)}`, RM_TLS_LISTEN: `:${String(TLS_PORT)}`, RM_BASE_URL: `https://${NAME}:${String(TLS_PORT)}` };
        return { ...await startServer({ ...options, env, bundle: true, wrapper: ['ip', 'netns', 'exec', server.namespace] }), url: relay.url };
      },
    });
    const restServer = await startService({
      name: 'rest-server', program: 'ip', log: join(world.dir, 'rest-server.log'), ready: (printed) => printed.includes('start server on'),
      args: () => ['netns', 'exec', storage.namespace, toolPath('rest-server'), '--no-auth', '--path', world.dir, '--listen', `:${String(STORAGE_PORT)}`],
    });
    const pin = spkiPin(new X509Certificate(readFileSync(join(world.server.dataDir, 'tls/ca.crt'))));
    const network: Network = {
      world,
      async addHost(name, options = {}) {
        addNode(name);
        const source = await world.source(name);
        const agent = await network.startAgent(name, { token: await world.mintToken(name, [source]), ...options });
        await world.ready(name);
        return agent;
      },
      startAgent: (name, options = {}) => world.agent(name, {
        server: `https://${NAME}:${String(TLS_PORT)}`, bundle: true, wrapper: ['ip', 'netns', 'exec', nodeOf(name).namespace],
        ...options, env: { RM_SERVER_CERT_PIN_SHA256: pin, ...options.env },
      }),
      plug(name, plugged) { ip('-n', router, 'link', 'set', cable(nodeOf(name)), plugged ? 'up' : 'down'); },
      disturb(host, statement, from) {
        disturbed.set(host, statement === undefined ? [] : [{ statement, from }]);
        applyRules();
      },
      counted: () => [...inside(router, 'nft', 'list', 'table', 'inet', 'faults').matchAll(/counter packets (\d+)/g)].reduce((sum, [, packets]) => sum + Number(packets), 0),
      disturbConnection(host, statement) {
        const ports = inside(nodeOf(host).namespace, 'ss', '-Htn', 'state', 'established', 'dport', '=', `:${String(TLS_PORT)}`).split('\n').flatMap((line) => /:(\d+) +\S+:\d+ *$/.exec(line)?.[1] ?? []);
        if (ports.length === 0) throw new Error(`${host} has no connection to the server`);
        disturbed.set(host, ports.map((port) => ({ port, statement })));
        applyRules();
      },
      moveServer() {
        const from = server.address;
        server.address = `10.77.${String(server.index)}.${String(Number(from.split('.')[3]) + 1)}`;
        ip('-n', server.namespace, 'addr', 'del', `${from}/24`, 'dev', 'eth0');
        ip('-n', server.namespace, 'addr', 'add', `${server.address}/24`, 'dev', 'eth0');
        ip('-n', server.namespace, 'route', 'replace', 'default', 'via', `10.77.${String(server.index)}.1`);
        for (const node of nodes.values()) writeHosts(node);
        applyRules();
      },
      async close() {
        await restServer.stop();
        await world.close();
        relay.stop();
        process.off('exit', removeAll);
        removeAll();
      },
    };
    return network;
  } catch (error) {
    removeAll();
    throw error;
  }
}

/** Of test processes that were killed. */
function removeLeftovers(): void {
  for (const [, namespace = '', pid = ''] of run('ip', ['netns', 'list']).matchAll(/^(rm-(\d+)-\S+)/gm)) {
    if (existsSync(`/proc/${pid}`)) continue;
    spawnSync('ip', ['netns', 'del', namespace]);
    rmSync(join('/etc/netns', namespace), { recursive: true, force: true });
  }
}

const cable = ({ index }: Node): string => `cable${String(index)}`;

/** The server's plain listener, which is on its own loopback address, as an address of this machine. */
async function startRelay(namespace: string): Promise<{ url: string; stop(): void }> {
  const listener = createServer();
  await new Promise<void>((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
  const { port } = listener.address() as AddressInfo;
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, '--import', tsx, fileURLToPath(new URL('./relay.ts', import.meta.url)), String(API_PORT)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.send('listener', listener);
  await once(child, 'message');
  listener.close();
  return { url: `http://127.0.0.1:${String(port)}`, stop() { child.disconnect(); } };
}

function ip(...args: string[]): void {
  run('ip', args);
}

/** Runs a program in a namespace. @returns what it printed */
function inside(namespace: string, program: string, ...args: string[]): string {
  return run('ip', ['netns', 'exec', namespace, program, ...args]);
}

function run(program: string, args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

function lost(name: string): never {
  throw new Error(`no machine ${name} in this network`);
}
