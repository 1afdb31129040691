/** Fields of bodies that a later version honours: empty or zero is accepted, anything else refused by name, never ignored. */
import { invalid } from './problem.js';

const later = ['retention_policy', 'retry_max', 'retry_backoff_seconds'] as const;

/** @throws Problem 422 naming the field */
export function refuseLater(body: Partial<Record<(typeof later)[number], unknown>>): void {
  for (const field of later) refuse(field, body[field]);
}

function refuse(field: string, value: unknown): void {
  if (value === undefined || value === null || value === 0) return;
  if (typeof value !== 'object') throw invalid(field, 'is not supported by this version; leave it out or give 0');
  for (const [name, member] of Object.entries(value)) refuse(`${field}.${name}`, member);
}
