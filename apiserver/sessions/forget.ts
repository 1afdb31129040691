/**
 * Drops what records hold of a host by its uid once the Host is gone: how far its spool was taken, its snapshots. At the
 * start too, for hosts that went while no server ran. A host made anew under the name has another uid and loses nothing.
 */
import type { SessionContext } from './types.js';

/** Facts named `<prefix><host uid>` or `<prefix><host uid>/<more>`. */
const PREFIXES = ['spool/', 'snapshots/'];

export function forgetDeletedHosts({ informers, records, log }: Pick<SessionContext, 'informers' | 'records' | 'log'>): { stop(): void } {
  function forget(names: readonly string[]): void {
    if (names.length === 0) return;
    records.removeFacts(names).catch((error: unknown) => { log.warn({ facts: names.length, error: error instanceof Error ? error.message : String(error) }, 'facts of a deleted host could not be removed; the next start tries again'); });
  }
  const namesOf = (uid: string): string[] => PREFIXES.flatMap((prefix) => records.factNames(prefix + uid).filter((name) => name === prefix + uid || name.startsWith(`${prefix}${uid}/`)));
  let stopped = false;
  void informers.start().then(() => {
    if (!stopped) forget(PREFIXES.flatMap((prefix) => records.factNames(prefix).filter((name) => !informers.cache.getByUid('Host', name.slice(prefix.length).split('/')[0] ?? ''))));
  });
  const unsubscribe = informers.onChange((event) => {
    if (event.kind === 'Host' && event.type === 'DELETED') forget(namesOf(event.object.metadata.uid));
  });
  return { stop() { stopped = true; unsubscribe(); } };
}
