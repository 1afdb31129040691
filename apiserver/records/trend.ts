/** Daily figures of each repository: `t/<repo>/<day>`. The last figure known of a day stands for it. */
import type { WriteQueue, Transaction } from '../stores/writeQueue.js';
import type { Environment } from '../stores/environment.js';
import type { Trend, TrendPoint } from './inventoryTypes.js';
import { DAY, dayOf, endOf } from './keys.js';

interface Options {
  environment: Environment;
  queue: WriteQueue<unknown>;
  now: () => number;
  /** Sweeps the key once its retention has passed; called with the first write of a key. */
  expire: (transaction: Transaction<unknown>, key: string) => void;
}

export function createTrend({ environment, queue, now, expire }: Options): Trend {
  return {
    async put(repositoryID, time, figures) {
      const known = Object.entries(figures).filter(([, value]) => value !== undefined);
      if (known.length === 0) return;
      const day = dayOf(time);
      const key = `t/${repositoryID}/${day}`;
      await queue.run((transaction) => {
        const stored = transaction.get(key) as TrendPoint | undefined;
        if (stored === undefined) expire(transaction, key);
        const point: TrendPoint = { day, ...stored, ...Object.fromEntries(known) };
        transaction.put(key, point, JSON.stringify(point));
      });
    },
    read(repositoryID, days) {
      const prefix = `t/${repositoryID}/`;
      const first = dayOf(now() - (days - 1) * DAY);
      return [...environment.range(prefix + first, endOf(prefix))].map(({ value }) => JSON.parse(value) as TrendPoint);
    },
  };
}
