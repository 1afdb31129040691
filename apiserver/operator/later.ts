/** Fields of bodies that a later version honours: empty or zero is accepted, anything else refused by name, never ignored. */
import { invalid } from './problem.js';

const served = new Set(['name', 'includes', 'excludes']);

/** @throws Problem 422 naming the field */
export function refuseLater(body: object): void {
  for (const [field, value] of Object.entries(body)) if (!served.has(field)) refuse(field, value);
}

function refuse(field: string, value: unknown): void {
  if (value === undefined || value === null || value === 0 || value === false) return;
  if (typeof value !== 'object') throw invalid(field, 'is not supported by this version; leave it out or give 0');
  for (const [name, member] of Object.entries(value)) refuse(`${field}.${name}`, member);
}
