/** The bodies and replies of crds/operator with their validators: what a route declares, and what its requests are checked with. */
import type * as wire from '#crds/operator/operator.gen.js';
import * as generated from '#crds/operator/operator.validate.gen.js';
import { Problem, type FieldProblem } from './problem.js';

/** Carries the type only for the compiler. */
export interface Shape<T> {
  name: string;
  array?: true;
  check(value: unknown): FieldProblem[];
  readonly type?: T;
}

interface AjvError { instancePath: string; keyword: string; message?: string; params: Record<string, unknown> }
type Validator = ((value: unknown) => boolean) & { errors?: AjvError[] | null };

const validators = generated as unknown as Record<string, Validator | undefined>;

function shape<T>(name: string): Shape<T> {
  const validate = validators[name];
  if (!validate) throw new Error(`crds/operator has no definition ${name}`);
  return { name, check: (value) => (validate(value) ? [] : told(validate.errors ?? []).map(problemOf)) };
}

/** Of a member that may be null, what is wrong with it when it is not is what counts. */
function told(errors: readonly AjvError[]): readonly AjvError[] {
  const inner = errors.filter(({ keyword, params }) => keyword !== 'oneOf' && !(keyword === 'type' && params['type'] === 'null'));
  return inner.length > 0 ? inner : errors;
}

/** `{items: [...]}` */
export function items<T>(item: Shape<T>): Shape<{ items: T[] }> {
  return {
    name: `${item.name}List`, array: true,
    check: (value) => (typeof value === 'object' && value !== null && 'items' in value && Array.isArray(value.items) ? value.items.flatMap((each) => item.check(each)) : [{ field: 'items', message: 'must be an array' }]),
  };
}

export const BootstrapInput = shape<wire.BootstrapInput>('BootstrapInput');
export const LoginInput = shape<wire.LoginInput>('LoginInput');
export const LoginReply = shape<wire.LoginReply>('LoginReply');
export const Account = shape<wire.Account>('Account');
export const VersionReply = shape<wire.VersionReply>('VersionReply');
export const EnrollmentTokenInput = shape<wire.EnrollmentTokenInput>('EnrollmentTokenInput');
export const EnrollmentTokenReply = shape<wire.EnrollmentTokenReply>('EnrollmentTokenReply');
export const EnrollInput = shape<wire.EnrollInput>('EnrollInput');
export const EnrollReply = shape<wire.EnrollReply>('EnrollReply');
export const AnnounceInput = shape<wire.AnnounceInput>('AnnounceInput');
export const AnnounceReply = shape<wire.AnnounceReply>('AnnounceReply');
export const AcceptInput = shape<wire.AcceptInput>('AcceptInput');
export const PendingHost = shape<wire.PendingHost>('PendingHost');
export const HostItem = shape<wire.HostItem>('HostItem');
export const SourceGroupInput = shape<wire.SourceGroupInput>('SourceGroupInput');
export const SourceGroupItem = shape<wire.SourceGroupItem>('SourceGroupItem');
export const ScheduleInput = shape<wire.ScheduleInput>('ScheduleInput');
export const ScheduleItem = shape<wire.ScheduleItem>('ScheduleItem');
export const JobInput = shape<wire.JobInput>('JobInput');
export const JobItem = shape<wire.JobItem>('JobItem');
export const RunReply = shape<wire.RunReply>('RunReply');
export const BandwidthInput = shape<wire.BandwidthInput>('BandwidthInput');
export const TagsInput = shape<wire.TagsInput>('TagsInput');
export const ModeInput = shape<wire.ModeInput>('ModeInput');
export const SourceGroupUpdate = shape<wire.SourceGroupUpdate>('SourceGroupUpdate');
export const ScheduleUpdate = shape<wire.ScheduleUpdate>('ScheduleUpdate');
export const MaintenanceItem = shape<wire.MaintenanceItem>('MaintenanceItem');
export const MaintenanceInput = shape<wire.MaintenanceInput>('MaintenanceInput');
export const ApproveForgetInput = shape<wire.ApproveForgetInput>('ApproveForgetInput');
export const RepoCredentials = shape<wire.RepoCredentials>('RepoCredentials');
export const RepoCredentialsInput = shape<wire.RepoCredentialsInput>('RepoCredentialsInput');
export const AdminCredentials = shape<wire.AdminCredentials>('AdminCredentials');
export const HookScripts = shape<wire.HookScripts>('HookScripts');
export const HookScriptsInput = shape<wire.HookScriptsInput>('HookScriptsInput');
export const AdminCredentialsInput = shape<wire.AdminCredentialsInput>('AdminCredentialsInput');
export const RepoStats = shape<wire.RepoStats>('RepoStats');
export const RepoStatsQuery = shape<wire.RepoStatsQuery>('RepoStatsQuery');
export const SnapshotList = shape<wire.SnapshotList>('SnapshotList');
export const SnapshotsQuery = shape<wire.SnapshotsQuery>('SnapshotsQuery');
export const DiffInput = shape<wire.DiffInput>('DiffInput');
export const TreeQuery = shape<wire.TreeQuery>('TreeQuery');
export const TreeList = shape<wire.TreeList>('TreeList');
export const RestoreInput = shape<wire.RestoreInput>('RestoreInput');
export const BackupArgs = shape<wire.BackupArgs>('BackupArgs');
export const InitArgs = shape<wire.InitArgs>('InitArgs');
export const ForgetArgs = shape<wire.ForgetArgs>('ForgetArgs');
export const PruneArgs = shape<wire.PruneArgs>('PruneArgs');
export const CheckArgs = shape<wire.CheckArgs>('CheckArgs');
export const UnlockArgs = shape<wire.UnlockArgs>('UnlockArgs');
export const RestoreArgs = shape<wire.RestoreArgs>('RestoreArgs');
export const DiffArgs = shape<wire.DiffArgs>('DiffArgs');
export const JobsQuery = shape<wire.JobsQuery>('JobsQuery');
export const ManifestsStatus = shape<wire.ManifestsStatus>('ManifestsStatus');
export const ManifestsConfirmInput = shape<wire.ManifestsConfirmInput>('ManifestsConfirmInput');

/**
 * @param at where the value is in the body, e.g. `args`
 * @throws Problem 422 naming the first field that does not fit
 */
export function parse<T>(expected: Shape<T>, value: unknown, at = ''): T {
  const problems = expected.check(value).map(({ field, message }) => ({ field: [at, field].filter((part) => part !== '').join('.'), message }));
  const [first] = problems;
  if (!first) return value as T;
  throw new Problem(422, 'invalid', first.field === '' ? `the body ${first.message}` : `${first.field}: ${first.message}`, { details: problems });
}

function problemOf({ instancePath, keyword, message = 'is not valid', params }: AjvError): FieldProblem {
  const at = instancePath.slice(1).replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.');
  const inner = (name: unknown): string => (at === '' ? String(name) : `${at}.${String(name)}`);
  switch (keyword) {
    case 'required': return { field: inner(params['missingProperty']), message: 'is required' };
    case 'additionalProperties': return { field: inner(params['additionalProperty']), message: 'is not a known field' };
    case 'enum': return { field: at, message: `must be one of ${(params['allowedValues'] as unknown[]).map(String).join(', ')}` };
    default: return { field: at, message };
  }
}
