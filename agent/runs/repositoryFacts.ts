/** What this runner remembers of its repository between two looks, by repository id. A part of state.json; only the present repository's is kept. */
import type { Low } from 'lowdb';
import type { AgentState, RepositoryFacts } from '../install/state.js';
import type { DeletionProtection } from '../restic/deletionProbe.js';

export class RepositoryMemory {
  readonly #state: Low<AgentState>;

  constructor(state: Low<AgentState>) {
    this.#state = state;
  }

  of(repositoryID: string): Readonly<RepositoryFacts> {
    return this.#state.data.repositories?.[repositoryID] ?? {};
  }

  deletionProtection(repositoryID: string): DeletionProtection {
    return this.of(repositoryID).deletionProtection ?? 'Unknown';
  }

  /** Durable when it resolves; in force at once. */
  async change(repositoryID: string, change: Partial<RepositoryFacts>): Promise<void> {
    this.#state.data.repositories = { [repositoryID]: { ...this.of(repositoryID), ...change } };
    await this.#state.write();
  }
}
