/** What is backed up on a host: list, create, change, delete, run now. */
import { labels, newObject, type Host, type SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { AlreadyExists } from '#crds/objectStore.js';
import type { SourceGroupInput, SourceGroupUpdate } from '#crds/operator/operator.gen.js';
import { tagOf } from '#controller/plan/policies.js';
import { equal } from '../stores/plainJson.js';
import { dependantsOfGroup, refuseInUse } from './dependants.js';
import { groupTerms, specFrom, toItem } from './groupBody.js';
import { runBackup, runReply } from './makeJob.js';
import { childName, hashedChildName } from './names.js';
import { ownedBy, withSpec, type Objects } from './objects.js';
import { inBodyTerms, invalid, Problem } from './problem.js';
import { groupsOf } from './reach.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

export const sourceGroups: RouteTable = {
  'GET /api/hosts/:host/source-groups': route({ may: 'list sourcegroups', reply: shapes.items(shapes.SourceGroupItem) }, ({ host, objects }) => ({ items: groupsOf(objects.cache, host).map(toItem) })),
  'POST /api/hosts/:host/source-groups': route({ may: 'create sourcegroups', body: shapes.SourceGroupInput, reply: shapes.SourceGroupItem, status: 201 }, async ({ host, body, objects }) => {
    if (groupsOf(objects.cache, host).some((group) => tagOf(group) === body.name)) throw new Problem(409, 'already_exists', `name: host ${host.metadata.name} has a source group ${JSON.stringify(body.name)} already`, { details: [{ field: 'name', message: 'is taken' }] });
    const spec = checked(body, { hostRef: { name: host.metadata.name }, tag: body.name } as SourceGroup['spec'], objects);
    return toItem(await inBodyTerms(groupTerms, () => create(host, body, spec, objects)));
  }),
  'PUT /api/hosts/:host/source-groups/:group': route({ may: 'update sourcegroups', body: shapes.SourceGroupUpdate, reply: shapes.SourceGroupItem }, async ({ group, body, objects }) => {
    if (group.spec.hostRef === undefined) throw shared(group, 'change');
    if (body.name !== undefined && body.name !== tagOf(group)) throw invalid('name', `stays ${JSON.stringify(tagOf(group))}: snapshots and retention are found by it; make another group instead`);
    const spec = checked(body, group.spec, objects);
    return toItem(await inBodyTerms(groupTerms, () => objects.update('SourceGroup', withSpec(group, spec))));
  }),
  'DELETE /api/hosts/:host/source-groups/:group': route({ may: 'delete sourcegroups', status: 204 }, ({ host, group, objects, services }) => services.turns.take(host.metadata.uid, () => remove(host, group, objects))),
  'POST /api/hosts/:host/source-groups/:group/run': route({ may: 'create resticjobs', reply: shapes.RunReply, status: 202 }, async (call) => runReply([await runBackup(call, call.group)])),
};

/** The spec a body asks for; who it needs the right of is asked before anything is written. @throws Problem 422, 403 */
function checked(body: SourceGroupUpdate, stored: SourceGroup['spec'], objects: Objects): SourceGroup['spec'] {
  const spec = specFrom(body, stored);
  if (spec.includes === undefined && spec.stdin === undefined) throw invalid('includes', 'is required; or stdin, for what a command prints');
  if (spec.includes !== undefined && spec.stdin !== undefined) throw invalid('stdin', 'and includes exclude each other: send null or [] for the one to leave');
  for (const field of ['hooks', 'stdin'] as const) if (!equal(spec[field], stored[field])) objects.require('sethooks', 'SourceGroup', field);
  return spec;
}

const shared = ({ metadata }: Stored<SourceGroup>, verb: string): Problem => new Problem(409, 'shared', `source group ${metadata.name} is for every host its hostSelector matches: ${verb} it where it is declared`);

/** A host keeps at least one group, and a group in use stays (S1). One of several hosts is not deleted through one of them. */
async function remove(host: Stored<Host>, group: Stored<SourceGroup>, objects: Objects): Promise<void> {
  const what = `source group ${group.metadata.name}`;
  if (group.spec.hostRef === undefined) throw shared(group, 'delete');
  const others = groupsOf(objects.cache, host).filter((other) => other.metadata.uid !== group.metadata.uid);
  if (others.length === 0) throw new Problem(409, 'last_source_group', `${what} is the only one of host ${host.metadata.name}: a host keeps at least one`);
  refuseInUse(what, dependantsOfGroup(group, objects.cache));
  await objects.remove('SourceGroup', group);
}

async function create(host: Stored<Host>, { name }: SourceGroupInput, spec: SourceGroup['spec'], objects: Objects): Promise<Stored<SourceGroup>> {
  const object = (objectName: string): SourceGroup => newObject('SourceGroup', { name: objectName, labels: { [labels.host]: host.metadata.name }, ownerReferences: [ownedBy(host)] }, { spec });
  try {
    return await objects.create('SourceGroup', object(childName(host.metadata.name, name)));
  } catch (error) {
    // Taken by what reads the same and is not this (E33).
    if (error instanceof AlreadyExists) return objects.create('SourceGroup', object(hashedChildName(host.metadata.name, name)));
    throw error;
  }
}
