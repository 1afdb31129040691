/** Which groups and schedules concern a host, and is it there: reads of the caches that several resources share. */
import { isConnected } from '#controller/kinds/host/presence.js';
import { ALL } from '#controller/runtime/indexes.js';
import type { Cache } from '#controller/runtime/types.js';
import type { Host, Schedule, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { matchesSelector } from '#crds/selectors.js';

export function coversHost(group: Pick<SourceGroup, 'spec'>, host: Stored<Host>): boolean {
  if (group.spec.hostRef) return group.spec.hostRef.name === host.metadata.name;
  return group.spec.hostSelector !== undefined && matchesSelector(group.spec.hostSelector, host.metadata.labels);
}

/** Groups of the host by name: its own and those whose selector matches. */
export function groupsOf(cache: Cache, host: Stored<Host>): Stored<SourceGroup>[] {
  return [...cache.byIndex('SourceGroup', 'host', host.metadata.name), ...cache.byIndex('SourceGroup', 'selector', ALL).filter((group) => coversHost(group, host))]
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Schedules that fire at least one group of the host, by name. */
export function schedulesOf(cache: Cache, host: Stored<Host>): Stored<Schedule>[] {
  const found = new Map<string, Stored<Schedule>>();
  for (const group of groupsOf(cache, host)) for (const schedule of cache.byIndex('Schedule', 'sourceGroup', group.metadata.name)) found.set(schedule.metadata.uid, schedule);
  return [...found.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** A host is online while it is connected to a gateway whose Lease lives. */
export function isOnline(cache: Cache, host: Stored<Host>, now: number): boolean {
  return isConnected(host, { cache, namespace: host.metadata.namespace, now });
}
