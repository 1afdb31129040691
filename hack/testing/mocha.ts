/**
 * Runs test files in one mocha process and counts honestly: a process that dies, hangs or does not end is a named failure, not a
 * shorter list of passes.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolsFolder } from '../tools/paths.js';
import { inRoot, root } from '../lib/root.js';

export interface Counts { passed: number; failed: number; skipped: number; /** What went wrong beside failing tests, for people. */ complaints: string[] }
export interface Limits { /** No test began or ended for so long: hung. */ quietMs: number; /** The whole process. */ totalMs: number; /** From the last test to the end of the process. */ exitMs: number }
interface Event { now?: string; passed?: 1; failed?: 1; skipped?: string; end?: true }
interface Report { lines: number; now: string; passed: number; failed: number; skipped: string[]; ended: boolean }

/** A skipped test names the part that is missing, or it counts as a failure in CI. */
export const excusesSkip = (title: string): boolean => /\bmissing\b/i.test(title);

export const defaultLimits: Limits = { quietMs: 5 * 60_000, totalMs: 35 * 60_000, exitMs: 20_000 };

async function readReport(file: string): Promise<Report> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const events = text.split('\n').filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as Event);
  return {
    lines: events.length, now: events.findLast((event) => event.now)?.now ?? 'loading the test files', ended: events.some((event) => event.end),
    passed: events.filter((event) => event.passed).length, failed: events.filter((event) => event.failed).length, skipped: events.flatMap((event) => event.skipped ?? []),
  };
}

export interface RunOptions { /** Its output goes to this file instead of being shown; empty: nowhere. */ log?: string; env?: Record<string, string> }

/** @param name how the group is called in messages */
export async function runMocha(name: string, files: readonly string[], limits: Limits = defaultLimits, { log, env: more = {} }: RunOptions = {}): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'rm-mocha-'));
  const report = join(folder, 'report.jsonl');
  const output = log === undefined ? 'inherit' : log === '' ? 'ignore' : openSync(log, 'w');
  const env = { ...process.env, ...more, TEST_REPORT_FILE: report, PATH: `${toolsFolder}:${process.env.PATH ?? ''}` };
  const child = spawn(process.execPath, [inRoot('node_modules/mocha/bin/mocha.js'), '--reporter', inRoot('hack/testing/reporter.ts'), ...files],
    { cwd: root, env, stdio: ['ignore', output, output], detached: true });
  if (typeof output === 'number') closeSync(output);
  const stop = (signal: NodeJS.Signals): void => { if (child.pid !== undefined) try { process.kill(-child.pid, signal); } catch { /* ended */ } };
  const forward = (): void => { stop('SIGTERM'); process.exit(130); };
  process.on('SIGINT', forward).on('SIGTERM', forward);
  let complaint = '';
  const begin = Date.now();
  let seen = { lines: -1, at: begin, endAt: 0 };
  const watch = setInterval(() => void (async () => {
    const { lines, now, ended } = await readReport(report);
    if (lines !== seen.lines) seen = { ...seen, lines, at: Date.now() };
    if (ended && seen.endAt === 0) seen.endAt = Date.now();
    if (complaint) return;
    if (ended && Date.now() - seen.endAt > limits.exitMs) complaint = `${name}: all tests ran but the process did not end: something a test started is still open`;
    else if (!ended && Date.now() - seen.at > limits.quietMs) complaint = `${name}: hung for ${Math.round(limits.quietMs / 1000)} s in: ${now}`;
    else if (Date.now() - begin > limits.totalMs) complaint = `${name}: not done after ${Math.round(limits.totalMs / 60_000)} min, stopped in: ${now}`;
    if (complaint) stop('SIGKILL');
  })(), Math.min(1000, limits.exitMs));
  const code = await new Promise<number>((resolve) => { child.on('close', (status) => { resolve(status ?? 1); }); child.on('error', () => { resolve(1); }); });
  clearInterval(watch);
  process.off('SIGINT', forward).off('SIGTERM', forward);
  stop('SIGKILL'); // what a crashed test left behind in its process group
  const result = await readReport(report);
  await rm(folder, { recursive: true, force: true });
  return judge(name, result, code, complaint || (result.ended ? '' : `${name}: the test process ended (status ${code}) in: ${result.now}`));
}

function judge(name: string, { passed, failed, skipped }: Report, code: number, complaint: string): Counts {
  const silent = process.env.CI ? skipped.filter((title) => !excusesSkip(title)) : [];
  const complaints = silent.map((title) => `skipped without a reason (the title must say which part is missing): ${title}`);
  if (complaint) complaints.push(complaint);
  else if (code !== 0 && failed === 0) complaints.push(`${name}: mocha ended with status ${code}`);
  return { passed, failed: failed + complaints.length, skipped: skipped.length - silent.length, complaints };
}
