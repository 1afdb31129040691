/**
 * `npm run soak [-- name ...] [--minutes N] [--fresh]`: long runs of what must not break: networks that fail, kill -9 of either end,
 * properties with many more cases, the month. It is cut into units of a few minutes at most; what each gave is kept in
 * `.soak/`, so that a run that was stopped goes on where it was, until all are done or the build is another one.
 */
import { parseArgs } from 'node:util';
import { buildAll } from './build.js';
import { runMocha, type Counts } from './testing/mocha.js';
import { createTally } from './testing/tally.js';
import { parts, unitsOf, type Unit } from './soak/parts.js';
import { logOf, openState } from './soak/state.js';
import { fetchTools } from './tools/fetch.js';

const USAGE = `usage: npm run soak [-- name ...] [--minutes N] [--fresh]
  names: ${parts.map(({ name, what }) => `${name.padEnd(14)} ${what}`).join('\n         ')}
  --minutes N  no unit begins after that; the rest is left for the next run
  --fresh      begins with nothing done`;
/** A unit waits in real time for minutes without a test that ends. */
const limits = { quietMs: 15 * 60_000, totalMs: 35 * 60_000, exitMs: 20_000 };
const MINUTE = 60_000;

const tally = createTally();
await tally.must('npm run soak', async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { minutes: { type: 'string' }, fresh: { type: 'boolean', default: false } } });
  const unknown = positionals.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0 || (values.minutes !== undefined && !/^\d{1,4}$/.test(values.minutes))) throw new Error(`${unknown.length > 0 ? `no part is called ${unknown.join(', ')}` : `--minutes ${values.minutes ?? ''} is no number`}\n${USAGE}`);
  await fetchTools(['restic', 'rest-server']);
  await buildAll();
  const state = await openState(values.fresh);
  const units = unitsOf(positionals);
  const begin = Date.now();
  const limitMs = values.minutes === undefined ? Infinity : Number(values.minutes) * MINUTE;
  const left = (): Unit[] => units.filter(({ id }) => !state.done.has(id));
  if (left().length < units.length) console.log(`soak: going on, ${String(units.length - left().length)} of ${String(units.length)} units are done`);
  let now = '';
  const sum = (): Counts[] => units.flatMap(({ id }) => state.done.get(id) ?? []);
  const count = (of: 'passed' | 'failed' | 'skipped'): number => sum().reduce((all, each) => all + each[of], 0);
  const progress = setInterval(() => {
    console.log(`soak: ${String(Math.round((Date.now() - begin) / MINUTE))} min, ${String(units.length - left().length)} of ${String(units.length)} units, now ${now}; ${String(count('passed'))} passed, ${String(count('failed'))} failed`);
  }, MINUTE);
  try {
    for (const unit of left()) {
      if (Date.now() - begin >= limitMs) break;
      now = unit.id;
      const counts = await runMocha(unit.id, unit.files, limits, { log: logOf(unit.id), env: unit.env });
      await state.note(unit.id, counts);
      for (const complaint of counts.complaints) console.error(`FAILED: ${complaint}`);
      if (counts.failed > 0) console.error(`FAILED: ${unit.id}: see ${logOf(unit.id)}`);
    }
  } finally {
    clearInterval(progress);
  }
  for (const { name } of parts) {
    const own = units.filter((unit) => unit.part === name);
    const done = own.filter(({ id }) => state.done.has(id));
    if (own.length > 0) console.log(`soak: ${name}: ${String(done.length)} of ${String(own.length)} units, ${String(done.reduce((all, { id }) => all + (state.done.get(id)?.failed ?? 0), 0))} failed`);
  }
  for (const of of ['passed', 'failed', 'skipped'] as const) tally[of] += count(of);
  if (left().length === 0) await state.forget(units.map(({ id }) => id));
  else console.log(`soak: ${String(left().length)} units are left: the same command goes on with them`);
});
tally.close();
