/** objectStream on the tab's live channel: the one line every kind's store starts with. */
import type { KindMap } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { useLive } from './live.js';
import { objectStream, type ObjectStream } from './objectStream.js';

export function useObjectStream<K extends keyof KindMap>(kind: K): ObjectStream<Stored<KindMap[K]>> {
  return objectStream(kind, useLive().channel());
}
