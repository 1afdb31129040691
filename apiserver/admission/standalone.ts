/**
 * What this server refuses and a cluster with the same CRDs cannot (docs/decisions/differences.md): a well-shaped cron that
 * does not parse, an unknown time zone, another namespace.
 */
import type { Kind, Schedule } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { Forbidden } from '#crds/objectStore.js';
import { cronProblem, timeZoneProblem } from '#crds/schedule.js';
import { invalid } from './fieldErrors.js';
import type { FieldError } from './fieldErrors.js';

/** Runs after the schema has passed, so the fields have their types. */
export function checkStandalone(kind: Kind, object: KubeObject, errors: FieldError[]): void {
  if (kind !== 'Schedule') return;
  const { schedule, timeZone, blackout } = ((object as Partial<Schedule>).spec ?? {}) as Partial<Schedule['spec']>;
  // Both problems begin with the value in quotes, which the field error shows itself.
  const detail = (problem: string, value: string): string => problem.slice(JSON.stringify(value).length + 1);
  const cron = schedule === undefined ? undefined : cronProblem(schedule);
  if (schedule !== undefined && cron !== undefined) errors.push(invalid('spec.schedule', schedule, detail(cron, schedule)));
  const zone = timeZone === undefined ? undefined : timeZoneProblem(timeZone);
  if (timeZone !== undefined && zone !== undefined) errors.push(invalid('spec.timeZone', timeZone, detail(zone, timeZone)));
  for (const [index, { timeZone: own }] of (blackout ?? []).entries()) {
    const problem = own === undefined ? undefined : timeZoneProblem(own);
    if (own !== undefined && problem !== undefined) errors.push(invalid(`spec.blackout[${index}].timeZone`, own, detail(problem, own)));
  }
}

/** @throws Forbidden */
export function checkNamespace(namespace: string, served: string): void {
  if (namespace !== served) throw new Forbidden(namespaceProblem(namespace, served));
}

export const namespaceProblem = (namespace: string, served: string): string =>
  `namespace ${JSON.stringify(namespace)} is not served: this installation has one namespace, ${JSON.stringify(served)}`;
