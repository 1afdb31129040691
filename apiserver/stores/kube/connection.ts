/**
 * HTTPS to a Kubernetes API server. @kubernetes/client-node reads the kubeconfig, or the pod's service account, and knows how to sign
 * in; the requests are our own, because lists, watches and errors must fit the port. It is loaded when the first store is opened,
 * never before: it costs 340 ms and 80 MB that standalone does not have to spend.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { Unavailable } from '#crds/objectStore.js';
import { refusalOf } from './errors.js';

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** e.g. /apis/restic-manager.io/v1alpha1/namespaces/default/hosts */
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  /** Default application/json. */
  type?: string;
}

export interface Connection {
  /** The reply read whole. @throws StoreError of the eight classes */
  json(call: Call): Promise<{ status: number; value: unknown; warnings: string[] }>;
  /** The reply as it comes, for watches; the caller destroys it. @throws StoreError */
  stream(call: Call): Promise<IncomingMessage>;
  /** Ends idle connections. */
  close(): void;
}

/** What signing in adds to a request. */
interface SignedIn { headers: Record<string, string>; agent: Agent; until: number }

/** How long headers are used again before the token file, plugin or kubeconfig is asked anew. */
const SIGNED_IN_MS = 30_000;
/** A reply that has not begun by then is given up. */
const REPLY_MS = 60_000;

/** @param kubeconfig path of a file; absent: the service account of this pod. @throws Error naming the file and what is wrong with it */
export async function connect(kubeconfig: string | undefined, now: () => number = Date.now): Promise<Connection> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new Error(`${kubeconfig ?? 'the service account of this pod'} cannot be used to reach Kubernetes: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error(`${kubeconfig ?? 'the service account of this pod'} names no cluster`);
  const base = new URL(server);
  if (base.protocol !== 'https:') throw new Error(`${kubeconfig ?? 'the cluster'} names ${base.protocol}//${base.host}: only https is spoken`);

  let signedIn: SignedIn | undefined;
  async function signIn(): Promise<SignedIn> {
    if (signedIn && now() < signedIn.until) return signedIn;
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key, rejectUnauthorized, servername } = options;
    const headers = Object.fromEntries(Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]));
    // Connections are kept, so the agent is; a client certificate that changes comes with a new process.
    const agent = signedIn?.agent ?? new Agent({ keepAlive: true, ca, cert, key, rejectUnauthorized, servername });
    signedIn = { headers, agent, until: now() + SIGNED_IN_MS };
    return signedIn;
  }

  async function send({ method, path, query = {}, body, type = 'application/json' }: Call): Promise<IncomingMessage> {
    const { headers, agent } = await signIn();
    const url = new URL(base.href.replace(/\/$/, '') + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') url.searchParams.set(name, value);
    const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const request = httpsRequest(url, { method, agent, headers: { ...headers, accept: 'application/json', 'user-agent': 'restic-manager', ...(text ? { 'content-type': type, 'content-length': text.length } : {}) } });
      const late = setTimeout(() => { request.destroy(new Error(`no reply within ${REPLY_MS / 1000} s`)); }, REPLY_MS);
      request.on('response', (response) => { clearTimeout(late); resolve(response); });
      request.on('error', (error) => { clearTimeout(late); reject(unreachable(base, error)); });
      request.on('socket', (socket) => { socket.setKeepAlive(true, 30_000); });
      request.end(text);
    });
  }

  async function accepted(call: Call): Promise<IncomingMessage> {
    const response = await send(call);
    const status = response.statusCode ?? 0;
    if (status < 300) return response;
    if (status === 401) signedIn = signedIn && { ...signedIn, until: 0 };
    throw refusalOf(status, await textOf(response, base), response.headers['retry-after']);
  }

  return {
    async json(call) {
      const response = await accepted(call);
      const text = await textOf(response, base);
      return { status: response.statusCode ?? 0, value: JSON.parse(text) as unknown, warnings: warningsOf(response) };
    },
    stream: accepted,
    close() { signedIn?.agent.destroy(); },
  };
}

async function textOf(response: IncomingMessage, base: URL): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    throw unreachable(base, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unreachable(base: URL, error: unknown): Unavailable {
  return new Unavailable(`the Kubernetes API at ${base.host} cannot be reached: ${error instanceof Error ? error.message : String(error)}`, { cause: error, retryAfterSeconds: 1 });
}

/** `299 - "text"`, one or more per header. */
function warningsOf(response: IncomingMessage): string[] {
  return [...(response.headers.warning ?? '').matchAll(/299 [^ ]+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
}
