/** Bringing files back, with a person there to read what is refused (R3, R4, E11). */
import { inBodyTerms } from './problem.js';
import { makeJob, runReply } from './makeJob.js';
import { restoreOrder } from './restoreOrder.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const restore: RouteTable = {
  'POST /api/hosts/:host/restore': route({ may: 'create resticjobs', body: shapes.RestoreInput, reply: shapes.RunReply, status: 202 }, async (call) => {
    const order = await restoreOrder(call, call.body);
    return runReply([await inBodyTerms({ 'spec.restore.paths': 'paths' }, () => makeJob(call, order))]);
  }),
};
