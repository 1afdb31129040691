/**
 * The counterpart of kube-apiserver alone: this product's store, admission, identity, resource API and listeners as
 * `apiserver/cmd/standalone.ts` wires them, without the controllers and sessions that a cluster would run beside it.
 */
import { mkdir } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { Router } from 'express';
import { createAdmission } from '#apiserver/admission/index.js';
import { authorize, createIdentity } from '#apiserver/auth/index.js';
import { loadCertificate } from '#apiserver/cmd/certificates.js';
import { createHttpApp } from '#apiserver/cmd/httpApp.js';
import { openListeners } from '#apiserver/cmd/listeners.js';
import { createLog } from '#apiserver/cmd/log.js';
import { resourceHandler } from '#apiserver/resources/index.js';
import { openFileStore } from '#apiserver/stores/file/index.js';
import { systemClock } from '#controller/runtime/clock.js';

const dir = process.env['RM_DATA_DIR'] ?? '';
await mkdir(dir, { recursive: true });
const log = createLog('warn');
const namespace = 'default';
const admission = createAdmission({ namespace, may: (principal, question) => authorize(principal, question).allowed });
const store = await openFileStore({ dir, admission, secretKey: randomBytes(32), log });
const identity = await createIdentity({ store, namespace, clock: systemClock, log });
const certificate = await loadCertificate(dir, { now: Date.now() });
const app = createHttpApp({ access: identity, resources: resourceHandler({ store, access: identity, log, namespace }), operator: Router(), pageDirectory: undefined, sameOrigin: () => true, log });
const address = { text: '127.0.0.1:0', host: '127.0.0.1', port: 0 };
const listeners = await openListeners(app, { http: address, https: address, certificate, onUpgrade: (_request, socket) => { socket.destroy(); } });
process.stdout.write(`${JSON.stringify({ port: Number(listeners.https.split(':').at(-1)), ca: certificate.ca, token: await identity.adminToken() })}\n`);
process.on('SIGTERM', () => { process.exit(0); });
