/** Which hosts a group is for, which groups a host has: the joins that plan, status and event wiring share. */
import type { Host, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { matchesSelector } from '#crds/selectors.js';
import { ALL } from '../runtime/indexes.js';
import type { Cache } from '../runtime/types.js';

const byName = (a: { metadata: { name: string } }, b: { metadata: { name: string } }): number => (a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0);

export function groupMatches(group: Pick<SourceGroup, 'spec'>, host: Pick<Host, 'metadata'>): boolean {
  if (group.spec.hostRef) return group.spec.hostRef.name === host.metadata.name;
  return group.spec.hostSelector !== undefined && matchesSelector(group.spec.hostSelector, host.metadata.labels);
}

/** The groups of a host, sorted by name. */
export function groupsOf(host: Pick<Host, 'metadata'>, cache: Cache): Stored<SourceGroup>[] {
  const selected = cache.byIndex('SourceGroup', 'selector', ALL).filter((group) => groupMatches(group, host));
  return [...cache.byIndex('SourceGroup', 'host', host.metadata.name), ...selected].sort(byName);
}

/** The hosts of a group, sorted by name. */
export function hostsOf(group: Pick<SourceGroup, 'spec'>, cache: Cache, namespace: string): Stored<Host>[] {
  if (group.spec.hostRef) {
    const host = cache.get('Host', { namespace, name: group.spec.hostRef.name });
    return host ? [host] : [];
  }
  return cache.list('Host').filter((host) => groupMatches(group, host)).sort(byName);
}
