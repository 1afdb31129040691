import { expect } from 'chai';
import { decidePruning, type InventoryEntry, type LiveObject, type PruneFacts, type Pruning } from './prune.js';

const made = (uid: string, more: Partial<InventoryEntry> = {}): InventoryEntry => ({ uid, created: true, hash: 'h', ...more });
const live = (uid: string, annotations: Record<string, string> = {}): LiveObject => ({ uid, annotations });
const allowed = { 'restic-manager.io/prune': 'allowed' };
const GONE = 'Schedule/default/gone';

/** One schedule whose manifest went, everything else at rest: it may go. */
const facts = (more: Partial<PruneFacts> = {}): PruneFacts => ({
  inventory: { 'Schedule/default/kept': made('1'), [GONE]: made('2') }, declared: new Set(['Schedule/default/kept']), problems: 0, digest: 'd',
  since: { digest: 'd', time: 0 }, now: 10_000, waitMs: 10_000, live: new Map([[GONE, live('2')]]), confirmed: undefined, ...more,
});
const only = (id: string, object: LiveObject, entry = made('2')): Partial<PruneFacts> => ({ inventory: { 'Schedule/default/kept': made('1'), [id]: entry }, live: new Map([[id, object]]) });
const many = (count: number, total: number): Partial<PruneFacts> => {
  const id = (index: number): string => `Schedule/default/s${String(index)}`;
  const all = Array.from({ length: total }, (_, index) => id(index));
  return { inventory: Object.fromEntries(all.map((each) => [each, made(each)])), declared: new Set(all.slice(count)), live: new Map(all.slice(0, count).map((each) => [each, live(each)])) };
};

describe('what may be removed because its manifest is gone', () => {
  const rows: [what: string, more: Partial<PruneFacts>, state: Pruning['state'], lists: Partial<Record<'remove' | 'held' | 'released' | 'forget', string[]>>][] = [
    ['what manifests made, after two equal scans', {}, 'prune', { remove: [GONE] }],
    ['nothing while everything is declared', { declared: new Set(['Schedule/default/kept', GONE]) }, 'none', {}],
    ['nothing while there is a problem', { problems: 1 }, 'blocked', { remove: [GONE] }],
    ['nothing while nothing is declared', { declared: new Set() }, 'blocked', {}],
    ['nothing on the first scan', { since: undefined }, 'waiting', { remove: [GONE] }],
    ['nothing when the second scan differs', { since: { digest: 'other', time: 0 } }, 'waiting', { remove: [GONE] }],
    ['nothing a moment too early', { now: 9_999 }, 'waiting', { remove: [GONE] }],
    ['not what was there before its manifest', only(GONE, live('2'), made('2', { created: false })), 'prune', { released: [GONE] }],
    ['not what somebody made anew', only(GONE, live('3')), 'prune', { forget: [GONE] }],
    ['not what is gone already', { live: new Map() }, 'prune', { forget: [GONE] }],
    ['no Host that does not allow it', only('Host/default/web1', live('2')), 'prune', { held: ['Host/default/web1'] }],
    ['no Repository that does not allow it', only('Repository/default/r', live('2', { 'restic-manager.io/prune': 'no' })), 'prune', { held: ['Repository/default/r'] }],
    ['no Secret that does not allow it', only('Secret/default/s', live('2')), 'prune', { held: ['Secret/default/s'] }],
    ['a Host that allows it', only('Host/default/web1', live('2', allowed)), 'prune', { remove: ['Host/default/web1'] }],
    ['a Host that allows it, not from an empty directory', { ...only('Host/default/web1', live('2', allowed)), declared: new Set() }, 'blocked', {}],
    ['five of six at once', many(5, 6), 'prune', {}],
    ['six of sixty only when confirmed', many(6, 59), 'confirmation', {}],
    ['a tenth of many', many(6, 60), 'prune', {}],
    ['more than a tenth only when confirmed', many(11, 100), 'confirmation', {}],
    ['not on the word about another removal', { ...many(11, 100), confirmed: '0123456789ab' }, 'confirmation', {}],
  ];
  for (const [what, more, state, lists] of rows) {
    it(what, () => {
      const decided = decidePruning(facts(more));
      expect(decided.state).to.equal(state);
      if (Object.keys(lists).length > 0) expect(decided).to.deep.include({ remove: [], held: [], released: [], forget: [], ...lists });
    });
  }

  it('goes when exactly these are confirmed, and not when they are others by then', () => {
    const asked = decidePruning(facts(many(11, 100)));
    expect(decidePruning(facts({ ...many(11, 100), confirmed: asked.id })).state).to.equal('prune');
    expect(decidePruning(facts({ ...many(12, 100), confirmed: asked.id })).state).to.equal('confirmation');
  });
});
