/** The snapshots of a host and how two of them differ. */
import { makeJob, runReply } from './makeJob.js';
import { diffOrder } from './jobOrders.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const snapshots: RouteTable = {
  'POST /api/hosts/:host/snapshots/diff': route({ may: 'create resticjobs', body: shapes.DiffInput, reply: shapes.RunReply, status: 202 }, async (call) => runReply([await makeJob(call, diffOrder(call, call.body))])),
};
