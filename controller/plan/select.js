import { matchesSelector } from '#crds/selectors.js';
import { ALL } from '../runtime/indexes.js';
const byName = (a, b) => (a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0);
export function groupMatches(group, host) {
    if (group.spec.hostRef)
        return group.spec.hostRef.name === host.metadata.name;
    return group.spec.hostSelector !== undefined && matchesSelector(group.spec.hostSelector, host.metadata.labels);
}
/** The groups of a host, sorted by name. */
export function groupsOf(host, cache) {
    const selected = cache.byIndex('SourceGroup', 'selector', ALL).filter((group) => groupMatches(group, host));
    return [...cache.byIndex('SourceGroup', 'host', host.metadata.name), ...selected].sort(byName);
}
/** The hosts of a group, sorted by name. */
export function hostsOf(group, cache, namespace) {
    if (group.spec.hostRef) {
        const host = cache.get('Host', { namespace, name: group.spec.hostRef.name });
        return host ? [host] : [];
    }
    return cache.list('Host').filter((host) => groupMatches(group, host)).sort(byName);
}
//# sourceMappingURL=select.js.map