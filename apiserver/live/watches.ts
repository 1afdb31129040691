/**
 * Object watches of all tabs. An event is turned into text once, however many tabs see it; each tab resumes by
 * resourceVersion from the informer's history, or gets the whole set again.
 */
import type { Kind } from '#crds/kinds.js';
import type { CacheEvent, Informers } from '#controller/runtime/types.js';
import { declares, OPERATOR_MANAGER } from '../operator/fieldOwners.js';
import type { Matches } from './selectors.js';
import type { Tab } from './tab.js';

interface Watch { id: string; tab: Tab; matches: Matches; /** Events that wait for the list to end. */ held: CacheEvent[] | undefined }

export interface Watches {
  /** Subscribes and sends list pages or the missed events. @returns ends the watch */
  open(options: { id: string; tab: Tab; kind: Kind; matches: Matches; resourceVersion?: string }): () => void;
  count(): number;
  close(): void;
}

const PAGE = 200;
/** Events a tab may miss while its list is on the way. */
const MAX_HELD = 10_000;

/** Of managedFields, often the larger half, a page gets what it may not edit: fields that are declared elsewhere (X11). */
function textOf(object: CacheEvent['object']): string {
  const { managedFields, ...metadata } = object.metadata;
  const declared = managedFields?.filter((entry) => declares(entry, OPERATOR_MANAGER)) ?? [];
  return JSON.stringify({ ...object, metadata: declared.length === 0 ? metadata : { ...metadata, managedFields: declared } });
}

export function createWatches(informers: Informers): Watches {
  const byKind = new Map<Kind, Set<Watch>>();
  let shared: { event: unknown; text: string } | undefined;

  function eventText(event: CacheEvent): string {
    if (shared?.event !== event) shared = { event, text: textOf(event.object) };
    return shared.text;
  }
  function deliver(watch: Watch, event: CacheEvent): void {
    const matches = watch.matches(event.object);
    const matched = event.old !== undefined && watch.matches(event.old);
    if (!matches && !matched) return;
    const type = !matches ? 'DELETED' : event.type === 'MODIFIED' && !matched ? 'ADDED' : event.type;
    watch.tab.send(`{"type":"event","id":${JSON.stringify(watch.id)},"event":"${type}","object":${eventText(event)}}`);
  }
  const unsubscribe = informers.onChange((event) => {
    for (const watch of byKind.get(event.kind) ?? []) {
      if (!watch.held) deliver(watch, event);
      else if (watch.held.length < MAX_HELD) watch.held.push(event);
      else watch.tab.close(4008, 'too slow: resume from the last version you saw');
    }
    shared = undefined;
  });

  async function sendList(watch: Watch, kind: Kind): Promise<void> {
    watch.held = [];
    // One consistent set: objects are frozen and shared, so a copy of the array is a snapshot. What changes later is held back.
    const objects = informers.cache.list(kind).filter(watch.matches);
    const resourceVersion = informers.resourceVersion(kind);
    for (let start = 0; start === 0 || start < objects.length; start += PAGE) {
      const items = objects.slice(start, start + PAGE).map(textOf).join(',');
      const more = start + PAGE < objects.length;
      if (!await watch.tab.sendAndWait(`{"type":"list","id":${JSON.stringify(watch.id)},"items":[${items}],"resourceVersion":${JSON.stringify(resourceVersion)},"more":${String(more)}}`)) return;
    }
    const { held } = watch;
    watch.held = undefined;
    for (const event of held) deliver(watch, event);
  }

  return {
    open({ id, tab, kind, matches, resourceVersion }) {
      const watch: Watch = { id, tab, matches, held: undefined };
      const watches = byKind.get(kind) ?? new Set();
      byKind.set(kind, watches);
      const missed = resourceVersion === undefined ? undefined : informers.eventsSince(kind, resourceVersion);
      if (missed) {
        for (const { type, object } of missed) {
          // The history has no earlier state: with a selector, what does not match may have matched before.
          const event = matches(object) ? type : 'DELETED';
          tab.send(`{"type":"event","id":${JSON.stringify(id)},"event":"${event}","object":${textOf(object)}}`);
        }
      } else {
        if (resourceVersion !== undefined) tab.send(JSON.stringify({ type: 'gone', id }));
        void sendList(watch, kind);
      }
      watches.add(watch);
      return () => { watches.delete(watch); };
    },
    count: () => [...byKind.values()].reduce((sum, watches) => sum + watches.size, 0),
    close: unsubscribe,
  };
}
