/**
 * What the server durably knows of one agent's spool: how far it was taken, and which runs it met in a backlog before
 * their objects were made. One record, written after the effects and before the acknowledgement, so that a crash
 * anywhere in between only makes the agent send again what is harmless to take twice.
 */
import { randomBytes } from 'node:crypto';
import type { JobFinished, JobStarted } from '#crds/wire/agentProtocol.gen.js';
import type { Records } from '../records/records.js';

interface LedgerState {
  /** Highest contiguous seq whose effects are durable. */
  seq: number;
  /** Agent-started runs of the backlog that have no object yet, by job name. */
  open: Record<string, JobStarted>;
  /** The newest finished one per schedule and group; older ones are in records only. */
  newest: Record<string, JobFinished>;
  /** Made when this server was found to be put back to an older state: makes its epoch another one for this agent. */
  restored?: string;
}

export interface Ledger {
  /** Highest seq whose effects were applied, maybe not yet saved. */
  readonly seq: number;
  advance(seq: number): void;
  state: Pick<LedgerState, 'open' | 'newest'>;
  readonly restored: string | undefined;
  /** The agent was acknowledged more than this server has: it was put back to an older state since they last spoke. */
  readonly forgot: boolean;
  /** Resolves when durable. */
  save(): Promise<void>;
}

/**
 * @param first the first seq the agent still holds: when the server knows less than the one before it, that part was
 *   acknowledged once (by a server whose state was since restored) and will never come again
 */
export function openLedger(records: Records, hostUid: string, spool: { first: number; id?: string }): Ledger {
  const name = `spool/${hostUid}/${spool.id ?? 'unnamed'}`;
  const stored = records.getFact(name) as LedgerState | undefined;
  let seq = Math.max(stored?.seq ?? 0, spool.first - 1, 0);
  let saved = stored?.seq;
  const forgot = stored !== undefined && spool.first - 1 > stored.seq;
  const restored = forgot ? randomBytes(4).toString('hex') : stored?.restored;
  let dirty = forgot;
  const state = { open: { ...stored?.open }, newest: { ...stored?.newest } };
  return {
    get seq() { return seq; },
    advance(next) { seq = next; dirty = true; },
    get state() { dirty = true; return state; },
    restored, forgot,
    async save() {
      if (!dirty && saved === seq) return;
      dirty = false;
      const value: LedgerState = { seq, open: { ...state.open }, newest: { ...state.newest }, ...(restored === undefined ? {} : { restored }) };
      try {
        await records.putFact(name, value);
      } catch (error) {
        dirty = true;
        throw error;
      }
      saved = value.seq;
    },
  };
}

/** Key of `newest`: one per schedule and group. */
export function firingKey(identity: { schedule?: string; sourceGroup?: string }): string {
  return JSON.stringify([identity.schedule ?? '', identity.sourceGroup ?? '']);
}
