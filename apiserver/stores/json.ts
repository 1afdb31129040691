/**
 * The JSON text of stored objects, made once: fan-out to fifty watchers and lists send the same text. Kept beside the
 * object it belongs to and bounded in total, oldest first.
 */
import type { Kind } from '#crds/kinds.js';
import type { ObjectKey } from '#crds/meta.js';
import type { ListOptions, ObjectList } from '#crds/objectStore.js';

/** What a store can do that has the texts of its objects at hand: a reply is made of them without making the objects first. */
export interface TextReads {
  /** JSON text of what `get` returns. @throws as get */
  getText(kind: Kind, key: ObjectKey): Promise<string>;
  /** As `list`, with the JSON texts; undefined when the selectors need the objects. @throws as list */
  listTexts(kind: Kind, options: ListOptions): Promise<ObjectList<string> | undefined>;
}

const LIMIT = 16 * 1024 * 1024;

const texts = new WeakMap<object, string>();
const order: { object: WeakRef<object>; size: number }[] = [];
let first = 0;
let total = 0;

/** JSON text of a frozen stored object. Only for objects a store handed out: others may change after. */
export function json(object: object): string {
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = JSON.stringify(object);
  remember(object, text);
  return text;
}

/** The text of an object when it is at hand. */
export const knownText = (object: object): string | undefined => texts.get(object);

/** Puts the text of a frozen object down when it is known anyway. */
export function remember(object: object, text: string): void {
  texts.set(object, text);
  order.push({ object: new WeakRef(object), size: text.length });
  total += text.length;
  while (total > LIMIT) {
    const oldest = order[first];
    if (oldest === undefined) break;
    first += 1;
    total -= oldest.size;
    const gone = oldest.object.deref();
    if (gone !== undefined) texts.delete(gone);
  }
  if (first > 4096 && first * 2 > order.length) {
    order.splice(0, first);
    first = 0;
  }
}
