/**
 * The job.run of a job: what its spec says, and what only the server can add, read from the caches at this moment and kept
 * nowhere. Pure. A job whose arguments are not all there is not sent half-made.
 */
import type { JobReason } from '#crds/conditions.js';
import type { JobRun, RestoreArgs } from '#crds/wire/agentProtocol.gen.js';
import { MAX_FRAME_BYTES } from '#crds/wire/frames.js';
import { adminCredentialsForJob, checkRuns, repositoryForJob } from '#controller/plan/access.js';
import { forgetPolicies, guardOf } from '#controller/plan/policies.js';
import { repositoryOf } from '#controller/runtime/indexes.js';
import { repositoryNameOf } from '#controller/runtime/jobs.js';
import { isDeleting, isReading } from '#controller/runtime/jobTypes.js';
import type { SessionContext, StoredJob } from './types.js';

export type MadeRun =
  | { ok: true; frame: JobRun }
  /** Without a reason: something is missing that may come back. With one: it never fits, the job ends with it. */
  | { ok: false; message: string; reason?: JobReason };

type Context = Pick<SessionContext, 'informers' | 'records' | 'namespace'>;
type Added = Pick<JobRun, 'repository' | 'adminCredentials' | 'forget'>;
type Attempt<T> = { ok: true; value: T } | Extract<MadeRun, { ok: false }>;

/** The wire's limits. */
const MOST_KNOWN = 40_000;
const MOST_POLICIES = 4096;
/** One known id in JSON: 16 digits, quotes, a comma. */
const KNOWN_BYTES = 19;
const ENVELOPE_BYTES = 1024;

export function makeJobRun(context: Context, job: StoredJob, runID: string): MadeRun {
  const added = additions(context, job);
  if (!added.ok) return added;
  const { spec, status } = job;
  const { restore, diff, check } = spec;
  const frame: JobRun = {
    identity: identityOf(job, runID),
    planGeneration: status?.desiredRun?.planGeneration ?? 0,
    ...(spec.activeDeadlineSeconds === undefined ? {} : { activeDeadlineSeconds: spec.activeDeadlineSeconds }),
    ...(spec.dryRun ? { dryRun: true } : {}),
    ...(spec.bandwidth === undefined ? {} : { bandwidth: spec.bandwidth }),
    ...(restore === undefined ? {} : { restore: restoreArgs(restore) }),
    ...(diff === undefined ? {} : { diff }),
    ...(check === undefined ? {} : { check }),
    ...(isReading(job) && checkRuns(repositoryName(context, job), context.informers.cache) ? { noLock: true } : {}),
    ...added.value,
  };
  return fitted(context, job, frame);
}

function identityOf({ metadata, spec }: StoredJob, runID: string): JobRun['identity'] {
  const { origin } = spec;
  return {
    job: metadata.name,
    runID,
    type: spec.type,
    startedBy: 'Server',
    ...(spec.sourceGroupRef ? { sourceGroup: spec.sourceGroupRef.name } : {}),
    ...(origin ? { origin: origin.type } : {}),
    ...(origin?.type === 'Schedule' && origin.name !== undefined ? { schedule: origin.name.slice(0, 63) } : {}),
    ...(origin?.dueTime === undefined ? {} : { dueTime: origin.dueTime }),
  };
}

function restoreArgs({ snapshot, paths, inPlace, targetDirectory, overwrite = 'Never', verify }: NonNullable<StoredJob['spec']['restore']>): RestoreArgs {
  return {
    snapshot, overwrite,
    ...(paths === undefined ? {} : { paths }),
    ...(inPlace ? { inPlace } : {}),
    ...(targetDirectory === undefined ? {} : { targetDirectory }),
    ...(verify ? { verify } : {}),
  };
}

function repositoryName({ informers: { cache }, namespace }: Context, job: StoredJob): string {
  return repositoryNameOf(job, cache.get('Host', { namespace, name: job.spec.hostRef.name })) ?? '';
}

/** What objects beside the job give. */
function additions(context: Context, job: StoredJob): Attempt<Added> {
  const { informers: { cache }, namespace } = context;
  const { spec } = job;
  const host = cache.get('Host', { namespace, name: spec.hostRef.name });
  if (!host) return { ok: false, message: `Host ${namespace}/${spec.hostRef.name} does not exist` };
  const name = repositoryName(context, job);
  const added: Added = {};
  if (name !== repositoryOf(host)) {
    // Only this field has the right that another repository's credentials on this host need (restorefrom).
    if (spec.restore?.repositoryRef?.name !== name) return { ok: false, message: `host ${host.metadata.name} uses repository ${repositoryOf(host)}, not ${name}` };
    const other = repositoryForJob(name, { cache, namespace });
    if (!other.ok) return { ok: false, message: `repository ${name}: ${other.message}` };
    if (other.value.id === undefined) return { ok: false, message: `repository ${name} was never opened` };
    added.repository = other.value;
  }
  if (!isDeleting(job)) return { ok: true, value: added };
  const repository = cache.get('Repository', { namespace, name });
  if (!repository) return { ok: false, message: `Repository ${namespace}/${name} does not exist` };
  // A dry run needs none, so none leaves the server.
  const admin = spec.dryRun ? { ok: true as const, value: undefined } : adminCredentialsForJob(repository, { cache, namespace });
  if (!admin.ok) return { ok: false, message: `repository ${name}: ${admin.message}` };
  if (admin.value !== undefined) added.adminCredentials = admin.value;
  if (spec.type !== 'Forget') return { ok: true, value: added };
  const { snapshotIDs, approvedPlan } = spec.forget ?? {};
  if (snapshotIDs !== undefined) return { ok: true, value: { ...added, forget: { snapshotIDs } } };
  const policies = forgetPolicies(repository, cache);
  if (policies.length > MOST_POLICIES) return { ok: false, reason: 'Unsupported', message: `repository ${name} has ${policies.length} retention policies (hosts x groups), one forget takes ${MOST_POLICIES}: use fewer groups or another repository` };
  return { ok: true, value: { ...added, forget: { policies, guard: guardOf(repository), ...(approvedPlan === undefined ? {} : { approvedPlan }) } } };
}

/** Adds the known snapshots that fit, the newest first: the runner remembers older ones itself. */
function fitted({ records, informers: { cache }, namespace }: Context, job: StoredJob, frame: JobRun): MadeRun {
  const bytes = Buffer.byteLength(JSON.stringify(frame)) + ENVELOPE_BYTES;
  if (bytes > MAX_FRAME_BYTES) {
    const hint = frame.restore?.paths === undefined ? 'use fewer source groups in this repository' : 'choose fewer paths, or a directory that holds them';
    return { ok: false, reason: 'Unsupported', message: `the arguments of this job have ${bytes} bytes, an agent takes ${MAX_FRAME_BYTES}: ${hint}` };
  }
  if (frame.forget?.policies === undefined) return { ok: true, frame };
  const host = cache.get('Host', { namespace, name: job.spec.hostRef.name });
  const id = host && cache.get('Repository', { namespace, name: repositoryOf(host) })?.status?.id;
  const room = Math.floor((MAX_FRAME_BYTES - bytes) / KNOWN_BYTES);
  const known = id === undefined ? [] : records.knownSnapshots(id, Math.min(MOST_KNOWN, room));
  return { ok: true, frame: { ...frame, forget: { ...frame.forget, known } } };
}
