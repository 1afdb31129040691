/**
 * The jobs of maintenance (J8). Their names are made of what they are for, so that making one twice is a harmless conflict:
 * `<repository>-<task>-<10 hex of hash(uid of the repository, task, due)>`, and for an approved forget the plan in place of due.
 */
import { API_VERSION, labels, newObject, type Host, type Repository, type ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { REPOSITORY_LABEL } from '../../runtime/indexes.js';
import { timestamp } from '../../runtime/time.js';
import { hashOf, jobNameOf, WEEK_SECONDS } from './initJob.js';
import { typeOfTask, type Task } from './tasks.js';

export { APPROVE_FORGET_ANNOTATION as APPROVAL_ANNOTATION } from '#crds/kinds.js';
const READ_PERCENT = 5;

/** @param due epoch ms */
export function maintenanceJobName(repository: Stored<Repository>, task: Task, due: number): string {
  return jobNameOf(repository.metadata.name, `-${task}-${hashOf(10, repository.metadata.uid, task, timestamp(due))}`);
}

/** @param held uid of the forget that held the plan: one approved job for each, also when it holds the same plan again */
export function approvedJobName(repository: Stored<Repository>, planHash: string, held: string): string {
  return jobNameOf(repository.metadata.name, `-forget-${hashOf(10, repository.metadata.uid, 'approved', planHash, held)}`);
}

/** @param due epoch ms */
export function newMaintenanceJob(repository: Stored<Repository>, task: Task, due: number, runner: Stored<Host>): ResticJob {
  const check = task === 'check' ? { check: { readDataSubsetPercent: repository.spec.maintenance?.check?.readDataSubsetPercent ?? READ_PERCENT } } : {};
  return newJob(maintenanceJobName(repository, task, due), repository, runner, { type: typeOfTask[task], ...check, origin: { type: 'Maintenance', name: repository.metadata.name, dueTime: timestamp(due) } });
}

export function newApprovedJob(repository: Stored<Repository>, planHash: string, held: string, runner: Stored<Host>): ResticJob {
  return newJob(approvedJobName(repository, planHash, held), repository, runner, { type: 'Forget', forget: { approvedPlan: planHash }, origin: { type: 'Maintenance', name: repository.metadata.name } });
}

function newJob(name: string, repository: Stored<Repository>, runner: Stored<Host>, spec: Pick<ResticJob['spec'], 'type' | 'check' | 'forget' | 'origin'>): ResticJob {
  const host = runner.metadata;
  return newObject('ResticJob', {
    name,
    namespace: repository.metadata.namespace,
    labels: { [labels.host]: host.name, [labels.origin]: 'Maintenance', [REPOSITORY_LABEL]: repository.metadata.name },
    ownerReferences: [{ apiVersion: API_VERSION, kind: 'Host', name: host.name, uid: host.uid }],
  }, {
    spec: { hostRef: { name: host.name }, repositoryRef: { name: repository.metadata.name }, startedBy: 'Server', ttlSecondsAfterFinished: WEEK_SECONDS, ...spec },
  });
}
