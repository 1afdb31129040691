/**
 * What retention a repository's snapshots are under: one policy per host and tag. Snapshots of no policy are never touched.
 * Two groups under one tag on one host would put two retentions on the same snapshots: then neither counts (E2).
 */
import type { Host, Repository, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { ForgetArgs, Retention } from '#crds/wire/agentProtocol.gen.js';
import { snapshotHostOf } from '../runtime/indexes.js';
import type { Cache } from '../runtime/types.js';
import { snapshotHostTakenBy } from './snapshotHost.js';
import { groupsOf } from './select.js';

export type ForgetPolicy = NonNullable<ForgetArgs['policies']>[number];
export type ForgetGuard = NonNullable<ForgetArgs['guard']>;

/** The tag of a group's snapshots. */
export function tagOf(group: Pick<SourceGroup, 'spec' | 'metadata'>): string {
  return group.spec.tag ?? group.metadata.name;
}

/** The retention of a group, or undefined when it keeps everything: an empty one never means "delete all". */
export function retentionOf(group: Pick<SourceGroup, 'spec'>): Retention | undefined {
  const set = Object.entries(group.spec.retention ?? {}).filter(([, value]) => value !== undefined && (!Array.isArray(value) || value.length > 0));
  return set.length === 0 ? undefined : (Object.fromEntries(set) as Retention);
}

/** Tags that two or more groups share on a host, with the groups' names, sorted by tag. */
export function sharedTags(host: Pick<Host, 'metadata'>, cache: Cache): { tag: string; groups: string[] }[] {
  return [...byTag(groupsOf(host, cache))].filter(([, groups]) => groups.length > 1)
    .map(([tag, groups]) => ({ tag, groups: groups.map((group) => group.metadata.name) })).sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

function byTag(groups: readonly Stored<SourceGroup>[]): Map<string, Stored<SourceGroup>[]> {
  const tags = new Map<string, Stored<SourceGroup>[]>();
  for (const group of groups) tags.set(tagOf(group), [...(tags.get(tagOf(group)) ?? []), group]);
  return tags;
}

/** The policies of one host, sorted by tag. A host whose snapshotHost belongs to another makes no snapshots and has none. */
export function policiesOfHost(host: Stored<Host>, cache: Cache): ForgetPolicy[] {
  if (snapshotHostTakenBy(host, cache)) return [];
  return [...byTag(groupsOf(host, cache))].flatMap(([tag, [group, ...others]]) => {
    const retention = group && retentionOf(group);
    return retention && others.length === 0 ? [{ host: snapshotHostOf(host), tag, retention }] : [];
  }).sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

/** The policies of a repository (ForgetArgs.policies), sorted by host and tag. */
export function forgetPolicies(repository: Pick<Repository, 'metadata'>, cache: Cache): ForgetPolicy[] {
  return cache.byIndex('Host', 'repository', repository.metadata.name).flatMap((host) => policiesOfHost(host, cache))
    .sort((a, b) => (`${a.host}/${a.tag}` < `${b.host}/${b.tag}` ? -1 : 1));
}

/** Whether a forget of this repository would have anything to do; stops at the first policy. */
export function hasPolicies(repository: Pick<Repository, 'metadata'>, cache: Cache): boolean {
  return cache.byIndex('Host', 'repository', repository.metadata.name).some((host) => policiesOfHost(host, cache).length > 0);
}

/** The guard of a repository (ForgetArgs.guard), with the defaults of the resource. */
export function guardOf(repository: Pick<Repository, 'spec'>): ForgetGuard {
  const { maxRemovalPercent = 30, keepWithinFloor = '14d' } = repository.spec.retentionGuard ?? {};
  return { maxRemovalPercent, keepWithinFloor };
}
