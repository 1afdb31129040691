/** Tells people: an Event and a log line for what is new, and again with each full sync while it lasts. */
import { apiVersionOf, kinds } from '#crds/kinds.js';
import type { Log } from '#controller/ports.js';
import type { Recorder } from '#controller/runtime/types.js';
import { problemText, type ManifestProblem } from './problem.js';
import { PRUNE_ANNOTATION, type Pruning } from './prune.js';

export interface News {
  problems: readonly ManifestProblem[];
  pruning: Pruning;
  /** Hosts that keep their agent. */
  kept: readonly string[];
  /** Of an object in the inventory. */
  uidOf(id: string): string | undefined;
}

export interface Notices {
  /** @param repeat also what was told before */
  tell(news: News, repeat: boolean): void;
}

/** A broken tree of thousands of files must not fill the store with Events. */
const MOST = 50;

export function createNotices({ recorder, namespace, log }: { recorder: Recorder; namespace: string; log: Log }): Notices {
  let told = new Set<string>();
  /** `kubectl get events` shows these: there may be no object to hang them on. */
  const directory = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };

  return {
    tell({ problems, pruning, kept, uidOf }, repeat) {
      const now = new Set<string>();
      const event = (about: Parameters<Recorder['event']>[0], type: 'Normal' | 'Warning', reason: string, message: string): void => {
        const text = `${about.kind}/${about.metadata.name} ${reason} ${message}`;
        if (now.has(text) || now.size >= MOST) return;
        now.add(text);
        if (!repeat && told.has(text)) return;
        recorder.event(about, type, reason, message.slice(0, 1_000));
        if (type === 'Warning') log.warn({ reason }, message);
      };
      for (const problem of problems) event(directory, 'Warning', 'ManifestInvalid', problemText(problem));
      if (pruning.state === 'confirmation') event(directory, 'Warning', 'ManifestPruneWaits', pruning.reason);
      for (const id of kept) event(objectOf(id, uidOf(id)), 'Warning', 'ManifestHeld', `the manifest no longer names the agent (spec.enrollment); the host keeps it unless annotated ${PRUNE_ANNOTATION}: allowed`);
      if (pruning.state === 'prune') {
        for (const id of pruning.held) event(objectOf(id, uidOf(id)), 'Warning', 'ManifestHeld', `the manifest is gone; the object stays unless annotated ${PRUNE_ANNOTATION}: allowed`);
        for (const id of pruning.remove) event(objectOf(id, undefined), 'Normal', 'ManifestPruned', 'removed, because its manifest is gone');
      }
      told = now;
    },
  };
}

function objectOf(id: string, uid: string | undefined): Parameters<Recorder['event']>[0] {
  const [kindName, namespace = '', name = ''] = id.split('/');
  const kind = kinds.find((known) => known === kindName) ?? 'Host';
  return { apiVersion: apiVersionOf(kind), kind, metadata: { namespace, name, ...(uid === undefined ? {} : { uid }) } };
}
