/** The server itself: is it alive, is it ready, what is it. */
import { commit, version } from '#crds/version.js';
import { Problem } from './problem.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const server: RouteTable = {
  'GET /healthz': route({ may: 'public', status: 204 }, () => undefined),
  'GET /livez': route({ may: 'public', status: 204 }, () => undefined),
  'GET /readyz': route({ may: 'public', status: 204 }, ({ services }) => {
    if (!services.informers.synced()) throw new Problem(503, 'not_ready', 'objects are still being read', { retryAfterSeconds: 1 });
  }),
  'GET /api/version': route({ may: 'public', reply: shapes.VersionReply }, () => ({ version, commit })),
};
