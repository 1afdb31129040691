/** Reads everything maintenance depends on and decides, per task, what is to be done now. Only stored times count: no timer needs to survive. */
import type { MaintenanceReason } from '#crds/conditions.js';
import type { Host, Repository, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { timeZoneProblem } from '#crds/schedule.js';
import { deletionProblem } from '../../plan/adminCredentials.js';
import { hasPolicies } from '../../plan/policies.js';
import type { Runner } from '../../plan/runner.js';
import { isFinished } from '../../runtime/indexes.js';
import { mayBeRunning } from '../../runtime/jobs.js';
import { parseTime } from '../../runtime/time.js';
import type { ReconcileContext } from '../../runtime/types.js';
import { isTrue, type Finding } from '../../status/conditions.js';
import type { RepositoryPhase } from './machine.js';
import { APPROVAL_ANNOTATION, approvedJobName, maintenanceJobName } from './maintenanceJob.js';
import { inForce, taskChangedAt, taskProblem, tasks, timesOfTask, type Task, type TaskTimes } from './tasks.js';
import { heldPlanOf, isMaintenance, isOfTask, lastRunOf, upkeepJobs, type HeldPlan, type LastRun } from './upkeep.js';

type Job = Stored<ResticJob>;
export type MaintenanceFinding = Finding<MaintenanceReason>;

export interface GatheredTask extends TaskTimes {
  task: Task;
  /** make: its job. settle: what is due is done or needs nothing. hold: it stays owed. undo: what was acted upon is owed again. */
  step: 'none' | 'make' | 'settle' | 'hold' | 'undo';
  /** Why it is held. */
  held?: MaintenanceFinding;
  last?: LastRun;
  /** The unfinished job of this task. */
  unfinished?: Job;
  /** Jobs nobody took, for a host that is not the runner any more. */
  stale: Job[];
}

export interface GatheredMaintenance {
  tasks: GatheredTask[];
  /** What keeps every task from being done, if anything does. */
  obstacle?: MaintenanceFinding;
  /** Why nothing can be deleted here, while there is a task that would. */
  deletion?: string;
  /** The plan the newest forget holds; `gone`: it holds one, but its job is not there any more. */
  plan?: HeldPlan | 'gone';
  /** The runner, when an approved forget is to be made on it. */
  approve?: { plan: HeldPlan; runner: Stored<Host> };
}

export function gatherMaintenance(repository: Stored<Repository>, { phase, id, runner }: { phase: RepositoryPhase; id: string | undefined; runner: Runner }, ctx: ReconcileContext): GatheredMaintenance {
  const now = ctx.clock.now();
  const jobs = upkeepJobs(repository, ctx.cache);
  const obstacle = obstacleOf(repository, phase, runner);
  const deletion = deletionProblem(repository, ctx);
  const zone = zoneOf(runner);
  const gathered = tasks.map((task): GatheredTask => {
    const { last } = lastRunOf(task, repository, jobs);
    const mine = jobs.filter((job) => isOfTask(job, task) && !isFinished(job));
    const stale = runner.ok ? mine.filter((job) => isMaintenance(job) && !mayBeRunning(job) && job.spec.hostRef.name !== runner.host.metadata.name) : [];
    const unfinished = mine.find((job) => !stale.includes(job));
    const stored = repository.status?.maintenance?.[task];
    if (id === undefined) return { task, step: 'none', state: stored, last, unfinished, stale };
    const current = inForce(task, repository, zone);
    const times = taskProblem(repository, [task]) === undefined ? timesOfTask(current, stored, { now, changedAt: taskChangedAt(task, repository), nextFire: ctx.nextFire }) : { state: stored };
    return { ...stepOf(task, times, { repository, stale, unfinished, obstacle, deletion }, ctx), task, last, unfinished, stale };
  });
  const { job } = lastRunOf('forget', repository, jobs);
  const plan = heldPlanOf(job) ?? (job === undefined && repository.status?.lastForget?.reason === 'ApprovalRequired' ? 'gone' : undefined);
  const wanted = plan !== undefined && plan !== 'gone' && repository.metadata.annotations?.[APPROVAL_ANNOTATION] === plan.hash && obstacle?.reason !== 'Suspended' && phase === 'Ready' && deletion === undefined;
  const made = wanted && (known(approvedJobName(repository, plan.hash, plan.job.metadata.uid), repository, ctx) || jobs.some((other) => !isFinished(other) && other.spec.forget?.approvedPlan === plan.hash));
  const deletes = deletion !== undefined && (inForce('prune', repository, zone) !== 'suspended' || (inForce('forget', repository, zone) !== 'suspended' && hasPolicies(repository, ctx.cache)));
  return { tasks: gathered, obstacle, deletion: deletes ? deletion : undefined, plan, approve: wanted && !made && runner.ok ? { plan, runner: runner.host } : undefined };
}

/** Zone of the runner's agent: UTC when it names one we do not know, undefined until it has connected once. */
function zoneOf(runner: Runner): string | undefined {
  const agent = runner.ok ? runner.host.status?.agent : undefined;
  if (!agent) return undefined;
  return agent.timeZone !== undefined && timeZoneProblem(agent.timeZone) === undefined ? agent.timeZone : 'UTC';
}

function obstacleOf(repository: Stored<Repository>, phase: RepositoryPhase, runner: Runner): MaintenanceFinding | undefined {
  if (repository.spec.suspend) return { reason: 'Suspended', message: 'the repository is suspended' };
  if (phase !== 'Ready') return { reason: 'NotOpened', message: 'the repository is not open: see condition Available' };
  if (!runner.ok) return { reason: 'NoRunner', message: runner.message };
  const { name } = runner.host.metadata;
  if (runner.host.spec.suspend) return { reason: 'RunnerAway', message: `host ${name}, which looks after the repository, is suspended` };
  return isTrue(runner.host, 'Online') ? undefined : { reason: 'RunnerAway', message: `host ${name}, which looks after the repository, is not online` };
}

/** There is or was a job of this name. */
function known(name: string, repository: Stored<Repository>, ctx: ReconcileContext): boolean {
  const key = { namespace: repository.metadata.namespace, name };
  return ctx.cache.get('ResticJob', key) !== undefined || ctx.outcomes.findOutcome(key) !== undefined;
}

interface StepInput { repository: Stored<Repository>; stale: readonly Job[]; unfinished: Job | undefined; obstacle: MaintenanceFinding | undefined; deletion: string | undefined }

function stepOf(task: Task, times: TaskTimes, { repository, stale, unfinished, obstacle, deletion }: StepInput, ctx: ReconcileContext): TaskTimes & Pick<GatheredTask, 'step' | 'held'> {
  // A job that will never be taken is forgotten in two steps, so that its due moment survives whatever happens in between.
  const acted = parseTime(times.state?.lastDueTime);
  const earliest = Math.min(...stale.map((job) => parseTime(job.spec.origin?.dueTime) ?? Infinity));
  if (acted !== undefined && earliest <= acted) return { ...times, due: earliest, step: 'undo' };
  const { due } = times;
  if (due === undefined) return { ...times, step: 'none' };
  const name = maintenanceJobName(repository, task, due);
  if (!stale.some((job) => job.metadata.name === name) && known(name, repository, ctx)) return { ...times, step: 'settle' };
  // Nobody took it yet: it serves what fell due meanwhile as well.
  if (unfinished && isMaintenance(unfinished) && !mayBeRunning(unfinished)) return { ...times, step: 'settle' };
  if (unfinished) return { ...times, step: 'none' };
  if (task === 'forget' && !hasPolicies(repository, ctx.cache)) return { ...times, step: 'settle' };
  if (obstacle) return { ...times, step: 'hold', held: obstacle };
  if (task !== 'check' && deletion !== undefined) return { ...times, step: 'hold', held: { reason: 'AdminCredentialsRequired', message: deletion } };
  return { ...times, step: 'make' };
}
