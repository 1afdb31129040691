/** Work: ask for it, see it, read its log, cancel it. */
import { keyOf } from '#crds/meta.js';
import type { JobItem, JobsQuery } from '#crds/operator/operator.gen.js';
import { logPieces, ndjsonLine, textLine } from './jobLog.js';
import { isFinished, newestFirst, statusOf, toItem } from './jobItem.js';
import { orderOf } from './jobOrders.js';
import { makeJob, runReply } from './makeJob.js';
import { inBodyTerms, Problem } from './problem.js';
import { withSpec } from './objects.js';
import { route, TextReply, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const jobs: RouteTable = {
  'GET /api/hosts/:host/jobs': route({ may: 'list resticjobs', query: shapes.JobsQuery, reply: shapes.items(shapes.JobItem) }, ({ host, query, objects: { cache } }) => {
    const found = [...cache.byIndex('ResticJob', 'host', host.metadata.name)].sort(newestFirst).map((job) => toItem(job, cache)).filter((item) => fits(item, query));
    return { items: query.limit === undefined ? found : found.slice(0, Number(query.limit)) };
  }),
  'POST /api/hosts/:host/jobs': route({ may: 'create resticjobs', body: shapes.JobInput, reply: shapes.RunReply, status: 202 }, async (call) => {
    const order = await orderOf(call, call.body);
    return runReply([await inBodyTerms({ 'spec.restore.paths': 'args.paths' }, () => makeJob(call, order))]);
  }),
  'GET /api/jobs/:job': route({ may: 'get resticjobs', reply: shapes.JobItem }, ({ job, objects: { cache } }) => toItem(job, cache)),
  'GET /api/jobs/:job/log.txt': route({ may: 'get resticjobs/log' }, ({ job, services: { records } }) => new TextReply('text/plain; charset=utf-8', `${job.metadata.name}.txt`, logPieces(records, keyOf(job), textLine))),
  'GET /api/jobs/:job/log.ndjson': route({ may: 'get resticjobs/log' }, ({ job, services: { records } }) => new TextReply('application/x-ndjson; charset=utf-8', `${job.metadata.name}.ndjson`, logPieces(records, keyOf(job), ndjsonLine))),
  'POST /api/jobs/:job/cancel': route({ may: 'update resticjobs', reply: shapes.JobItem, status: 202 }, async ({ job, objects }) => {
    if (isFinished(job)) throw new Problem(409, 'job_finished', `job ${job.metadata.name} is over already: ${statusOf(job)}`);
    if (job.spec.cancel === true) return toItem(job, objects.cache);
    return toItem(await objects.update('ResticJob', withSpec(job, { ...job.spec, cancel: true })), objects.cache);
  }),
};

/** J7. A group may be named by id; its jobs outlive it. */
function fits(item: JobItem, { kind, status, source_group_id: group }: JobsQuery): boolean {
  return (kind === undefined || item.kind === kind) && (status === undefined || item.status === status) && (group === undefined || item.source_group_id === group);
}
