/**
 * What a body asks for, as a job: kind and args, the type's spec block in snake_case. Deleting, checking and unlocking go to the
 * repository's runner, whichever of its hosts was named.
 */
import type { Host, ResticJob, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { BackupArgs, CheckArgs, DiffArgs, ForgetArgs, InitArgs, JobInput, PruneArgs } from '#crds/operator/operator.gen.js';
import type { Cache } from '#controller/runtime/types.js';
import { readerFor, refuseUndeletable, requireRepository, requireRunner } from './hostRepository.js';
import { commonSpec, type CommonArgs, type Order } from './makeJob.js';
import { invalid } from './problem.js';
import { coversHost, groupsOf } from './reach.js';
import { restoreOrder } from './restoreOrder.js';
import type { Call } from './route.js';
import { parse, type Shape } from './shapes.js';
import * as shapes from './shapes.js';
import { snapshotPair } from './snapshotIds.js';

type Spec = Partial<ResticJob['spec']>;
type Asked = Call<unknown>;

const orders: Record<string, { shape: Shape<unknown>; order: (call: Asked, args: never) => Order | Promise<Order> }> = {
  backup: { shape: shapes.BackupArgs, order: backupOrder },
  init: { shape: shapes.InitArgs, order: initOrder },
  forget: { shape: shapes.ForgetArgs, order: forgetOrder },
  prune: { shape: shapes.PruneArgs, order: pruneOrder },
  check: { shape: shapes.CheckArgs, order: checkOrder },
  unlock: { shape: shapes.UnlockArgs, order: unlockOrder },
  restore: { shape: shapes.RestoreArgs, order: restoreOrder },
  diff: { shape: shapes.DiffArgs, order: diffOrder },
};

/** @throws Problem 422 naming kind or argument; whatever the kind's order throws */
export async function orderOf(call: Asked, { kind, args }: JobInput): Promise<Order> {
  const known = Object.hasOwn(orders, kind) ? orders[kind] : undefined;
  if (!known) throw invalid('kind', `${JSON.stringify(kind)} is none of ${Object.keys(orders).join(', ')}`);
  return known.order(call, parse(known.shape, args ?? {}, 'args') as never);
}

function backupOrder({ host, objects }: Asked, { source_group_id: id, ...args }: BackupArgs): Order {
  return { type: 'Backup', host, group: findGroup(host, id, objects.cache), spec: commonSpec(args) };
}

export function initOrder(call: Asked, args: InitArgs): Order {
  return onRunner(call, 'Init', commonSpec(args));
}

/** A job of the host's repository, on its runner. */
function onRunner({ host, objects: { cache } }: Asked, type: Order['type'], spec: Spec): Order {
  const repository = requireRepository(host, cache);
  const runner = requireRunner(repository, cache);
  if (type === 'Forget' || type === 'Prune') refuseUndeletable(repository, cache, spec.dryRun === true);
  return { type, host: runner, spec: { repositoryRef: { name: repository.metadata.name }, ...spec } };
}

export function forgetOrder(call: Asked, { snapshot_ids: ids, ...args }: ForgetArgs): Order {
  if (ids) call.objects.require('approveforget', 'ResticJob', 'snapshot_ids');
  return onRunner(call, 'Forget', { ...commonSpec(args), ...(ids ? { forget: { snapshotIDs: [...new Set(ids)] } } : {}) });
}

export function pruneOrder(call: Asked, args: PruneArgs): Order {
  return onRunner(call, 'Prune', commonSpec(args));
}

export function checkOrder(call: Asked, { read_data_subset_percent: percent, ...args }: CheckArgs): Order {
  return onRunner(call, 'Check', { ...commonSpec(args), ...(percent === undefined ? {} : { check: { readDataSubsetPercent: percent } }) });
}

export function unlockOrder(call: Asked, args: CommonArgs): Order {
  return onRunner(call, 'Unlock', commonSpec(args));
}

/** While the host is away the runner of its repository compares as well. @throws Problem 422 for a snapshot against itself (E25) */
export function diffOrder({ host, objects: { cache }, services }: Asked, { a, b, ...args }: DiffArgs): Order {
  const repository = requireRepository(host, cache);
  return { type: 'Diff', host: readerFor(host, cache, services.clock.now()), spec: { repositoryRef: { name: repository.metadata.name }, ...commonSpec(args), diff: snapshotPair(services, repository, a, b) } };
}

/** Left out, it is the host's only group. */
function findGroup(host: Stored<Host>, id: string | null | undefined, cache: Cache): Stored<SourceGroup> {
  const field = 'args.source_group_id';
  const own = groupsOf(cache, host);
  if (id === undefined || id === null) {
    const [only, ...others] = own;
    if (!only || others.length > 0) throw invalid(field, only ? 'is required: the host has several source groups' : 'the host has no source group');
    return only;
  }
  const group = own.find((each) => each.metadata.uid === id || each.metadata.name === id || each.spec.tag === id);
  if (!group || !coversHost(group, host)) throw invalid(field, 'is not a source group of this host');
  return group;
}
