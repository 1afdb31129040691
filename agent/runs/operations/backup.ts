/**
 * A backup with its hooks. The post hook is owed from before the pre hook begins: an unquiesced database must not be saved as
 * if it were, and a quiesced one must not stay so, whatever happens to restic, to the job or to this agent.
 */
import { join } from 'node:path';
import type { Plan, PlanGroup } from '#crds/wire/agentProtocol.gen.js';
import { messageOf } from '../../log.js';
import { backup, type BackupResult } from '../../restic/backup.js';
import { repositoryRedactor } from '../../restic/env.js';
import { ResticError } from '../../restic/exitCodes.js';
import type { Restic } from '../../restic/restic.js';
import { runHook, type HookJobStatus, type HookPhase, type HookResult } from '../hooks.js';
import { failed } from './failed.js';
import type { Operation, Outcome, Setting } from './operation.js';

type Locked = (work: (restic: Restic) => Promise<Outcome>) => Promise<Outcome>;

/** @throws ResticError UnknownGroup, PolicyRefused, HookUnreadable, HookFailed, ... and what the backup throws, once its post hook is over */
export async function backupWithHooks(op: Operation, setting: Setting, restic: Restic, locked: Locked): Promise<Outcome> {
  const { plan } = setting;
  const group = plan?.groups.find(({ name }) => name === op.identity.sourceGroup);
  if (!plan || !group) throw new ResticError('UnknownGroup', `source group ${op.identity.sourceGroup ?? '(none named)'} is not in this host's plan; it was removed, or does not match this host`);
  const work = async (): Promise<Outcome> => locked(async (own) => runBackup(op, own, plan, group));
  await op.policy.requireBackup(group);
  const { pre, post } = group.hooks ?? {};
  if (!pre && !post) return work();
  if (op.args.dryRun) {
    op.onLine('agent', 'a dry run changes nothing: its hooks are not run');
    return work();
  }
  // what pre would stop, an unreadable post could not start again
  const unreadable = pre?.problem === undefined ? pre && post?.problem : pre.problem;
  if (unreadable !== undefined) throw new ResticError('HookUnreadable', `a hook of source group ${group.name} cannot be read, so nothing was backed up: ${unreadable}`);
  if (post) await op.owePost(group.name);
  let outcome: Outcome;
  try {
    const prepared = pre?.body === undefined ? { ok: true } as const : await hook(op, setting, group, 'pre', pre.body, 'running', op.signal);
    if (!prepared.ok && !op.signal.aborted) throw new ResticError('HookFailed', `nothing of source group ${group.name} was backed up: ${prepared.message}`);
    outcome = await work();
  } catch (error) {
    outcome = await failed(op, restic, error);
  }
  if (!post) return outcome;
  const done: HookResult = post.body === undefined ? { ok: false, message: `the post hook cannot be read: ${post.problem ?? 'it is empty'}` } : await hook(op, setting, group, 'post', post.body, statusOf(outcome));
  await op.owePost(undefined).catch((error: unknown) => { op.onLine('agent', `the journal could not note that the post hook ran: ${messageOf(error)}`); });
  if (done.ok) return outcome;
  op.onLine('agent', `warning: ${done.message}`);
  return { ...outcome, warnings: (outcome.warnings ?? 0) + 1, message: `${outcome.message}; ${done.message}`.slice(0, 4096) };
}

async function hook(op: Operation, { repository }: Setting, group: PlanGroup, phase: HookPhase, body: string, status: HookJobStatus, signal?: AbortSignal): Promise<HookResult> {
  const { environment } = op.policy;
  const redact = repositoryRedactor(repository, environment);
  const script = await op.policy.hook(body, group.name).catch((error: unknown) => ({ problem: messageOf(error) }));
  if ('problem' in script) return { ok: false, message: `the ${phase} hook could not be run: ${script.problem}` };
  return op.unwatched(async () => runHook({
    phase, script, environment, status, signal, job: op.identity.job, timeoutSeconds: group.hooks?.timeoutSeconds ?? 600, directory: hookDirectory(op.stateDir), clock: op.clock,
    onChild: op.onChild, onLine: (stream, line) => { op.onLine(stream, redact(line)); },
  }));
}

export function hookDirectory(stateDir: string): string {
  return join(stateDir, 'hooks');
}

function statusOf({ phase, reason }: Outcome): HookJobStatus {
  if (reason === 'Partial') return 'partial';
  return phase === 'Succeeded' ? 'succeeded' : phase === 'Cancelled' ? 'cancelled' : 'failed';
}

async function runBackup(op: Operation, restic: Restic, plan: Plan, group: PlanGroup): Promise<Outcome> {
  const result = await backup(restic, { group, snapshotHost: plan.snapshotHost, dryRun: op.args.dryRun, onLine: op.onLine, onProgress: op.onProgress, signal: op.signal });
  const { exitCode, warnings, summary, snapshotID, repositoryID } = result;
  const told = { phase: 'Succeeded', exitCode, warnings, summary, snapshotID, repositoryID, ...(result.skippedFiles.length > 0 ? { skippedFiles: result.skippedFiles } : {}) } as const;
  if (!result.complete) return { ...told, reason: 'Partial', message: partialMessage(op, group, result) };
  if (result.unchanged) return { ...told, reason: 'Unchanged', message: `nothing of ${group.name} changed since its last snapshot, so none was made` };
  if (!op.args.dryRun && summary.filesProcessed === 0) return { ...told, warnings: warnings + 1, reason: 'Completed', message: `snapshot ${(snapshotID ?? '').slice(0, 8)} of ${group.name} holds no file: ${group.includes.join(', ')} ${group.includes.length === 1 ? 'is' : 'are'} empty; if something should be mounted there, name it in requireMount`.slice(0, 4096) };
  return { ...told, reason: 'Completed', message: op.args.dryRun ? `dry run of ${group.name}: no snapshot was made` : `snapshot ${(snapshotID ?? '').slice(0, 8)} of ${group.name}` };
}

const NAMED = 3;

function partialMessage(op: Operation, group: PlanGroup, { snapshotID, warnings, missing, skippedFiles }: BackupResult): string {
  const unread = skippedFiles.filter((path) => !missing.includes(path));
  const more = warnings - missing.length - Math.min(NAMED, unread.length);
  const what = [
    ...(missing.length > 0 ? [`${missing.join(', ')} ${missing.length === 1 ? 'does' : 'do'} not exist on this host`] : []),
    ...(unread.length > 0 || missing.length === 0 ? [`could not be read: ${unread.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more, see the log` : ''}`] : []),
  ].join('; ');
  return (op.args.dryRun ? `dry run of ${group.name}: a snapshot would be incomplete: ${what}` : `snapshot ${(snapshotID ?? '').slice(0, 8)} of ${group.name} is incomplete: ${what}`).slice(0, 4096);
}
