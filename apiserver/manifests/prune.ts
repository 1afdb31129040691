/**
 * May objects go because their manifest went? Pure, with every guard in one place: a directory that is empty, not mounted,
 * unreadable or half written must never cost a host its identity.
 * Only what manifests made is ever removed, known by uid in the inventory. In order: nothing while anything is wrong with
 * the directory; two equal scans, ten seconds apart; a Host, Repository or Secret only when the object itself allows it;
 * many at once only when a person confirms exactly these.
 */
import { createHash } from 'node:crypto';
import type { Kind } from '#crds/kinds.js';

/** On the live object: it may be removed when its manifest is. */
export const PRUNE_ANNOTATION = 'restic-manager.io/prune';
const PRECIOUS: readonly Kind[] = ['Host', 'Repository', 'Secret'];
/** More than this many, and more than a tenth of all, wait for a confirmation. */
const FREELY = 5;
const SHARE = 0.1;

export interface InventoryEntry {
  uid: string;
  /** False: the object was there before its manifest, and is never removed. */
  created: boolean;
  /** Hash of the configuration that was applied last. */
  hash: string;
  /** Its manifest is gone, it stays, and its fields belong to nobody here any more. */
  letGo?: boolean;
}

/** By `Kind/namespace/name`. */
export type Inventory = Record<string, InventoryEntry>;

export interface LiveObject {
  uid: string;
  annotations: Readonly<Record<string, string>>;
}

export interface PruneFacts {
  inventory: Inventory;
  /** What the directory declares. */
  declared: ReadonlySet<string>;
  /** Anything at all that could not be listed, read, parsed or applied. */
  problems: number;
  /** Of everything read. */
  digest: string;
  /** When this digest was first read in a scan without problems. */
  since: { digest: string; time: number } | undefined;
  now: number;
  waitMs: number;
  /** Of the objects that are not declared; absent ones are not there. */
  live: ReadonlyMap<string, LiveObject>;
  /** The id a person confirmed. */
  confirmed: string | undefined;
}

export interface Pruning {
  /** `prune` removes; the other states remove nothing. */
  state: 'none' | 'blocked' | 'waiting' | 'confirmation' | 'prune';
  reason: string;
  /** Would be or are to be removed. */
  remove: string[];
  /** Stay although their manifest is gone, until they allow their removal. */
  held: string[];
  /** Stay for good: they were there before their manifest. */
  released: string[];
  /** Not there any more, or made anew by somebody else. */
  forget: string[];
  /** Names exactly these objects to be removed. */
  id: string;
}

export const mayBePruned = (annotations: Readonly<Record<string, string>> | undefined): boolean => annotations?.[PRUNE_ANNOTATION] === 'allowed';

export function decidePruning({ inventory, declared, problems, digest, since, now, waitMs, live, confirmed }: PruneFacts): Pruning {
  const undeclared = Object.keys(inventory).filter((id) => !declared.has(id)).sort();
  const pruning: Pruning = { state: 'none', reason: '', remove: [], held: [], released: [], forget: [], id: '' };
  for (const id of undeclared) {
    const object = live.get(id);
    if (object === undefined || object.uid !== inventory[id]?.uid) pruning.forget.push(id);
    else if (inventory[id]?.created !== true) pruning.released.push(id);
    else if (PRECIOUS.includes(id.slice(0, id.indexOf('/')) as Kind) && !mayBePruned(object.annotations)) pruning.held.push(id);
    else pruning.remove.push(id);
  }
  pruning.id = createHash('sha256').update(JSON.stringify(pruning.remove.map((id) => [id, inventory[id]?.uid]))).digest('hex').slice(0, 12);
  if (undeclared.length === 0) return pruning;
  const stopped = (state: Pruning['state'], reason: string): Pruning => ({ ...pruning, state, reason });
  if (problems > 0) return stopped('blocked', `nothing is removed while ${problems === 1 ? 'there is a problem' : `there are ${String(problems)} problems`} with the directory`);
  if (declared.size === 0) return stopped('blocked', 'nothing is removed while the directory declares nothing at all');
  if (since?.digest !== digest || now - since.time < waitMs) return stopped('waiting', 'the same is to be read a second time first');
  const most = Math.max(FREELY, Math.floor(Object.keys(inventory).length * SHARE));
  if (pruning.remove.length > most && confirmed !== pruning.id) return stopped('confirmation', `${String(pruning.remove.length)} objects would be removed, more than ${String(most)}: confirm with id ${pruning.id}`);
  return stopped('prune', '');
}
