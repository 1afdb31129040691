/** The differences that are meant, read from docs/decisions/differences.md: the second table, `suite | step | why`. */
import { readFileSync } from 'node:fs';
import { inRoot } from '../../../hack/lib/root.js';

export interface Difference { step: RegExp; text: string; used: boolean }

/** @param suite the first column, e.g. `kubectl`. In the step `*` stands for anything. */
export function meantDifferences(suite: string): Difference[] {
  return readFileSync(inRoot('docs/decisions/differences.md'), 'utf8').split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const step = /^`(.*)`$/.exec(cells[2] ?? '')?.[1];
    if (cells[1] !== suite || step === undefined) return [];
    return [{ step: new RegExp(`^${step.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`), text: step, used: false }];
  });
}

/** True when a row says that this step may differ; the row counts as used. */
export function isMeant(differences: readonly Difference[], step: string): boolean {
  const row = differences.find((each) => each.step.test(step));
  if (row) row.used = true;
  return row !== undefined;
}
