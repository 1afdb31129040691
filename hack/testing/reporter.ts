/**
 * mocha's spec output, plus what the runner needs to judge a process it cannot trust to end: which test runs right now and
 * how each ended, said at once. Written to the file TEST_REPORT_FILE names, as JSON lines.
 */
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';

export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const file = process.env.TEST_REPORT_FILE;
    if (!file) return;
    const say = (event: Record<string, unknown>): void => { appendFileSync(file, `${JSON.stringify(event)}\n`); };
    runner.on('hook', (hook) => { say({ now: hook.fullTitle() }); });
    runner.on('test', (test) => { say({ now: test.fullTitle() }); });
    runner.on('pass', () => { say({ passed: 1 }); });
    runner.on('fail', () => { say({ failed: 1 }); });
    runner.on('pending', (test) => { say({ skipped: test.fullTitle() }); });
    runner.on('end', () => { say({ end: true }); });
  }
}
