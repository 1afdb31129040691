/** The operator API as functions: one per route this page calls, with the generated body and reply types. */
import type { AcceptInput, Account, ApproveForgetInput, BootstrapInput, CheckArgs, DiffInput, ForgetArgs, JobItem, LoginInput, LoginReply, MaintenanceItem, ManifestsStatus, PruneArgs, RestoreInput, RunReply, ScheduleInput, SourceGroupInput, SourceGroupItem, ScheduleItem, SnapshotList, TreeList, VersionReply } from '#crds/operator/operator.gen.js';
import { call } from './client.js';

const part = encodeURIComponent;

export const operator = {
  version: (): Promise<VersionReply> => call('GET', '/api/version', { anonymous: true }),
  account: (): Promise<Account> => call('GET', '/api/account', { anonymous: true }),
  bootstrap: (body: BootstrapInput): Promise<unknown> => call('POST', '/api/bootstrap', { body, anonymous: true }),
  login: (body: LoginInput): Promise<LoginReply> => call('POST', '/api/auth/login', { body, anonymous: true }),
  logout: (): Promise<unknown> => call('POST', '/api/auth/logout', { anonymous: true }),

  acceptHost: (id: string, body: AcceptInput): Promise<unknown> => call('POST', `/api/pending-hosts/${part(id)}/accept`, { body }),
  rejectHost: (id: string): Promise<unknown> => call('POST', `/api/pending-hosts/${part(id)}/reject`),

  createGroup: (host: string, body: SourceGroupInput): Promise<SourceGroupItem> => call('POST', `/api/hosts/${part(host)}/source-groups`, { body }),
  runGroup: (host: string, group: string): Promise<RunReply> => call('POST', `/api/hosts/${part(host)}/source-groups/${part(group)}/run`),
  createSchedule: (host: string, body: ScheduleInput): Promise<ScheduleItem> => call('POST', `/api/hosts/${part(host)}/schedules`, { body }),
  runSchedule: (host: string, schedule: string): Promise<RunReply> => call('POST', `/api/hosts/${part(host)}/schedules/${part(schedule)}/run`),

  forget: (host: string, body: ForgetArgs): Promise<RunReply> => call('POST', `/api/hosts/${part(host)}/repo/forget`, { body }),
  prune: (host: string, body: PruneArgs): Promise<RunReply> => call('POST', `/api/hosts/${part(host)}/repo/prune`, { body }),
  check: (host: string, body: CheckArgs): Promise<RunReply> => call('POST', `/api/hosts/${part(host)}/repo/check`, { body }),
  unlock: (host: string): Promise<RunReply> => call('POST', `/api/hosts/${part(host)}/repo/unlock`, { body: {} }),
  probe: (host: string): Promise<RunReply> => call('POST', `/api/hosts/${part(host)}/repo/probe`, { body: {} }),
  approveForget: (host: string, body: ApproveForgetInput): Promise<MaintenanceItem> => call('POST', `/api/hosts/${part(host)}/repo/approve-forget`, { body }),

  snapshots: (host: string, query: { hostname?: string; path?: string; before?: string; after?: string; limit: number }): Promise<SnapshotList> => call('GET', `/api/hosts/${part(host)}/snapshots?${new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))).toString()}`),
  tree: (host: string, snapshot: string, path: string, after?: string): Promise<TreeList> => call('GET', `/api/hosts/${part(host)}/snapshots/${part(snapshot)}/tree?${new URLSearchParams({ path, ...(after === undefined ? {} : { after }) }).toString()}`),
  diff: (host: string, body: DiffInput): Promise<RunReply> => call('POST', `/api/hosts/${part(host)}/snapshots/diff`, { body }),
  restore: (host: string, body: RestoreInput): Promise<RunReply> => call('POST', `/api/hosts/${part(host)}/restore`, { body }),

  job: (id: string): Promise<JobItem> => call('GET', `/api/jobs/${part(id)}`),
  cancelJob: (id: string): Promise<unknown> => call('POST', `/api/jobs/${part(id)}/cancel`),

  confirmRemoval: (id: string): Promise<ManifestsStatus> => call('POST', '/api/manifests/prune', { body: { id } }),

  logUrl: (id: string, format: 'txt' | 'ndjson'): string => `/api/jobs/${part(id)}/log.${format}`,
};
