/** Which hosts a group is for, which groups a host has: the joins that plan, status and event wiring share. */
import type { Host, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { Cache } from '../runtime/types.js';
export declare function groupMatches(group: Pick<SourceGroup, 'spec'>, host: Pick<Host, 'metadata'>): boolean;
/** The groups of a host, sorted by name. */
export declare function groupsOf(host: Pick<Host, 'metadata'>, cache: Cache): Stored<SourceGroup>[];
/** The hosts of a group, sorted by name. */
export declare function hostsOf(group: Pick<SourceGroup, 'spec'>, cache: Cache, namespace: string): Stored<Host>[];
