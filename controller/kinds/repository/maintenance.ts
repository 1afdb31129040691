/**
 * Carries maintenance out: makes the jobs that are due on the runner, then says in the status what was acted upon. Each job
 * is made before that, under a name that its due moment gives, so that a crash in between neither loses nor doubles one.
 */
import type { MaintenanceReason } from '#crds/conditions.js';
import type { Repository, ResticJob } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import { AlreadyExists, NotFound } from '#crds/objectStore.js';
import type { RepositoryStatus } from '#crds/types/repository.gen.js';
import type { Runner } from '../../plan/runner.js';
import { mayBeRunning } from '../../runtime/jobs.js';
import { parseTime, timestamp } from '../../runtime/time.js';
import type { ReconcileContext, Recorder } from '../../runtime/types.js';
import { conditionOf, removeCondition, setCondition, type Finding, type Moment } from '../../status/conditions.js';
import type { GatheredMaintenance, GatheredTask } from './maintenanceFacts.js';
import { APPROVAL_ANNOTATION, newApprovedJob, newMaintenanceJob } from './maintenanceJob.js';
import { typeOfTask, type Task } from './tasks.js';
import type { HeldPlan } from './upkeep.js';

/** A maintenance job that was not taken after this long is said to be overdue. */
const OVERDUE_MS = 24 * 3_600_000;

/** Makes and removes jobs, and writes down what was acted upon. */
export async function actOnMaintenance(status: RepositoryStatus, repository: Stored<Repository>, { tasks, approve }: GatheredMaintenance, runner: Runner, ctx: ReconcileContext): Promise<void> {
  for (const each of tasks) {
    const { task, step, due, state } = each;
    if (step !== 'undo') for (const job of each.stale) await dropUntaken(job, ctx);
    if (step === 'make' && due !== undefined && runner.ok) await make(newMaintenanceJob(repository, task, due, runner.host), repository, ctx);
    const acted = due === undefined ? undefined : step === 'make' || step === 'settle' ? due : step === 'undo' ? due - 1000 : undefined;
    if (state) status.maintenance = { ...status.maintenance, [task]: { ...state, ...(acted === undefined ? {} : { lastDueTime: timestamp(acted) }) } };
  }
  if (approve) await make(newApprovedJob(repository, approve.plan.hash, approve.plan.job.metadata.uid, approve.runner), repository, ctx);
}

async function make(job: ResticJob, repository: Stored<Repository>, ctx: ReconcileContext): Promise<void> {
  try {
    await ctx.store.create('ResticJob', job, ctx.writer);
    ctx.log.info({ repository: repository.metadata.name, job: job.metadata.name, type: job.spec.type }, 'maintenance job made');
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error;
  }
}

/** Deletes a job that nobody took, as it was seen. */
export async function dropUntaken(job: Stored<ResticJob>, ctx: ReconcileContext): Promise<void> {
  try {
    await ctx.store.delete('ResticJob', keyOf(job), { ...ctx.writer, preconditions: { resourceVersion: job.metadata.resourceVersion } });
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
  }
}

/** Copies last runs, and says what comes next, whether maintenance is current and whether a person must approve. */
export function showMaintenance(status: RepositoryStatus, repository: Stored<Repository>, gathered: GatheredMaintenance, tell: Recorder, moment: Moment): void {
  for (const { task, last } of gathered.tasks) {
    if (last && task === 'forget') status.lastForget = last;
    if (last && task === 'prune') status.lastPrune = last;
    if (last && task === 'check') status.lastCheck = last;
  }
  status.nextMaintenance = nextText(gathered);
  const { value, reason, message } = verdict(status, gathered, moment.now);
  setCondition(status, 'MaintenanceCurrent', value, { reason, message }, moment);
  showApproval(status, repository, gathered, tell, moment);
}

/** When time alone changes what is said or due, epoch ms. */
export function maintenanceMoments({ tasks }: GatheredMaintenance): (number | undefined)[] {
  return tasks.flatMap(({ next, unfinished }) => [next, unfinished === undefined ? undefined : overdueAt(unfinished)]);
}

function overdueAt(job: Stored<ResticJob>): number {
  return (parseTime(job.metadata.creationTimestamp) ?? 0) + OVERDUE_MS;
}

function nextText({ tasks, obstacle }: GatheredMaintenance): string | undefined {
  if (obstacle?.reason === 'Suspended') return undefined;
  const held = tasks.find(({ step }) => step === 'hold');
  if (held) return `${typeOfTask[held.task]} as soon as possible, due since ${timestamp(held.due ?? 0)}`;
  const [first] = tasks.filter(({ next }) => next !== undefined).sort((a, b) => (a.next ?? 0) - (b.next ?? 0));
  return first?.next === undefined ? undefined : `${typeOfTask[first.task]} ${timestamp(first.next)}`;
}

const failure: Record<Task, MaintenanceReason> = { forget: 'ForgetFailed', prune: 'PruneFailed', check: 'CheckFailed' };
/** A damaged repository comes first, then what lets it grow. */
const worstFirst: readonly Task[] = ['check', 'forget', 'prune'];

interface Verdict extends Finding<MaintenanceReason> { value: 'True' | 'False' | 'Unknown' }

function verdict(status: RepositoryStatus, { tasks, obstacle, deletion }: GatheredMaintenance, now: number): Verdict {
  const of = (task: Task): GatheredTask | undefined => tasks.find((each) => each.task === task);
  if (obstacle?.reason === 'Suspended') return { value: 'False', ...obstacle };
  if (status.id === undefined) return { value: 'Unknown', reason: 'NotOpened', message: 'the repository was never opened' };
  if (obstacle && obstacle.reason !== 'RunnerAway') return { value: 'False', ...obstacle };
  const failed = worstFirst.flatMap((task) => {
    const last = of(task)?.last;
    return last?.result === 'Failed' ? [{ reason: failure[task], message: `${task} failed at ${last.time ?? '?'} (${last.reason ?? ''}): ${last.message ?? ''}` }] : [];
  });
  const [worst] = failed;
  if (worst) return { value: 'False', reason: worst.reason, message: failed.map(({ message }) => message).join('; ') };
  // Said before anything is due: who must name an account should not learn it from a repository that has grown.
  if (deletion !== undefined) return { value: 'False', reason: 'AdminCredentialsRequired', message: deletion };
  const held = tasks.filter(({ step }) => step === 'hold');
  if (held[0]?.held) return { value: 'False', ...held[0].held, message: `${held.map(({ task, due }) => `${task} is due since ${timestamp(due ?? 0)}`).join(', ')}: ${held[0].held.message}` };
  const waiting = tasks.find(({ unfinished }) => unfinished && !mayBeRunning(unfinished) && now >= overdueAt(unfinished))?.unfinished;
  if (waiting) return { value: 'False', reason: 'Overdue', message: `job ${waiting.metadata.name} waits since ${waiting.metadata.creationTimestamp}: ${waiting.status?.message ?? ''}` };
  return { value: 'True', reason: 'Current', message: 'nothing is owed and nothing failed' };
}

/** The command that approves a held plan. */
export function approveCommand(repository: Stored<Repository>, planHash: string): string {
  const { namespace, name } = repository.metadata;
  return `kubectl annotate --overwrite -n ${namespace} repository.restic-manager.io/${name} ${APPROVAL_ANNOTATION}=${planHash}`;
}

function showApproval(status: RepositoryStatus, repository: Stored<Repository>, { plan }: GatheredMaintenance, tell: Recorder, moment: Moment): void {
  if (plan === 'gone') return;
  if (!plan) { removeCondition(status, 'ApprovalRequired'); return; }
  const approved = repository.metadata.annotations?.[APPROVAL_ANNOTATION] === plan.hash;
  const message = approved ? `the plan ${plan.hash} was approved and will be carried out` : approvalText(plan, approveCommand(repository, plan.hash));
  const isNews = !approved && conditionOf({ status }, 'ApprovalRequired')?.message !== message;
  setCondition(status, 'ApprovalRequired', 'True', { reason: plan.reasons[0] ?? 'RemovesTooMuch', message }, moment);
  if (isNews) tell.event(repository, 'Warning', 'ApprovalRequired', message);
}

function approvalText({ remove, of, reasons }: HeldPlan, command: string): string {
  return `retention would remove ${remove} of ${of} snapshots and waits for a person (${reasons.join(', ')}); look at them, then: ${command}`;
}
