/** What manifests made and what people confirmed, kept as one fact in records. Lost, it costs a removal and never an object. */
import type { Records } from '../records/records.js';
import type { Inventory } from './prune.js';

const FACT = 'manifests';

export interface LedgerState {
  inventory: Inventory;
  /** Id of a removal that a person confirmed. */
  confirmed?: string;
  /** When all that was declared was last applied without a problem, epoch ms. */
  lastSuccess?: number;
}

export interface Ledger {
  readonly state: LedgerState;
  /** Resolves when durable. */
  save(): Promise<void>;
}

export function openLedger(records: Pick<Records, 'getFact' | 'putFact'>): Ledger {
  const stored = records.getFact(FACT) as LedgerState | undefined;
  const state: LedgerState = stored === undefined ? { inventory: {} } : structuredClone(stored);
  return { state, save: () => records.putFact(FACT, structuredClone(state)) };
}
