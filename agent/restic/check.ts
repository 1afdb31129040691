/** `restic check`: its errors are counted and quoted; a repository that cannot even be read is damaged. */
import type { Progress } from './backup.js';
import { ResticError } from './exitCodes.js';
import { asObject, count, text } from './json.js';
import { jsonLine } from './lines.js';
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';

export interface CheckOptions extends CommandIo {
  /** How much of the data is read, 0 to 100; 0 or absent: structure only. */
  readDataSubsetPercent?: number;
  onProgress(progress: Progress): void;
}

/** restic's own words for an error it found; 0.14 has no others. */
const errorLine = /^(?:error|Error|pack [0-9a-f]+.*(?:does not exist|contains|is truncated)|.*ciphertext verification failed|.*tree [0-9a-f]+.*(?:not found|failed))/;

/** What it says after the errors, as if it were one. */
const advice = /^The repository is damaged and must be repaired\./;

/**
 * Outcomes: Succeeded/Completed; Failed/CheckFoundErrors (summary.errorsFound, restic's words in the message); Failed/RepositoryDamaged.
 * @throws ResticError RepositoryLocked, NoRepository, ...; ResticAborted
 */
export async function check(restic: Restic, { readDataSubsetPercent = 0, onLine, signal, onProgress }: CheckOptions): Promise<CommandOutcome> {
  const words: string[] = [];
  let told: number | undefined;
  const read = (stream: 'stdout' | 'stderr', line: string): void => {
    const object = jsonLine(line);
    const type = object && text(object, 'message_type');
    if (object && type === 'summary') told = count(object, 'num_errors');
    const [, done] = /^\[[\d:]+\]\s+([\d.]+)%/.exec(line) ?? [];
    if (done !== undefined) { onProgress({ percentDone: Math.min(1, Number(done) / 100) }); return; }
    const said = object ? (type === 'error' ? text(object, 'message') ?? text(asObject(object['error']), 'message') : undefined) : errorLine.test(line) ? line : undefined;
    const plain = said?.replaceAll(/\s+/g, ' ').trim();
    if (plain !== undefined && !advice.test(plain)) words.push(plain);
    if (line !== '') onLine(stream, line);
  };
  try {
    const { code } = await restic.run('check', ['--json', ...(readDataSubsetPercent > 0 ? [`--read-data-subset=${readDataSubsetPercent}%`] : [])], { signal, onLine: read });
    const errorsFound = told ?? 0;
    if (errorsFound > 0) return found(errorsFound, words, code);
    return { phase: 'Succeeded', reason: 'Completed', message: readDataSubsetPercent > 0 ? `no errors were found; ${readDataSubsetPercent} % of the data were read` : 'no errors were found in the structure; no data were read', exitCode: code, summary: { errorsFound: 0 } };
  } catch (error) {
    if (!(error instanceof ResticError) || (error.reason !== 'ResticFailed' && error.reason !== 'RepositoryDamaged')) throw error;
    const errorsFound = told ?? words.length;
    if (errorsFound > 0) return found(errorsFound, words, error.exitCode);
    return { phase: 'Failed', reason: 'RepositoryDamaged', message: error.message.slice(0, 4096), exitCode: error.exitCode };
  }
}

function found(errorsFound: number, words: readonly string[], exitCode: number | undefined): CommandOutcome {
  const quoted = words.slice(0, 3).map((line) => line.slice(0, 300)).join('; ');
  return { phase: 'Failed', reason: 'CheckFoundErrors', message: `restic found ${errorsFound} ${errorsFound === 1 ? 'error' : 'errors'} in the repository${quoted === '' ? ', see the log' : `: ${quoted}`}; keep it as it is and see "Troubleshooting" in restic's manual`.slice(0, 4096), exitCode, summary: { errorsFound } };
}
