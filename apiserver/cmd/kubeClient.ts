/** The client side of the resource API for our own commands: a kubeconfig as kubectl reads it, and requests over HTTPS. */
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { dirname, resolve } from 'node:path';
import { load } from 'js-yaml';

export interface KubeClient {
  /** Of the kubeconfig's context; `default` when it names none. */
  namespace: string;
  /** `https://127.0.0.1:8443` */
  server: string;
  /** @throws Error with one clear line when there is no answer */
  send(method: string, path: string, body?: string, contentType?: string): Promise<KubeReply>;
  close(): void;
}

export interface KubeReply {
  status: number;
  text: string;
  /** From `Warning` headers. */
  warnings: string[];
}

type Json = Record<string, unknown>;
const TIMEOUT_MS = 60_000;

/** @throws Error naming the file and what it lacks */
export async function openKubeClient(file: string): Promise<KubeClient> {
  const source = await readFile(file, 'utf8').catch((error: unknown) => { throw new Error(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error }); });
  const wrong = (why: string): Error => new Error(`${file}: ${why}`);
  const config = recordOf(parsed(source, wrong));
  const context = recordOf(named(config['contexts'], textOf(config['current-context']) ?? '')?.['context']);
  const cluster = recordOf(named(config['clusters'], textOf(context['cluster']) ?? '')?.['cluster']);
  const user = recordOf(named(config['users'], textOf(context['user']) ?? '')?.['user']);
  const server = textOf(cluster['server']);
  if (server === undefined || !URL.canParse(server)) throw wrong('the current context names no cluster with a server');
  const url = new URL(server);
  // As kubectl: a token in the clear is everybody's.
  if (url.protocol !== 'https:') throw wrong(`${server} is not https: no credentials are sent to it`);
  const held = async (of: Json, name: string): Promise<Buffer | undefined> => {
    const data = textOf(of[`${name}-data`]);
    if (data !== undefined) return Buffer.from(data, 'base64');
    const path = textOf(of[name]);
    return path === undefined ? undefined : readFile(resolve(dirname(file), path)).catch((error: unknown) => { throw wrong(`${name}: ${error instanceof Error ? error.message : String(error)}`); });
  };
  const [ca, cert, key] = [await held(cluster, 'certificate-authority'), await held(user, 'client-certificate'), await held(user, 'client-key')];
  const tokenFile = textOf(user['tokenFile']);
  const token = textOf(user['token']) ?? (tokenFile === undefined ? undefined : (await readFile(resolve(dirname(file), tokenFile), 'utf8')).trim());
  if (token === undefined && cert === undefined) throw wrong('the user of the current context has neither a token nor a client certificate; other ways to log in need kubectl');
  const serverName = textOf(cluster['tls-server-name']);
  const agent = new Agent({
    keepAlive: true, maxSockets: 8, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}),
    ...(serverName === undefined ? {} : { servername: serverName }), rejectUnauthorized: cluster['insecure-skip-tls-verify'] !== true,
  });

  return {
    namespace: textOf(context['namespace']) ?? 'default',
    server,
    send: (method, path, body, contentType) => new Promise((fulfil, reject) => {
      const failed = (error: Error): void => { reject(new Error(`${server} does not answer: ${error.message}`, { cause: error })); };
      const sent = request({
        agent, method, host: url.hostname.replaceAll(/[[\]]/g, ''), port: url.port === '' ? 443 : url.port, path: `${url.pathname.replace(/\/$/, '')}${path}`, timeout: TIMEOUT_MS,
        headers: { Accept: 'application/json', 'User-Agent': 'restic-manager', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'Content-Type': contentType ?? 'application/json', 'Content-Length': Buffer.byteLength(body) }) },
      }, (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => { chunks.push(chunk); });
        reply.on('error', failed);
        reply.on('end', () => {
          const warning = [reply.headers['warning'] ?? []].flat().join(', ');
          fulfil({ status: reply.statusCode ?? 0, text: Buffer.concat(chunks).toString(), warnings: [...warning.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replaceAll(/\\(.)/g, '$1')) });
        });
      });
      sent.on('timeout', () => { sent.destroy(new Error(`nothing came within ${String(TIMEOUT_MS / 1000)} s`)); });
      sent.on('error', failed);
      sent.end(body);
    }),
    close: () => { agent.destroy(); },
  };
}

function parsed(text: string, wrong: (why: string) => Error): unknown {
  try {
    return load(text);
  } catch {
    // The parser's message quotes the file, which holds a token.
    throw wrong('is not YAML');
  }
}

function named(list: unknown, name: string): Json | undefined {
  return (Array.isArray(list) ? list as unknown[] : []).map(recordOf).find((each) => each['name'] === name);
}

const recordOf = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Json : {});
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
