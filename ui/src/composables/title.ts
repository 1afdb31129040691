/** The document's title follows the page, so that tabs and history can be told apart. */
import { toValue, watchEffect, type MaybeRefOrGetter } from 'vue';

export function useTitle(title: MaybeRefOrGetter<string>): void {
  watchEffect(() => { document.title = `${toValue(title)} · restic-manager`; });
}
