/** /metrics in Prometheus' words: there only when a gate is set; with token and addresses both set, both must pass. */
import express, { type Router } from 'express';
import { Gauge, Registry } from 'prom-client';
import { commit, version } from '#crds/version.js';
import { clientAddress, inRanges } from '../auth/clientAddress.js';
import { equalText } from '../auth/constantTime.js';
import { Problem } from './problem.js';
import { isOnline } from './reach.js';
import { sendProblem } from './router.js';
import type { Services } from './services.js';

export function metricsRouter(services: Services): Router {
  const router = express.Router();
  const { metrics, trustedProxy } = services;
  if (!metrics) return router;
  const registry = createRegistry(services);
  router.get('/metrics', async (request, response) => {
    if (metrics.ranges && !inRanges(clientAddress(request, trustedProxy), metrics.ranges)) { sendProblem(response, new Problem(403, 'forbidden', 'this address may not read metrics')); return; }
    const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (metrics.token !== undefined && (given === undefined || !equalText(given, metrics.token))) { sendProblem(response, new Problem(401, 'unauthorized', 'send the metrics token as a bearer')); return; }
    response.setHeader('Cache-Control', 'no-store');
    response.type(registry.contentType).send(await registry.metrics());
  });
  return router;
}

/** Values are read when asked for: nothing is counted that could drift from the objects. */
function createRegistry({ informers: { cache }, clock, manifests }: Services): Registry {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({ name: 'rm_hosts_total', help: 'Hosts known to the server', registers, collect() { this.set(cache.list('Host').length); } });
  new Gauge({ name: 'rm_hosts_online', help: 'Hosts whose agent is connected', registers, collect() { this.set(cache.list('Host').filter((host) => isOnline(cache, host, clock.now())).length); } });
  new Gauge({ name: 'rm_build_info', help: 'Always 1; the labels tell the build', labelNames: ['version', 'commit', 'node_version'], registers }).set({ version, commit, node_version: process.version }, 1);
  if (manifests) {
    new Gauge({ name: 'rm_manifests_last_sync_timestamp_seconds', help: 'When the manifest directory was last read and found applied, or applied; 0 before the first time', registers, collect() { this.set((manifests.status().lastSync ?? 0) / 1000); } });
    new Gauge({ name: 'rm_manifests_errors', help: 'Problems with the manifest directory now', registers, collect() { this.set(manifests.status().problems.length); } });
  }
  return registry;
}
