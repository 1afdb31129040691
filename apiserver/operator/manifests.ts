/** The manifest directory: its state, and the word of a person for a removal of many objects. */
import type { ManifestsStatus } from '#crds/operator/operator.gen.js';
import type { Manifests } from '../manifests/index.js';
import { notFound, Problem } from './problem.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

const MOST_ERRORS = 100;

export const manifests: RouteTable = {
  'GET /api/manifests': route({ may: 'get manifests', reply: shapes.ManifestsStatus }, ({ services }) => toReply(services.manifests)),
  'POST /api/manifests/prune': route({ may: 'update manifests', body: shapes.ManifestsConfirmInput, reply: shapes.ManifestsStatus, status: 202 }, async ({ services, body, principal }) => {
    if (!services.manifests) throw notFound('a manifest directory (RM_MANIFESTS_DIR)');
    if (!await services.manifests.confirm(body.id)) throw new Problem(409, 'not_waiting', `no removal with id ${body.id} waits for a confirmation; GET /api/manifests tells which does`);
    services.log.info({ id: body.id, by: principal.name }, 'removal of objects without a manifest confirmed');
    return toReply(services.manifests);
  }),
};

function toReply(source: Manifests | undefined): ManifestsStatus {
  if (!source) return { state: 'off', directory: null, last_sync_at: null, last_success_at: null, objects: 0, error_count: 0, errors: [], prune: { state: 'none', objects: [] }, held: [] };
  const { state, directory, lastSync, lastSuccess, objects, problems, pruning } = source.status();
  const isPending = pruning.state === 'waiting' || pruning.state === 'confirmation';
  return {
    state, directory, last_sync_at: timeOf(lastSync), last_success_at: timeOf(lastSuccess), objects, error_count: problems.length, errors: problems.slice(0, MOST_ERRORS).map((problem) => ({ ...problem })),
    prune: {
      // What was removed is no longer a matter of the directory.
      state: pruning.state === 'prune' ? 'none' : pruning.state, objects: isPending ? pruning.remove : [],
      ...(pruning.reason === '' ? {} : { reason: pruning.reason }), ...(pruning.state === 'confirmation' ? { id: pruning.id } : {}),
    },
    held: pruning.held,
  };
}

const timeOf = (time: number | undefined): string | null => (time === undefined ? null : new Date(time).toISOString());
