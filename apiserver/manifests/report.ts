/** The state of the manifest directory as /api and the page tell it. */
import type { ManifestsStatus as Report } from '#crds/operator/operator.gen.js';
import type { Manifests } from './index.js';

const MOST_ERRORS = 100;

/** @param source absent: there is no manifest directory */
export function manifestsReport(source: Pick<Manifests, 'status'> | undefined): Report {
  if (!source) return { state: 'off', directory: null, revision: null, last_sync_at: null, last_success_at: null, objects: 0, error_count: 0, errors: [], prune: { state: 'none', objects: [] }, held: [] };
  const { state, directory, revision, lastSync, lastSuccess, objects, problems, pruning } = source.status();
  const isPending = pruning.state === 'waiting' || pruning.state === 'confirmation';
  return {
    state, directory, revision: revision ?? null, last_sync_at: timeOf(lastSync), last_success_at: timeOf(lastSuccess), objects, error_count: problems.length, errors: problems.slice(0, MOST_ERRORS).map((problem) => ({ ...problem })),
    prune: {
      // What was removed is no longer a matter of the directory.
      state: pruning.state === 'prune' ? 'none' : pruning.state, objects: isPending ? pruning.remove : [],
      ...(pruning.reason === '' ? {} : { reason: pruning.reason }), ...(pruning.state === 'confirmation' ? { id: pruning.id } : {}),
    },
    held: pruning.held,
  };
}

const timeOf = (time: number | undefined): string | null => (time === undefined ? null : new Date(time).toISOString());
