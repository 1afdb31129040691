/** What is backed up on a host: list, create, delete, run now. */
import { labels, newObject, type Host, type SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { AlreadyExists } from '#crds/objectStore.js';
import type { SourceGroupInput, SourceGroupItem } from '#crds/operator/operator.gen.js';
import { dependantsOfGroup, refuseInUse } from './dependants.js';
import { runBackup } from './jobs.js';
import { refuseLater } from './later.js';
import { childName, hashedChildName } from './names.js';
import { ownedBy, type Objects } from './objects.js';
import { inBodyTerms, invalid, Problem } from './problem.js';
import { groupsOf } from './reach.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const sourceGroups: RouteTable = {
  'GET /api/hosts/:host/source-groups': route({ may: 'list sourcegroups', reply: shapes.items(shapes.SourceGroupItem) }, ({ host, objects }) => ({ items: groupsOf(objects.cache, host).map(toItem) })),
  'POST /api/hosts/:host/source-groups': route({ may: 'create sourcegroups', body: shapes.SourceGroupInput, reply: shapes.SourceGroupItem, status: 201 }, async ({ host, body, objects }) => {
    refuseLater(body);
    if (!body.includes?.length) throw invalid('includes', 'is required');
    if (groupsOf(objects.cache, host).some((group) => tagOf(group) === body.name)) throw new Problem(409, 'already_exists', `name: host ${host.metadata.name} has a source group ${JSON.stringify(body.name)} already`, { details: [{ field: 'name', message: 'is taken' }] });
    return toItem(await inBodyTerms({ 'spec.includes': 'includes', 'spec.excludes': 'excludes', 'spec.tag': 'name' }, () => create(host, body, objects)));
  }),
  'DELETE /api/hosts/:host/source-groups/:group': route({ may: 'delete sourcegroups', status: 204 }, ({ host, group, objects, services }) => services.turns.take(host.metadata.uid, () => remove(host, group, objects))),
  'POST /api/hosts/:host/source-groups/:group/run': route({ may: 'create resticjobs', reply: shapes.RunReply, status: 202 }, async (call) => {
    const job = await runBackup(call, call.group);
    return { job_id: job.metadata.uid, job_ids: [job.metadata.uid] };
  }),
};

/** A host keeps at least one group, and a group in use stays (S1). One of several hosts is not deleted through one of them. */
async function remove(host: Stored<Host>, group: Stored<SourceGroup>, objects: Objects): Promise<void> {
  const what = `source group ${group.metadata.name}`;
  if (group.spec.hostRef === undefined) throw new Problem(409, 'shared', `${what} is for every host its hostSelector matches: delete it where it is declared`);
  const others = groupsOf(objects.cache, host).filter((other) => other.metadata.uid !== group.metadata.uid);
  if (others.length === 0) throw new Problem(409, 'last_source_group', `${what} is the only one of host ${host.metadata.name}: a host keeps at least one`);
  refuseInUse(what, dependantsOfGroup(group, objects.cache));
  await objects.remove('SourceGroup', group);
}

export function tagOf(group: Pick<SourceGroup, 'spec' | 'metadata'>): string {
  return group.spec.tag ?? group.metadata.name;
}

async function create(host: Stored<Host>, { name, includes = [], excludes = [] }: SourceGroupInput, objects: Objects): Promise<Stored<SourceGroup>> {
  const object = (objectName: string): SourceGroup => newObject('SourceGroup', { name: objectName, labels: { [labels.host]: host.metadata.name }, ownerReferences: [ownedBy(host)] }, {
    spec: { hostRef: { name: host.metadata.name }, tag: name, includes: [...new Set(includes)], ...(excludes.length > 0 ? { excludes: [...new Set(excludes)] } : {}) },
  });
  try {
    return await objects.create('SourceGroup', object(childName(host.metadata.name, name)));
  } catch (error) {
    // Taken by what reads the same and is not this (E33).
    if (error instanceof AlreadyExists) return objects.create('SourceGroup', object(hashedChildName(host.metadata.name, name)));
    throw error;
  }
}

function toItem({ metadata, spec, status, ...rest }: Stored<SourceGroup>): SourceGroupItem {
  return {
    id: metadata.uid, name: tagOf({ metadata, spec, ...rest }), object_name: metadata.name, includes: spec.includes ?? [], excludes: spec.excludes ?? [],
    shared: spec.hostRef === undefined, suspended: spec.suspend === true, retention_policy: null, retry_max: (spec.retry?.maxAttempts ?? 1) - 1, last_backup_at: status?.lastBackupTime ?? null,
  };
}
