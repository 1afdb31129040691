/** What a policy keeps, as restic itself says: a dry run of forget. Policies of equal retention share one. */
import type { ForgetPolicy } from './forgetGuard.js';
import { asArray, asObject, text, texts, type Json } from './json.js';
import type { Restic } from './restic.js';

export interface PlannedPolicy { policy: ForgetPolicy; keep: Planned[]; remove: Planned[] }
interface Planned { id: string; time: number }

/** Hosts and tags named to one restic. */
const NAMES = 200;

/** Only groups of exactly one policy's host and tag; snapshots of no policy are in none. @throws ResticError; ResticAborted */
export async function planPolicies(restic: Restic, policies: readonly ForgetPolicy[], signal: AbortSignal): Promise<PlannedPolicy[]> {
  const byRetention = new Map<string, ForgetPolicy[]>();
  for (const policy of policies) {
    const key = JSON.stringify(keepFlags(policy.retention));
    // a policy without a rule would keep nothing: never asked
    if (key !== '[]') byRetention.set(key, [...(byRetention.get(key) ?? []), policy]);
  }
  const planned: PlannedPolicy[] = [];
  for (const alike of byRetention.values()) {
    for (let from = 0; from < alike.length; from += NAMES) planned.push(...await dryRun(restic, alike.slice(from, from + NAMES), signal));
  }
  return planned;
}

async function dryRun(restic: Restic, policies: readonly ForgetPolicy[], signal: AbortSignal): Promise<PlannedPolicy[]> {
  const reply = await restic.json('forget', [
    '--dry-run', '--json', '--no-lock', '--group-by=host,tags',
    ...[...new Set(policies.map(({ host }) => host))].map((host) => `--host=${host}`),
    ...[...new Set(policies.map(({ tag }) => tag))].map((tag) => `--tag=${tag}`),
    ...keepFlags(policies[0]?.retention ?? {}),
  ], { signal });
  return asArray(reply).map(asObject).flatMap((group): PlannedPolicy[] => {
    const tags = texts(group, 'tags');
    const policy = policies.find(({ host, tag }) => text(group, 'host') === host && tags.length === 1 && tags[0] === tag);
    return policy ? [{ policy, keep: planned(group['keep']), remove: planned(group['remove']) }] : [];
  });
}

function planned(list: unknown): Planned[] {
  return asArray(list).map(asObject).flatMap((item: Json): Planned[] => {
    const id = text(item, 'id');
    return id === undefined ? [] : [{ id, time: Date.parse(text(item, 'time') ?? '') }];
  });
}

/** restic's flags of a retention; none for an empty one. */
export function keepFlags({ keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly, keepWithin, keepTags }: ForgetPolicy['retention']): string[] {
  const counts = Object.entries({ last: keepLast, hourly: keepHourly, daily: keepDaily, weekly: keepWeekly, monthly: keepMonthly, yearly: keepYearly });
  const rules = [...counts.flatMap(([name, count]) => (count ? [`--keep-${name}=${count}`] : [])), ...(keepWithin ? [`--keep-within=${keepWithin}`] : [])];
  // tags alone say what is kept besides, not what retention is
  return rules.length === 0 ? [] : [...rules, ...(keepTags ?? []).map((tag) => `--keep-tag=${tag}`)];
}
