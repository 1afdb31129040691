/**
 * What this runner knows of the snapshots of one repository: since when it has seen each id, and whether a backup of this
 * system (or a person) vouched for it. Without it a lost server would make every snapshot unknown, and a forged time could
 * not be told from a true one.
 */
import { join } from 'node:path';
import { readIfThere, replaceFile, setAside } from '../files.js';

export interface LedgerEntry {
  /** First time this runner saw the id in the repository, epoch ms of its own clock. */
  firstSeen: number;
  /** Reported by a backup of this system, or approved by a person. */
  accepted: boolean;
}

/** One repository's file, `forget-<repositoryID>.json` in the agent's state directory. */
export class ForgetLedger {
  readonly #path: string;
  #entries: Map<string, LedgerEntry>;

  private constructor(path: string, entries: Map<string, LedgerEntry>) {
    this.#path = path;
    this.#entries = entries;
  }

  /** @param stateDir the agent's; a file that does not parse is set aside under a name that says so */
  static async open(stateDir: string, repositoryID: string): Promise<ForgetLedger> {
    const path = join(stateDir, `forget-${repositoryID}.json`);
    const bytes = await readIfThere(path);
    try {
      return new ForgetLedger(path, new Map(bytes ? Object.entries(JSON.parse(bytes.toString('utf8')) as Record<string, LedgerEntry>) : []));
    } catch {
      await setAside(path, Date.now());
      return new ForgetLedger(path, new Map());
    }
  }

  get path(): string {
    return this.#path;
  }

  get(id: string): LedgerEntry | undefined {
    return this.#entries.get(id);
  }

  /** Notes every id of the repository, and which of them are vouched for; those that are gone leave. Durable when it resolves. */
  async see(ids: readonly string[], accepted: (id: string) => boolean, now: number): Promise<void> {
    const next = new Map(ids.map((id): [string, LedgerEntry] => {
      const known = this.#entries.get(id);
      return [id, { firstSeen: known?.firstSeen ?? now, accepted: (known?.accepted ?? false) || accepted(id) }];
    }));
    const same = next.size === this.#entries.size && [...next].every(([id, { accepted: is }]) => this.#entries.get(id)?.accepted === is);
    this.#entries = next;
    if (!same) await replaceFile(this.#path, `${JSON.stringify(Object.fromEntries(next))}\n`);
  }
}
