/** How the server is reached: the plaintext rule, the pin, and small JSON calls. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type Agent } from 'node:https';
import { PinnedAgent } from './pins.js';

/** The address itself is refused: no retry helps. */
export class AddressRefused extends Error {
  override name = 'AddressRefused';
}

/** The server answered with an error. */
export class ServerRefused extends Error {
  override name = 'ServerRefused';
  readonly status: number;
  readonly code: string | undefined;
  /** Seconds of Retry-After, when the server gave one. */
  readonly retryAfter: number | undefined;

  constructor(status: number, code: string | undefined, message: string, retryAfter: number | undefined) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export interface ServerAddress {
  base: URL;
  /** For https and wss with a pin; undefined: the system's way. */
  agent: Agent | undefined;
}

const REPLY_LIMIT = 64 * 1024;
const CALL_TIMEOUT_MS = 15_000;

/**
 * @param pins SPKI SHA-256, hex
 * @throws AddressRefused for anything but http(s), and for plain http to another machine unless the host's owner allows it
 */
export function serverAddress(url: string, pins: readonly string[], allowPlaintext: boolean): ServerAddress {
  let base: URL;
  try {
    base = new URL(url);
  } catch {
    throw new AddressRefused(`RM_SERVER: "${url}" is not a URL; give one such as https://backup.example.org`);
  }
  if (base.username !== '' || base.password !== '') throw new AddressRefused('RM_SERVER: a user name or password in the URL is not accepted');
  if (base.protocol === 'wss:') base.protocol = 'https:';
  if (base.protocol === 'ws:') base.protocol = 'http:';
  if (base.protocol !== 'https:' && base.protocol !== 'http:') throw new AddressRefused(`RM_SERVER: "${url}" must begin with https://`);
  if (base.protocol === 'http:' && !isLoopback(base.hostname) && !allowPlaintext) {
    throw new AddressRefused(`RM_SERVER: ${base.origin} is not encrypted, so repository passwords would travel in the open; use https://, or set allowPlaintext: true in agent.yaml`);
  }
  return { base, agent: base.protocol === 'https:' && pins.length > 0 ? new PinnedAgent(pins) : undefined };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** URL of a path of the server; `ws` for a socket. A path prefix of the base is kept. */
export function at(address: ServerAddress, path: string, scheme: 'http' | 'ws' = 'http'): URL {
  const url = new URL(address.base);
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path.split('?')[0] ?? ''}`;
  url.search = path.includes('?') ? path.slice(path.indexOf('?')) : '';
  if (scheme === 'ws') url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

/** POSTs JSON and returns the JSON reply. @throws ServerRefused for a status of 400 or more; the socket's error otherwise */
export async function postJson(address: ServerAddress, path: string, body: unknown): Promise<Record<string, unknown>> {
  const url = at(address, path);
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const call = send(url, { method: 'POST', agent: address.agent, timeout: CALL_TIMEOUT_MS, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } }, (reply) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      reply.on('data', (chunk: Buffer) => {
        if ((bytes += chunk.length) > REPLY_LIMIT) call.destroy(new Error(`${url.pathname} answered with more than ${REPLY_LIMIT} bytes`));
        else chunks.push(chunk);
      });
      reply.on('error', reject);
      reply.on('end', () => {
        const status = reply.statusCode ?? 0;
        const value = parseObject(Buffer.concat(chunks).toString('utf8'));
        if (status >= 200 && status < 300 && value) resolve(value);
        else reject(new ServerRefused(status, asText(value?.['code']), asText(value?.['message']) ?? `${url.origin} answered ${status} to ${url.pathname}`, Number(reply.headers['retry-after']) || undefined));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`${url.origin} did not answer within ${CALL_TIMEOUT_MS / 1_000} s`)));
    call.on('error', reject);
    call.end(text);
  });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
