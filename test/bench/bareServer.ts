/**
 * What Node's HTTPS server can do at most: it answers the bench client with bytes like the product's, from a Map. No store, no
 * check, no identity; a patch replaces the status. How far the product is from this is what its own work costs.
 */
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadCertificate } from '#apiserver/cmd/certificates.js';

const dir = process.env['RM_DATA_DIR'] ?? '';
await mkdir(dir, { recursive: true });
const certificate = await loadCertificate(dir, { now: Date.now() });
/** Text of each object without its version and status, as it is stored: metadata as the product fills it in. */
const objects = new Map<string, { head: string; status: string; version: number }>();
const watchers = new Map<ServerResponse, string>();
let version = 1;

const fields = JSON.stringify([
  { manager: 'bench', operation: 'Update', apiVersion: 'restic-manager.io/v1alpha1', time: '2026-01-01T00:00:00Z', fieldsType: 'FieldsV1', fieldsV1: { 'f:metadata': { 'f:annotations': { '.': {}, 'f:example.org/owner': {} }, 'f:labels': { '.': {}, 'f:env': {}, 'f:group': {}, 'f:site': {} } }, 'f:spec': { '.': {}, 'f:bandwidth': { '.': {}, 'f:uploadKiBps': {} }, 'f:displayName': {}, 'f:presence': {} } } },
]);
const uid = '"uid":"6f0dfc4e-9d5c-4f3c-8e39-3d1a5b0e8a11","creationTimestamp":"2026-01-01T00:00:00Z","generation":1,"namespace":"default"';
const textOf = ({ head, status, version: own }: { head: string; status: string; version: number }): string => `${head},"resourceVersion":"${own}"}${status}}`;

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

function tell(type: string, text: string): void {
  const line = `{"type":"${type}","object":${text}}\n`;
  for (const [watcher, waiting] of watchers) {
    if (waiting === '') setImmediate(() => { watcher.write(watchers.get(watcher) ?? ''); watchers.set(watcher, ''); });
    watchers.set(watcher, waiting + line);
  }
}

function list(response: ServerResponse, query: URLSearchParams): void {
  const limit = Number(query.get('limit') ?? Infinity);
  const from = Number(query.get('continue') ?? 0);
  const group = /^group=(.*)$/.exec(query.get('labelSelector') ?? '')?.[1];
  const all = group === undefined ? [...objects.values()] : [...objects.values()].filter(({ head }) => head.includes(`"group":"${group}"`));
  const next = from + limit < all.length ? `,"continue":"${from + limit}"` : '';
  send(response, 200, `{"kind":"HostList","apiVersion":"restic-manager.io/v1alpha1","metadata":{"resourceVersion":"${version}"${next}},"items":[${all.slice(from, from + limit).map(textOf).join(',')}]}`);
}

function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const name = /\/hosts\/([^/]+)/.exec(path)?.[1];
  const found = name === undefined ? undefined : objects.get(name);
  if (request.method === 'POST') {
    const { apiVersion, kind, spec, metadata } = JSON.parse(body) as { apiVersion: string; kind: string; spec: object; metadata: { name: string } };
    const head = `{"apiVersion":"${apiVersion}","kind":"${kind}","spec":${JSON.stringify(spec)},"metadata":${JSON.stringify(metadata).slice(0, -1)},${uid},"managedFields":${fields}`;
    const made = { head, status: '', version: ++version };
    objects.set(metadata.name, made);
    send(response, 201, textOf(made));
  } else if (name === undefined && query.startsWith('watch=1')) {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    watchers.set(response, '');
    response.on('close', () => watchers.delete(response));
  } else if (name === undefined) {
    list(response, new URLSearchParams(query));
  } else if (found === undefined) {
    send(response, 404, '{"kind":"Status"}');
  } else if (request.method === 'DELETE') {
    objects.delete(name);
    send(response, 200, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"${name}","group":"restic-manager.io","kind":"hosts",${uid.slice(0, 44)}}}`);
  } else {
    if (request.method === 'PATCH') {
      found.status = `,"status":${JSON.stringify((JSON.parse(body) as { status: object }).status)}`;
      found.version = ++version;
      tell('MODIFIED', textOf(found));
    }
    send(response, 200, textOf(found));
  }
}

const server = createServer({ cert: certificate.cert, key: certificate.key, minVersion: 'TLSv1.2' }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => { answer(request, response, Buffer.concat(chunks).toString()); });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port, ca: certificate.ca, token: 'none' })}\n`);
});
process.on('SIGTERM', () => { process.exit(0); });
