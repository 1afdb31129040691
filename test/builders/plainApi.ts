/** The resource API over plain HTTP on a file store of its own, everybody an admin: for suites that send very many requests. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { createAdmission } from '#apiserver/admission/index.js';
import { authorize } from '#apiserver/auth/index.js';
import { resourceApi } from '#apiserver/resources/index.js';
import { openFileStore, type FileStore } from '#apiserver/stores/file/index.js';
import type { Principal } from '#crds/objectStore.js';

export interface Answer { status: number; text: string }

export interface PlainApi {
  store: FileStore;
  port: number;
  /** What the API logged as its own fault. */
  faults: string[];
  ask(method: string, path: string, body?: string | Buffer, type?: string): Promise<Answer>;
  /** The reply as it comes; paused until it is read. */
  open(path: string): Promise<IncomingMessage>;
  close(): Promise<void>;
}

export async function startPlainApi(): Promise<PlainApi> {
  const dir = await mkdtemp(join(tmpdir(), 'rm-plain-'));
  const store = await openFileStore({ dir, admission: createAdmission({ namespace: 'default', may: (principal, question) => authorize(principal, question).allowed }), secretKey: randomBytes(32) });
  const faults: string[] = [];
  const fault = (fields: Record<string, unknown>, message: string): void => { faults.push(`${message} ${fields['err'] instanceof Error ? (fields['err'].stack ?? '') : JSON.stringify(fields)}`); };
  const admin: Principal = { name: 'system:admin', role: 'admin' };
  const app = express();
  app.use((req, _res, next) => { req.principal = admin; next(); });
  app.use(resourceApi({ store, access: { authenticate: () => Promise.resolve(admin), authorize }, log: { debug() { /* quiet */ }, info() { /* quiet */ }, warn() { /* quiet */ }, error: fault }, namespace: 'default' }));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });

  return {
    store, port, faults,
    ask: (method, path, body, type) => new Promise((resolve, reject) => {
      const req = httpRequest({ agent, host: '127.0.0.1', port, method, path, headers: { ...(type === undefined ? {} : { 'content-type': type }), ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) } }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('end', () => { resolve({ status: res.statusCode ?? 0, text: Buffer.concat(chunks).toString() }); });
        res.on('error', reject);
      });
      req.on('error', reject);
      req.end(body);
    }),
    open: (path) => new Promise((resolve, reject) => {
      httpRequest({ agent: false, host: '127.0.0.1', port, method: 'GET', path }, resolve).on('error', reject).end();
    }),
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
