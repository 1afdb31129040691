/** Watches that hand out what is there already without a promise for each event: with many watchers those promises add up. */
export interface EagerIterator<T> extends AsyncIterator<T> {
  /** The next event, when there is one. @throws as `next` rejects */
  take(): T | undefined;
}

/**
 * Gives all events to `each`, in order, until the iteration ends or `each` says false. What it returns is waited for before
 * the next event, when it is a promise.
 */
export async function forEachEvent<T>(events: AsyncIterable<T>, each: (event: T) => boolean | Promise<boolean>): Promise<void> {
  const iterator: AsyncIterator<T> & Partial<EagerIterator<T>> = events[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) { ended = true; return; }
      for (let event: T | undefined = next.value; event !== undefined; event = iterator.take?.()) {
        const goOn = each(event);
        if (goOn === false || (goOn !== true && !await goOn)) return;
      }
    }
  } catch (error) {
    ended = true;
    throw error;
  } finally {
    if (!ended) await iterator.return?.();
  }
}
