/**
 * What refers to an object that somebody wants to delete. The resource API lets anything go and dependants say so in a
 * condition (GitOps applies in any order); /api refuses earlier, with the list, because a person is there to read it.
 */
import { isFinished } from '#controller/runtime/indexes.js';
import type { Cache } from '#controller/runtime/types.js';
import type { Host, SourceGroup } from '#crds/kinds.js';
import type { StoredMeta, Stored } from '#crds/meta.js';
import { Problem } from './problem.js';

export interface Dependant { kind: string; name: string; id: string }

type Named = { kind: string; metadata: StoredMeta };

const SHOWN = 5;

/** Schedules that fire the group, and unfinished jobs of it. */
export function dependantsOfGroup(group: Stored<SourceGroup>, cache: Cache): Dependant[] {
  const { name } = group.metadata;
  return listed([...cache.byIndex('Schedule', 'sourceGroup', name), ...cache.byIndex('ResticJob', 'sourceGroup', name).filter((job) => !isFinished(job))]);
}

/** What would be left behind pointing at nothing: neither the host's own, which goes with it, nor its jobs, which end by themselves. */
export function dependantsOfHost(host: Stored<Host>, cache: Cache): Dependant[] {
  const { name, uid } = host.metadata;
  const goes = ({ metadata: { ownerReferences = [] } }: Named): boolean => ownerReferences.length > 0 && ownerReferences.every((owner) => owner.uid === uid);
  const stays = (object: Named): boolean => !goes(object);
  const groups = cache.byIndex('SourceGroup', 'host', name);
  const leaving = cache.byIndex('SourceGroup', 'owner', uid).filter(goes);
  return listed([
    ...groups.filter(stays),
    ...leaving.flatMap((group) => cache.byIndex('Schedule', 'sourceGroup', group.metadata.name)).filter(stays),
    ...cache.byIndex('Repository', 'runner', name).filter(stays),
    ...cache.byIndex('Repository', 'owner', uid).filter(goes).flatMap((repository) => cache.byIndex('Host', 'repository', repository.metadata.name)).filter((other) => other.metadata.uid !== uid),
  ]);
}

/** @throws Problem 409 in_use, its details holding every dependant */
export function refuseInUse(what: string, dependants: readonly Dependant[]): void {
  if (dependants.length === 0) return;
  const names = dependants.slice(0, SHOWN).map(({ kind, name }) => `${kind} ${name}`).join(', ');
  const rest = dependants.length > SHOWN ? ` and ${String(dependants.length - SHOWN)} more` : '';
  throw new Problem(409, 'in_use', `${what} is in use by ${names}${rest}`, { details: { dependants: [...dependants] } });
}

function listed(objects: readonly Named[]): Dependant[] {
  const found = new Map(objects.map(({ kind, metadata: { name, uid } }) => [uid, { kind, name, id: uid }]));
  return [...found.values()].sort((a, b) => (`${a.kind}/${a.name}` < `${b.kind}/${b.name}` ? -1 : 1));
}
