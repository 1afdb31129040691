/** The sum of a test command: suites and everything else that must hold, ending with the one line that is always printed last. */
import { messageOf, step } from '../lib/step.js';
import { runMocha } from './mocha.js';

export interface Tally {
  passed: number; failed: number; skipped: number;
  /** One thing outside mocha that must hold: its failure is counted, and what can still run goes on. */
  must(what: string, work: () => Promise<unknown>): Promise<boolean>;
  group(name: string, files: readonly string[]): Promise<void>;
  /** Prints the closing line and ends the process; nothing at all having run is a failure. */
  close(): void;
}

export function createTally(): Tally {
  const tally: Tally = {
    passed: 0, failed: 0, skipped: 0,
    async must(what, work) {
      try {
        await work();
        return true;
      } catch (error) {
        console.error(`FAILED: ${what}: ${messageOf(error)}`);
        tally.failed += 1;
        return false;
      }
    },
    async group(name, files) {
      if (files.length === 0) return;
      const counts = await step(`${name}: ${files.length} files`, () => runMocha(name, files));
      for (const complaint of counts.complaints) console.error(`FAILED: ${complaint}`);
      tally.passed += counts.passed;
      tally.failed += counts.failed;
      tally.skipped += counts.skipped;
    },
    close() {
      if (tally.passed === 0 && tally.failed === 0) { console.error('FAILED: no test ran'); tally.failed += 1; }
      process.stdout.write(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`, () => { process.exit(tally.failed > 0 ? 1 : 0); });
    },
  };
  return tally;
}
