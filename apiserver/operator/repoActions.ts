/** What a person asks of a host's repository: look after it, open it, approve a forget that the guard holds. Runs on its runner. */
import { APPROVE_FORGET_ANNOTATION } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import type { ResticJob } from '#crds/kinds.js';
import { heldPlan } from './heldPlan.js';
import { requireRepository } from './hostRepository.js';
import { checkOrder, forgetOrder, initOrder, pruneOrder, unlockOrder } from './jobOrders.js';
import { makeJob, runReply, type Order } from './makeJob.js';
import { Problem } from './problem.js';
import { toMaintenance } from './repoMaintenance.js';
import { route, type Call, type Route, type RouteTable } from './route.js';
import type { Shape } from './shapes.js';
import * as shapes from './shapes.js';

function action<Args>(body: Shape<Args>, order: (call: Call<Args>, args: Args) => Order): Route {
  return route({ may: 'create resticjobs', body, reply: shapes.RunReply, status: 202 }, async (call: Call<Args>) => runReply([await start(call, order(call, call.body))]));
}

const start = (call: Call<unknown>, order: Order): Promise<Stored<ResticJob>> => makeJob(call, order);

export const repoActions: RouteTable = {
  'POST /api/hosts/:host/repo/prune': action(shapes.PruneArgs, pruneOrder),
  'POST /api/hosts/:host/repo/check': action(shapes.CheckArgs, checkOrder),
  'POST /api/hosts/:host/repo/unlock': action(shapes.UnlockArgs, unlockOrder),
  'POST /api/hosts/:host/repo/forget': action(shapes.ForgetArgs, forgetOrder),
  'POST /api/hosts/:host/repo/probe': action(shapes.InitArgs, initOrder),
  // A known repository that is gone, or another one, is an alarm and never made anew (H5).
  'POST /api/hosts/:host/repo/reinit': action(shapes.InitArgs, (call, args) => {
    const { metadata, status } = requireRepository(call.host, call.objects.cache);
    if (status?.id !== undefined) throw new Problem(409, 'already_initialized', `repository ${metadata.name} is known as ${status.id.slice(0, 10)} and is not initialised again: probe opens it; what takes its place needs a Repository of its own`);
    return initOrder(call, args);
  }),
  'POST /api/hosts/:host/repo/approve-forget': route({ may: 'approveforget repositories', body: shapes.ApproveForgetInput, reply: shapes.MaintenanceItem, status: 202 }, async ({ host, body, objects, principal, services: { log } }) => {
    const repository = requireRepository(host, objects.cache);
    const held = heldPlan(repository, objects.cache);
    if (held?.plan_hash !== body.plan_hash) throw new Problem(409, 'plan_changed', held ? `plan_hash: the forget held now is ${held.plan_hash}: ${held.message}` : `plan_hash: repository ${repository.metadata.name} holds no forget`, { details: { plan_hash: held?.plan_hash ?? null } });
    await objects.patchMeta('Repository', keyOf(repository), { annotations: { [APPROVE_FORGET_ANNOTATION]: body.plan_hash } });
    log.info({ repository: repository.metadata.name, plan: body.plan_hash, remove: held.remove, by: principal.name }, 'forget approved');
    return toMaintenance(requireRepository(host, objects.cache), objects.cache);
  }),
};
