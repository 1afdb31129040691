/** The operator API under /api: one file per resource, one table of all routes. */
import express, { type Router } from 'express';
import { adminCredentials } from './adminCredentials.js';
import { agents } from './agents.js';
import { enrollmentTokens } from './enrollmentTokens.js';
import { firstVisit } from './firstVisit.js';
import { hooks } from './hooks.js';
import { hosts } from './hosts.js';
import { jobs } from './jobs.js';
import { manifests } from './manifests.js';
import { createLimits } from './limits.js';
import { metricsRouter } from './metrics.js';
import { pendingHosts } from './pendingHosts.js';
import { repoActions } from './repoActions.js';
import { repoCredentials } from './repoCredentials.js';
import { repoMaintenance } from './repoMaintenance.js';
import { repoStats } from './repoStats.js';
import { restore } from './restore.js';
import { retired } from './retired.js';
import type { RouteTable } from './route.js';
import { mount } from './router.js';
import { schedules } from './schedules.js';
import { server } from './server.js';
import type { OperatorOptions, Services } from './services.js';
import { session } from './session.js';
import { snapshots } from './snapshots.js';
import { sourceGroups } from './sourceGroups.js';
import { createTrees } from './trees.js';
import { createTurns } from './turns.js';

export type { OperatorOptions } from './services.js';

/** Every route there is; what is not in a table is not served. */
export const routeTables: readonly RouteTable[] = [server, session, enrollmentTokens, agents, pendingHosts, hosts, hooks, sourceGroups, schedules, jobs, repoCredentials, adminCredentials, repoMaintenance, repoStats, repoActions, snapshots, restore, manifests, retired];

export function operatorApi(options: OperatorOptions): Router {
  const services: Services = { ...options, limits: createLimits(() => options.clock.now()), turns: createTurns(), trees: createTrees(options.askHost, options.clock) };
  const router = express.Router();
  router.use(metricsRouter(services), firstVisit(services), mount(routeTables, services));
  return router;
}
