/**
 * Drops what records hold of objects that are gone, at the start too, for those that went while no server ran. Of a host,
 * by its uid: how far its spool was taken; a host made anew under the name has another uid and loses nothing. Of a
 * repository, by its id, when no Repository has it any more: inventory and trend. The snapshots of a deleted host stay as
 * long as its repository, because they can be restored.
 */
import type { SessionContext } from './types.js';

/** Facts named `<prefix><host uid>` or `<prefix><host uid>/<more>`. */
const PREFIXES = ['spool/'];

export function forgetDeleted({ informers, records, log }: Pick<SessionContext, 'informers' | 'records' | 'log'>): { stop(): void } {
  function forget(names: readonly string[]): void {
    if (names.length === 0) return;
    records.removeFacts(names).catch((error: unknown) => { log.warn({ facts: names.length, error: error instanceof Error ? error.message : String(error) }, 'facts of a deleted host could not be removed; the next start tries again'); });
  }
  const namesOf = (uid: string): string[] => PREFIXES.flatMap((prefix) => records.factNames(prefix + uid).filter((name) => name === prefix + uid || name.startsWith(`${prefix}${uid}/`)));
  function forgetRepositories(): void {
    const known = new Set(informers.cache.list('Repository').map(({ status }) => status?.id));
    for (const id of records.inventory.repositories().filter((each) => !known.has(each))) {
      records.inventory.forget(id).then(
        (removed) => { log.info({ repositoryID: id, removed }, 'the inventory of a repository that is gone was removed'); },
        (error: unknown) => { log.warn({ repositoryID: id, error: error instanceof Error ? error.message : String(error) }, 'the inventory of a repository that is gone could not be removed; the next start tries again'); },
      );
    }
  }
  let stopped = false;
  // Before the caches are full, what is merely not read yet would look gone.
  let complete = false;
  void informers.start().then(() => {
    if (stopped) return;
    complete = true;
    forgetRepositories();
    forget(PREFIXES.flatMap((prefix) => records.factNames(prefix).filter((name) => !informers.cache.getByUid('Host', name.slice(prefix.length).split('/')[0] ?? ''))));
  });
  const unsubscribe = informers.onChange((event) => {
    if (event.kind === 'Host' && event.type === 'DELETED') forget(namesOf(event.object.metadata.uid));
    if (complete && event.kind === 'Repository' && event.type === 'DELETED') forgetRepositories();
  });
  return { stop() { stopped = true; unsubscribe(); } };
}
