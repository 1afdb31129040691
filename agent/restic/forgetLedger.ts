/**
 * What this runner knows of the snapshots of one repository: since when it has seen each id, and whether a backup of this
 * system (or a person) vouched for it. Without it a lost server would make every snapshot unknown, and a forged time could
 * not be told from a true one.
 */

export interface LedgerEntry {
  /** First time this runner saw the id in the repository, epoch ms of its own clock. */
  firstSeen: number;
  /** Reported by a backup of this system, or approved by a person. */
  accepted: boolean;
}

/** One repository's file, `forget-<repositoryID>.json` in the agent's state directory. */
export class ForgetLedger {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @param stateDir the agent's; a file that does not parse is set aside under a name that says so */
  static async open(stateDir: string, repositoryID: string): Promise<ForgetLedger> {
    return new ForgetLedger(`${stateDir}/forget-${repositoryID}.json`);
  }

  get path(): string {
    return this.#path;
  }
}
