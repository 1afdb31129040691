/** How far a soak is: `.soak/state.json`, written after each unit. It counts for one build only. */
import { mkdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { inRoot } from '../lib/root.js';
import type { Counts } from '../testing/mocha.js';

export interface SoakState {
  /** By unit. */
  done: ReadonlyMap<string, Counts>;
  note(unit: string, counts: Counts): Promise<void>;
  /** They are done: the next run does them again. */
  forget(units: readonly string[]): Promise<void>;
}

const file = inRoot('.soak/state.json');

/** Where the output of a unit goes. */
export function logOf(unit: string): string {
  mkdirSync(inRoot('.soak'), { recursive: true });
  return inRoot('.soak', `${unit}.log`);
}

/** Call after the build: what another build gave is not counted. */
export async function openState(fresh: boolean): Promise<SoakState> {
  const build = readFileSync(inRoot('dist/build.json'), 'utf8');
  const text = fresh ? '' : await readFile(file, 'utf8').catch(() => '');
  const stored = text === '' ? undefined : JSON.parse(text) as { build: string; done: Record<string, Counts> };
  if (stored && stored.build !== build) console.log('soak: the build is another one, so everything begins anew');
  const done = new Map(stored?.build === build ? Object.entries(stored.done) : []);
  async function save(): Promise<void> {
    await mkdir(inRoot('.soak'), { recursive: true });
    await writeFile(`${file}.tmp`, `${JSON.stringify({ build, done: Object.fromEntries(done) }, undefined, 1)}\n`);
    await rename(`${file}.tmp`, file);
  }
  return {
    done,
    async note(unit, counts) {
      done.set(unit, counts);
      await save();
    },
    async forget(units) {
      for (const unit of units) done.delete(unit);
      await save();
    },
  };
}
