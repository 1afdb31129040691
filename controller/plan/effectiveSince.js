import { parseTime, timestamp } from '../runtime/time.js';
const fields = ['f:schedule', 'f:timeZone', 'f:suspend'];
export function effectiveSince(schedule, host) {
    let since = Math.max(parseTime(schedule.metadata.creationTimestamp) ?? 0, parseTime(host.metadata.creationTimestamp) ?? 0);
    for (const entry of schedule.metadata.managedFields ?? []) {
        const spec = entry.subresource ? undefined : entry.fieldsV1?.['f:spec'];
        if (typeof spec !== 'object' || spec === null || !fields.some((field) => Object.hasOwn(spec, field)))
            continue;
        since = Math.max(since, parseTime(entry.time) ?? 0);
    }
    return timestamp(since);
}
//# sourceMappingURL=effectiveSince.js.map