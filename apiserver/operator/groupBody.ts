/** A source group in the words of /api, and back. A member a body leaves out keeps what is stored; null or empty takes it away. */
import type { SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { Hooks, RetentionPolicy, SourceGroupItem, SourceGroupUpdate, StdinSource } from '#crds/operator/operator.gen.js';
import { tagOf } from '#controller/plan/policies.js';
import { conditionOf } from '#controller/status/conditions.js';

type Spec = SourceGroup['spec'];

/** Path in the object -> field of the body, for refusals. */
export const groupTerms = {
  'spec.includes': 'includes', 'spec.excludes': 'excludes', 'spec.tag': 'name', 'spec.excludeIfPresent': 'exclude_if_present', 'spec.excludeLargerThan': 'exclude_larger_than', 'spec.requireMount': 'require_mount',
  'spec.stdin.command': 'stdin.command', 'spec.stdin.filename': 'stdin.filename', 'spec.retention': 'retention_policy', 'spec.retry': 'retry_max', 'spec.hooks': 'hooks', 'spec.activeDeadlineSeconds': 'active_deadline_seconds',
} as const;

const keeps = [
  ['keepLast', 'keep_last'], ['keepHourly', 'keep_hourly'], ['keepDaily', 'keep_daily'], ['keepWeekly', 'keep_weekly'], ['keepMonthly', 'keep_monthly'], ['keepYearly', 'keep_yearly'],
] as const;

/** The spec a body asks for, over what is stored. */
export function specFrom(body: SourceGroupUpdate, stored: Spec): Spec {
  const next: Record<string, unknown> = { ...stored };
  const set = (field: keyof Spec, value: unknown): void => {
    if (value === undefined) return;
    const empty = value === null || value === false || (Array.isArray(value) && value.length === 0);
    if (empty) Reflect.deleteProperty(next, field);
    else next[field] = value;
  };
  set('includes', body.includes && [...new Set(body.includes)]);
  set('excludes', body.excludes && [...new Set(body.excludes)]);
  set('excludeCaches', body.exclude_caches);
  set('excludeIfPresent', body.exclude_if_present && [...new Set(body.exclude_if_present)]);
  set('excludeLargerThan', blank(body.exclude_larger_than));
  set('oneFileSystem', body.one_file_system);
  set('requireMount', body.require_mount && [...new Set(body.require_mount)]);
  set('skipIfUnchanged', body.skip_if_unchanged);
  set('windows', body.use_fs_snapshot === undefined ? undefined : body.use_fs_snapshot ? { useFsSnapshot: true } : null);
  set('stdin', body.stdin);
  set('retention', body.retention_policy === undefined ? undefined : retentionFrom(body.retention_policy));
  set('retry', retryFrom(body, stored.retry));
  set('hooks', body.hooks === undefined ? undefined : hooksFrom(body.hooks));
  set('activeDeadlineSeconds', body.active_deadline_seconds);
  set('suspend', body.suspended);
  return next as unknown as Spec;
}

const blank = (text: string | null | undefined): string | null | undefined => (text === '' ? null : text);

/** 0 is "this rule is not used"; nothing but such is no retention: forget skips the group. */
function retentionFrom(policy: RetentionPolicy | null): Spec['retention'] | null {
  const rules: Record<string, unknown> = Object.fromEntries(keeps.flatMap(([field, name]) => (policy?.[name] ? [[field, policy[name]]] : [])));
  if (policy?.keep_within) rules['keepWithin'] = policy.keep_within;
  if (policy?.keep_tags && policy.keep_tags.length > 0) rules['keepTags'] = [...new Set(policy.keep_tags)];
  return Object.keys(rules).length === 0 ? null : rules;
}

/** retry_max counts what comes after the first attempt. */
function retryFrom({ retry_max: max, retry_backoff_seconds: backoff }: SourceGroupUpdate, stored: Spec['retry']): Spec['retry'] | null | undefined {
  if (max === undefined && backoff === undefined) return undefined;
  const retries = max === undefined ? (stored?.maxAttempts ?? 1) - 1 : (max ?? 0);
  const seconds = backoff === undefined ? stored?.backoffSeconds : (backoff ?? 0);
  return retries === 0 ? null : { maxAttempts: retries + 1, ...(seconds ? { backoffSeconds: seconds } : {}) };
}

function hooksFrom(hooks: Hooks | null): Spec['hooks'] | null {
  if (!hooks || (!hooks.pre && !hooks.post)) return null;
  const script = (phase: 'pre' | 'post'): object => (hooks[phase] ? { [phase]: { secretKeyRef: { name: hooks[phase].secret, key: hooks[phase].key } } } : {});
  return { ...script('pre'), ...script('post'), ...(hooks.timeout_seconds ? { timeoutSeconds: hooks.timeout_seconds } : {}) };
}

export function toItem(group: Stored<SourceGroup>): SourceGroupItem {
  const { metadata, spec, status } = group;
  const aligned = conditionOf(group, 'RetentionAligned');
  return {
    id: metadata.uid, name: tagOf(group), object_name: metadata.name, shared: spec.hostRef === undefined, includes: spec.includes ?? [], excludes: spec.excludes ?? [],
    exclude_caches: spec.excludeCaches === true, exclude_if_present: spec.excludeIfPresent ?? [], exclude_larger_than: spec.excludeLargerThan ?? null, one_file_system: spec.oneFileSystem === true,
    require_mount: spec.requireMount ?? [], skip_if_unchanged: spec.skipIfUnchanged === true, use_fs_snapshot: spec.windows?.useFsSnapshot === true, stdin: (spec.stdin as StdinSource | undefined) ?? null,
    retention_policy: retentionOf(spec.retention), retention_message: aligned?.status === 'False' ? aligned.message : null,
    retry_max: (spec.retry?.maxAttempts ?? 1) - 1, retry_backoff_seconds: spec.retry?.backoffSeconds ?? null, hooks: hooksOf(spec.hooks),
    active_deadline_seconds: spec.activeDeadlineSeconds ?? null, suspended: spec.suspend === true, last_backup_at: status?.lastBackupTime ?? null,
  };
}

function retentionOf(retention: Spec['retention'] = {}): RetentionPolicy | null {
  const policy: RetentionPolicy = Object.fromEntries(keeps.flatMap(([field, name]) => (retention[field] === undefined ? [] : [[name, retention[field]]])));
  if (retention.keepWithin !== undefined) policy.keep_within = retention.keepWithin;
  if (retention.keepTags && retention.keepTags.length > 0) policy.keep_tags = retention.keepTags;
  return Object.keys(policy).length === 0 ? null : policy;
}

function hooksOf(hooks: Spec['hooks']): Hooks | null {
  if (!hooks) return null;
  const script = (phase: 'pre' | 'post'): Hooks['pre'] => { const ref = hooks[phase]?.secretKeyRef; return ref ? { secret: ref.name, key: ref.key } : null; };
  return { pre: script('pre'), post: script('post'), timeout_seconds: hooks.timeoutSeconds ?? null };
}
