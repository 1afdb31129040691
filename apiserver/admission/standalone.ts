/**
 * What this server refuses and a cluster with the same CRDs cannot (docs/decisions/differences.md): a well-shaped cron that
 * does not parse, an unknown time zone, another namespace.
 */
import type { Kind, Repository, Schedule } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { Forbidden } from '#crds/objectStore.js';
import { cronProblem, timeZoneProblem } from '#crds/schedule.js';
import { invalid } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';

/** Runs after the schema has passed, so the fields have their types. */
export function checkStandalone(kind: Kind, object: KubeObject, errors: FieldError[]): void {
  if (kind === 'Schedule') checkSchedule((object as Partial<Schedule>).spec, errors);
  else if (kind === 'Repository') checkMaintenance((object as Partial<Repository>).spec?.maintenance, errors);
}

function checkSchedule(spec: Partial<Schedule['spec']> | undefined, errors: FieldError[]): void {
  checkTimes('spec', spec, errors);
  for (const [index, { timeZone }] of (spec?.blackout ?? []).entries()) checkTimes(`spec.blackout[${index}]`, { timeZone }, errors);
}

function checkMaintenance(maintenance: Repository['spec']['maintenance'], errors: FieldError[]): void {
  for (const task of ['forget', 'prune', 'check'] as const) checkTimes(`spec.maintenance.${task}`, maintenance?.[task], errors);
}

function checkTimes(path: string, { schedule, timeZone }: { schedule?: string | undefined; timeZone?: string | undefined } = {}, errors: FieldError[]): void {
  const check = (name: string, value: string | undefined, problemOf: (value: string) => string | undefined): void => {
    const problem = value === undefined ? undefined : problemOf(value);
    // The problem begins with the value in quotes, which the field error shows itself.
    if (value !== undefined && problem !== undefined) errors.push(invalid(`${path}.${name}`, value, problem.slice(JSON.stringify(value).length + 1)));
  };
  check('schedule', schedule, cronProblem);
  check('timeZone', timeZone, timeZoneProblem);
}

/** @throws Forbidden */
export function checkNamespace(namespace: string, served: string): void {
  if (namespace !== served) throw new Forbidden(namespaceProblem(namespace, served));
}

export const namespaceProblem = (namespace: string, served: string): string =>
  `namespace ${JSON.stringify(namespace)} is not served: this installation has one namespace, ${JSON.stringify(served)}`;
