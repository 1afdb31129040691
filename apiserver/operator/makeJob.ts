/** Makes jobs in a person's name. What a person asks of a host that is away is refused at once (E9). */
import { labels, newObject, type Host, type ResticJob, type Schedule, type SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { RunReply } from '#crds/operator/operator.gen.js';
import type { Cache } from '#controller/runtime/types.js';
import { uniqueName } from './names.js';
import { ownedBy, randomHex } from './objects.js';
import { Problem } from './problem.js';
import { isOnline } from './reach.js';
import type { Call } from './route.js';

const SEVEN_DAYS_SECONDS = 7 * 86_400;

export interface Order {
  type: ResticJob['spec']['type'];
  /** Where it runs. */
  host: Stored<Host>;
  group?: Stored<SourceGroup>;
  schedule?: Stored<Schedule>;
  spec?: Partial<ResticJob['spec']>;
}

/** What every kind of job may be told. */
export interface CommonArgs { upload_kibps?: number; download_kibps?: number; starting_deadline_seconds?: number; active_deadline_seconds?: number; dry_run?: boolean }

export function commonSpec({ upload_kibps: up, download_kibps: down, starting_deadline_seconds: starting, active_deadline_seconds: active, dry_run: dryRun }: CommonArgs): Partial<ResticJob['spec']> {
  const bandwidth = { ...(up === undefined ? {} : { uploadKiBps: up }), ...(down === undefined ? {} : { downloadKiBps: down }) };
  return {
    ...(Object.keys(bandwidth).length > 0 ? { bandwidth } : {}), ...(dryRun ? { dryRun } : {}),
    ...(starting === undefined ? {} : { startingDeadlineSeconds: starting }), ...(active === undefined ? {} : { activeDeadlineSeconds: active }),
  };
}

/** @throws Problem 503 host_offline */
export function refuseOffline(host: Stored<Host>, cache: Cache, now: number): void {
  if (!isOnline(cache, host, now)) throw new Problem(503, 'host_offline', `host ${host.metadata.name} is not connected: nothing was started`);
}

/** @throws Problem 503 host_offline */
export async function makeJob({ objects, principal, services }: Call<unknown>, { type, host, group, schedule, spec = {} }: Order): Promise<Stored<ResticJob>> {
  refuseOffline(host, objects.cache, services.clock.now());
  const { name } = host.metadata;
  return objects.create('ResticJob', newObject('ResticJob', {
    name: uniqueName(`${group ? group.metadata.name : name}-${type.toLowerCase()}`, randomHex(10)),
    ownerReferences: [ownedBy(host)],
    labels: { [labels.host]: name, [labels.origin]: 'User', ...(group ? { [labels.sourceGroup]: group.metadata.name } : {}), ...(schedule ? { [labels.schedule]: schedule.metadata.name } : {}) },
  }, {
    spec: {
      hostRef: { name }, type, ...(group ? { sourceGroupRef: { name: group.metadata.name } } : {}),
      origin: { type: 'User', name: principal.name }, ttlSecondsAfterFinished: SEVEN_DAYS_SECONDS, ...spec,
    },
  }));
}

/** @throws Problem 503 host_offline */
export function runBackup(call: Call<unknown>, group: Stored<SourceGroup>, schedule?: Stored<Schedule>): Promise<Stored<ResticJob>> {
  return makeJob(call, { type: 'Backup', host: call.host, group, ...(schedule ? { schedule } : {}) });
}

export function runReply(jobs: readonly Stored<ResticJob>[]): RunReply {
  const ids = jobs.map(({ metadata }) => metadata.uid);
  return { job_id: ids[0] ?? '', job_ids: ids };
}
