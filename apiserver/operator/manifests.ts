/** The manifest directory: its state, and the word of a person for a removal of many objects. */
import { manifestsReport } from '../manifests/report.js';
import { notFound, Problem } from './problem.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const manifests: RouteTable = {
  'GET /api/manifests': route({ may: 'get manifests', reply: shapes.ManifestsStatus }, ({ services }) => manifestsReport(services.manifests)),
  'POST /api/manifests/prune': route({ may: 'update manifests', body: shapes.ManifestsConfirmInput, reply: shapes.ManifestsStatus, status: 202 }, async ({ services, body, principal }) => {
    if (!services.manifests) throw notFound('a manifest directory (RM_MANIFESTS_DIR)');
    if (!await services.manifests.confirm(body.id)) throw new Problem(409, 'not_waiting', `no removal with id ${body.id} waits for a confirmation; GET /api/manifests tells which does`);
    services.log.info({ id: body.id, by: principal.name }, 'removal of objects without a manifest confirmed');
    return manifestsReport(services.manifests);
  }),
};
