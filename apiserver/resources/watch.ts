/**
 * Watches: one JSON line per event, chunked. A slow client holds back only its own iterator: nothing is buffered here beyond
 * the socket, and when the store lets it go (too far behind) it gets ERROR 410 and the end, from which clients relist.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Log } from '#controller/ports.js';
import type { KubeObject } from '#crds/meta.js';
import type { ObjectStore, WatchEvent } from '#crds/objectStore.js';
import { forEachEvent } from '../stores/eager.js';
import { json } from '../stores/json.js';
import { compileSelectors } from '../stores/selectors.js';
import { accepted } from './accept.js';
import { includeObject } from './encode.js';
import type { Form } from './encode.js';
import { badRequest, internalError, statusOf } from './errors.js';
import { listOptions } from './read.js';
import { isTrue, wholeNumber } from './request.js';
import type { Call } from './request.js';
import { groupVersion } from './served.js';
import type { Served } from './served.js';
import { partial, tableOf } from './table.js';

/** Without timeoutSeconds a watch lasts between this and twice this, so that clients do not all return at once. */
const DEFAULT_SECONDS = 1800;
const MAX_SECONDS = 24 * 3600;
const INITIAL_END = 'k8s.io/initial-events-end';

export async function answerWatch(call: Call, served: Served, store: ObjectStore, log: Log): Promise<void> {
  const { query, req, res } = call;
  const form: Form = { wanted: accepted(req, ['Table', 'PartialObjectMetadata']), include: includeObject(query), now: Date.now };
  const { namespace, labelSelector, fieldSelector, resourceVersion: given } = listOptions(call);
  compileSelectors(served.kind, labelSelector, fieldSelector); // refused before the reply begins
  if (given !== undefined && !/^(0|[1-9][0-9]*)$/.test(given)) throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(given)}: strconv.ParseUint: parsing ${JSON.stringify(given)}: invalid syntax`);
  const seconds = Math.min(positive(wholeNumber(query, 'timeoutSeconds')) ?? Math.round(DEFAULT_SECONDS * (1 + Math.random())), MAX_SECONDS);
  const sendInitialEvents = isTrue(query.get('sendInitialEvents'));
  const bookmarks = isTrue(query.get('allowWatchBookmarks'));
  // A watch that wants no initial events and names no version begins now.
  const fromNow = query.has('sendInitialEvents') && !sendInitialEvents && (given === undefined || given === '0');
  const resourceVersion = fromNow ? (await store.list(served.kind, { limit: 1 })).resourceVersion : sendInitialEvents ? undefined : given;

  const ended = new AbortController();
  if (res.destroyed) return;
  const timer = setTimeout(() => { ended.abort(); }, Math.max(seconds, 1) * 1000);
  res.on('close', () => { ended.abort(); });
  res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
  res.flushHeaders();
  const encode = encoder(served, form, sendInitialEvents);
  const lines = gathered(res);
  try {
    const events = store.watch(served.kind, { namespace, labelSelector, fieldSelector, resourceVersion, bookmarks, signal: ended.signal });
    await forEachEvent(events, (event) => {
      if (res.destroyed) return false;
      lines.add(encode(event));
      return res.writableNeedDrain ? once(res, 'drain', { signal: ended.signal }).then(() => true, () => true) : true;
    });
  } catch (error) {
    const status = statusOf(error);
    if (!status) log.error({ err: error, kind: served.kind }, 'watch failed');
    lines.add(`${JSON.stringify({ type: 'ERROR', object: status ?? internalError() })}\n`);
  } finally {
    clearTimeout(timer);
    lines.flush();
    // A client that has stopped reading would keep its socket for ever.
    if (res.writableNeedDrain) res.destroy();
    else res.end();
  }
}

const positive = (seconds: number | undefined): number | undefined => (seconds !== undefined && seconds > 0 ? seconds : undefined);

/** As much as one write of a list's first events takes before the client's pace is asked for. */
const FLUSH_AT = 64 * 1024;

/** Events that are there together go out in one write: with many watchers the writes are what fan-out costs. */
function gathered(res: ServerResponse): { add(line: string): void; flush(): void } {
  let lines: string[] = [];
  let length = 0;
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    if (length > 0 && !res.destroyed) res.write(bytesOf(lines));
    lines = [];
    length = 0;
  };
  return {
    add(line) {
      lines.push(line);
      length += line.length;
      if (length >= FLUSH_AT) flush();
      else if (!scheduled) {
        scheduled = true;
        setImmediate(flush);
      }
    },
    flush,
  };
}

/** What was written last: watchers of one kind that keep up write the same lines one after the other. */
let last: { lines: readonly string[]; bytes: Buffer } = { lines: [], bytes: Buffer.alloc(0) };

function bytesOf(lines: readonly string[]): Buffer {
  if (lines.length !== last.lines.length || lines.some((line, index) => line !== last.lines[index])) last = { lines, bytes: Buffer.from(lines.join('')) };
  return last.bytes;
}

/** The newest lines, made once for all watchers: those that keep up are all within them. */
const plainLines = new Map<object, { type: string; line: string }>();
const MOST_LINES = 512;

function plainLine({ type, object }: Exclude<WatchEvent<KubeObject>, { type: 'BOOKMARK' }>): string {
  const known = plainLines.get(object);
  if (known?.type === type) return known.line;
  const line = `{"type":"${type}","object":${json(object)}}\n`;
  plainLines.set(object, { type, line });
  const [oldest] = plainLines.keys();
  if (plainLines.size > MOST_LINES && oldest !== undefined) plainLines.delete(oldest);
  return line;
}

function encoder(served: Served, { wanted, include, now }: Form, sendInitialEvents: boolean): (event: WatchEvent<KubeObject>) => string {
  let headers = true;
  let initialEnd = sendInitialEvents;
  return (event) => {
    if (event.type === 'BOOKMARK') {
      const metadata = { resourceVersion: event.resourceVersion, creationTimestamp: null, ...(initialEnd ? { annotations: { [INITIAL_END]: 'true' } } : {}) };
      initialEnd = false;
      const object = wanted.as === 'Table' ? tableOf(served, [], metadata, include, now(), false) : { kind: served.kind, apiVersion: groupVersion(served), metadata };
      return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
    }
    if (wanted.as === undefined) return event.type === 'ADDED' ? `{"type":"ADDED","object":${json(event.object)}}\n` : plainLine(event);
    const object = wanted.as === 'Table' ? tableOf(served, [event.object], { resourceVersion: event.object.metadata.resourceVersion }, include, now(), headers) : partial(event.object);
    headers = false;
    return `${JSON.stringify({ type: event.type, object })}\n`;
  };
}
