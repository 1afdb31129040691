/**
 * Records on an LMDB environment of their own (records/ in the data directory): job logs, outcomes, dead letters, facts.
 * All writes share the write queue, so that a hundred jobs logging at once share commits.
 *
 *   b/<ns>/<job>            the book of a log (logBook.ts)     o/<ns>/<job>            an outcome
 *   l/<ns>/<job>/<seq>      lines from seq on                  d/<ns>/<host>/<time>-x  a dead letter
 *   f/<name>                a fact                             e/<day>/<key>           key is swept after this day
 *   i, n, j, w              inventory.ts                       t                       trend.ts
 *   k/<repo>/<newest first>-<16 digits>                        a snapshot a backup reported (knownSnapshots.ts)
 */
import { randomBytes } from 'node:crypto';
import type { Log, Outcome } from '#controller/ports.js';
import { keyText, type ObjectKey } from '#crds/meta.js';
import { Unavailable } from '#crds/objectStore.js';
import { linesOf, type LogLine, type LogLines } from '#crds/wire/logLines.js';
import { openEnvironment } from '../stores/environment.js';
import { createWriteQueue, type Transaction } from '../stores/writeQueue.js';
import { createInventory } from './inventory.js';
import { DAY, dayOf, endOf } from './keys.js';
import { createKnownSnapshots } from './knownSnapshots.js';
import { cutFromTail, cutMark, fromChunk, lastSeen, newLines, newLogBook, place, TAIL_QUOTA, toChunks, type LogBook } from './logBook.js';
import type { LogPage, Records } from './records.js';
import { createTrend } from './trend.js';
import { upgradeRecords } from './upgrade.js';

export type { LogPage, Records } from './records.js';

export interface RecordsOptions {
  /** The data directory; records use `records/` in it. */
  dir: string;
  log?: Log;
  /** Epoch milliseconds. */
  now?: () => number;
  retentionDays?: { logs: number; outcomes: number; deadLetters: number };
}

export const FORMAT = 3;
/** Dead letters kept for one host; the oldest go first. */
const MOST_LETTERS = 200;
const LARGEST_LETTER = 64 * 1024;
/** Records removed in one transaction of a sweep, so that writers wait for none of them long. */
const SWEEP_STEP = 2000;

const bookKey = (job: ObjectKey): string => `b/${keyText(job)}`;
const logPrefix = (job: ObjectKey): string => `l/${keyText(job)}/`;
const chunkKey = (job: ObjectKey, seq: number): string => logPrefix(job) + String(seq).padStart(12, '0');
const outcomeKey = (job: ObjectKey): string => `o/${keyText(job)}`;
const seqOf = (key: string): number => Number(key.slice(key.lastIndexOf('/') + 1));

/** @throws Unavailable naming the directory: not writable, newer format */
export async function openRecords(options: RecordsOptions): Promise<Records> {
  const { dir, log } = options;
  const now = options.now ?? Date.now;
  const retention = options.retentionDays ?? { logs: 30, outcomes: 400, deadLetters: 90 };
  const environment = openEnvironment(dir, 'records');
  try {
    const format = environment.get('m/format');
    if (format !== undefined && Number(format) > FORMAT) throw new Unavailable(`records in ${dir} were written by a newer version (format ${format}, this one reads up to ${FORMAT}); start that version`);
    if (format === undefined) await environment.commit([{ key: 'm/format', value: String(FORMAT) }]);
    else if (Number(format) < FORMAT) await upgradeRecords(environment, Number(format), FORMAT, retention.outcomes);
  } catch (error) {
    await environment.close();
    throw error;
  }

  /** Numbers dead letters, so that those of one millisecond stay in order. */
  let lettersKept = 0;
  /** Chunks decided and not durable yet: the environment does not list them. */
  const undurable = new Set<string>();
  const queue = createWriteQueue<unknown>({
    // A chunk is text; all else is JSON.
    load: (key) => (key.startsWith('l/') ? environment.get(key) : parse(environment.get(key))),
    commit: (changes) => environment.commit(changes),
    applied: (writes) => { for (const { key } of writes) undurable.delete(key); },
    rolledBack: () => { undurable.clear(); },
  });

  const put = (transaction: Transaction<unknown>, key: string, value: unknown): void => { transaction.put(key, value, JSON.stringify(value)); };
  const expire = (transaction: Transaction<unknown>, key: string, day: string): void => { put(transaction, `e/${day}/${key}`, ''); };
  const expireWithOutcomes = (transaction: Transaction<unknown>, key: string): void => { expire(transaction, key, dayOf(now() + retention.outcomes * DAY)); };
  const inventory = createInventory({ environment, queue, now });
  const trend = createTrend({ environment, queue, now, expire: expireWithOutcomes });
  const known = createKnownSnapshots({ environment, now, expire: expireWithOutcomes, idsOf: (repositoryID, hostname) => inventory.ids(repositoryID, hostname) });

  function append(transaction: Transaction<unknown>, job: ObjectKey, lines: LogLines): void {
    const today = dayOf(now());
    const stored = transaction.get(bookKey(job)) as LogBook | undefined;
    // What is in it is replaced, never changed.
    const book = stored === undefined ? newLogBook(today) : { ...stored };
    const fresh = newLines(book, lines);
    if (fresh.length === 0) return;
    for (const chunk of fresh.flatMap(toChunks)) {
      if (place(book, chunk) === 'cut') continue;
      const key = chunkKey(job, chunk.first);
      transaction.put(key, chunk.text, chunk.text);
      undurable.add(key);
    }
    if (book.tailBytes > TAIL_QUOTA) shorten(transaction, job, book);
    if (stored?.day !== today) {
      if (stored !== undefined) transaction.remove(`e/${dayOf(Date.parse(stored.day) + retention.logs * DAY)}/${bookKey(job)}`);
      expire(transaction, bookKey(job), dayOf(Date.parse(today) + retention.logs * DAY));
    }
    book.day = today;
    put(transaction, bookKey(job), book);
  }

  /** Removes durable chunks from the front of the tail until it fits. What is still on its way is the newest and stays. */
  function shorten(transaction: Transaction<unknown>, job: ObjectKey, book: LogBook): void {
    for (const { key, value } of environment.range(chunkKey(job, book.tailFrom), endOf(logPrefix(job)))) {
      if (book.tailBytes <= TAIL_QUOTA) return;
      const { firstSeq, lines } = fromChunk(seqOf(key), value);
      cutFromTail(book, { last: firstSeq + lines.length - 1, lines: lines.length, bytes: Buffer.byteLength(value) });
      transaction.remove(key);
    }
  }

  function removeLog(transaction: Transaction<unknown>, job: ObjectKey): void {
    const book = transaction.get(bookKey(job)) as LogBook | undefined;
    if (book === undefined) return;
    const prefix = logPrefix(job);
    for (const key of [...environment.keys(prefix), ...[...undurable].filter((key) => key.startsWith(prefix))]) transaction.remove(key);
    transaction.remove(bookKey(job));
    transaction.remove(`e/${dayOf(Date.parse(book.day) + retention.logs * DAY)}/${bookKey(job)}`);
  }

  function readLog(job: ObjectKey, from = 1, limit = 1000): LogPage {
    const book = queue.durable(bookKey(job)) as LogBook | undefined;
    const lines: LogLine[] = [];
    const mark = book === undefined ? undefined : cutMark(book, new Date(now()).toISOString());
    const around = environment.lastIn(logPrefix(job), chunkKey(job, from))?.key ?? chunkKey(job, from);
    let marked = mark === undefined || mark.seq < from;
    for (const { key, value } of environment.range(around, endOf(logPrefix(job)))) {
      if (lines.length >= limit) break;
      const cut = book !== undefined && book.tailFrom > 0 && seqOf(key) > book.headEnd && seqOf(key) < book.tailFrom;
      if (cut) continue; // Removed by a transaction that is still in flight.
      const { firstSeq, lines: texts } = fromChunk(seqOf(key), value);
      if (!marked && mark !== undefined && firstSeq > mark.seq) { lines.push(mark); marked = true; }
      const skipped = Math.max(0, from - firstSeq);
      lines.push(...linesOf({ firstSeq: firstSeq + skipped, lines: texts.slice(skipped, skipped + limit - lines.length) }));
    }
    const last = lines.at(-1);
    return { lines, next: last === undefined ? from : last.seq + 1 };
  }

  async function sweep(time: number): Promise<number> {
    const today = dayOf(time);
    let removed = await inventory.sweep(time);
    for (;;) {
      const due: string[] = [];
      for (const { key } of environment.range('e/', `e/${today}`, 100)) due.push(key);
      if (due.length === 0) return removed;
      for (const entry of due) {
        const key = entry.slice('e/'.length + today.length + 1);
        const [type, namespace = '', name = ''] = key.split('/');
        if (type === 'b') await sweepChunks({ namespace, name });
        removed += await queue.run((transaction) => {
          transaction.remove(entry);
          if (transaction.get(key) === undefined) return 0;
          if (type === 'b') removeLog(transaction, { namespace, name });
          else transaction.remove(key);
          return 1;
        });
      }
    }
  }

  /** A long log goes in steps; the book goes last, with what is left. */
  async function sweepChunks(job: ObjectKey): Promise<void> {
    for (;;) {
      const keys: string[] = [];
      for (const { key } of environment.range(logPrefix(job), endOf(logPrefix(job)), SWEEP_STEP)) keys.push(key);
      if (keys.length < SWEEP_STEP) return;
      await queue.run((transaction) => { for (const key of keys) transaction.remove(key); });
    }
  }

  return {
    async appendLog(job, lines) {
      await queue.run((transaction) => { append(transaction, job, lines); });
    },
    readLog,
    lastLogSeq: (job) => lastSeen(queue.durable(bookKey(job)) as LogBook | undefined),
    async deleteLog(job) {
      await queue.run((transaction) => { removeLog(transaction, job); });
    },

    findOutcome: (job) => queue.durable(outcomeKey(job)) as Outcome | undefined,
    async putOutcome(job, outcome, backup) {
      await queue.run((transaction) => {
        if (transaction.get(outcomeKey(job)) !== undefined) return;
        put(transaction, outcomeKey(job), outcome);
        expireWithOutcomes(transaction, outcomeKey(job));
        if (backup !== undefined) known.add(transaction, backup);
      });
    },
    knownSnapshots: (repositoryID, limit) => known.list(repositoryID, limit),
    inventory,
    trend,

    async deadLetter(host, frame, reason) {
      const text = JSON.stringify(frame) as string | undefined;
      const kept: unknown = text !== undefined && text.length > LARGEST_LETTER ? { cut: `${text.length} characters`, start: text.slice(0, 4096) } : frame;
      const time = new Date(now()).toISOString();
      log?.warn({ host: keyText(host), reason }, 'a report was refused for good');
      const nth = String(++lettersKept).padStart(9, '0');
      await queue.run((transaction) => {
        const prefix = `d/${keyText(host)}/`;
        const letters = [...environment.keys(prefix)];
        for (const key of letters.slice(0, Math.max(0, letters.length - MOST_LETTERS + 1))) transaction.remove(key);
        const key = `${prefix}${time}-${nth}-${randomBytes(4).toString('hex')}`;
        put(transaction, key, { time, reason, frame: kept });
        expire(transaction, key, dayOf(now() + retention.deadLetters * DAY));
      });
    },
    deadLetters(host) {
      const prefix = `d/${keyText(host)}/`;
      return [...environment.range(prefix, endOf(prefix))].map(({ value }) => JSON.parse(value) as { time: string; reason: string; frame: unknown });
    },

    getFact: (name) => queue.durable(`f/${name}`),
    async putFact(name, value) {
      await queue.run((transaction) => { put(transaction, `f/${name}`, value); });
    },
    factNames: (prefix) => [...environment.keys(`f/${prefix}`)].map((key) => key.slice('f/'.length)),
    async removeFacts(names) {
      if (names.length > 0) await queue.run((transaction) => { for (const name of names) transaction.remove(`f/${name}`); });
    },

    sweep,
    async close() {
      await queue.close(() => new Unavailable('records are closed'));
      await environment.close();
    },
  };
}

function parse(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}
