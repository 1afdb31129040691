/**
 * Follows the log of one job to its end. The records are the truth, in order and complete; the bus only says that there
 * is more. So a late, a slow and an early reader all see every line once (J2).
 */
import { keyText, type ObjectKey } from '#crds/meta.js';
import type { JobProgress } from '#crds/wire/agentProtocol.gen.js';
import type { LogLine } from '#crds/wire/logLines.js';
import type { Informers } from '#controller/runtime/types.js';
import type { Records } from '../records/records.js';
import type { Bus } from './bus.js';

export interface TailSink {
  /** Resolves false when nobody listens any more. */
  lines(lines: LogLine[]): Promise<boolean>;
  progress?(progress: JobProgress): void;
  /** The job is over and every line was given. @param status succeeded, failed or cancelled */
  end(status: string): void;
}

const PAGE = 500;

/** @returns stops following */
export function tailJob({ informers, records, bus }: { informers: Informers; records: Records; bus: Bus }, job: ObjectKey, from: number, sink: TailSink): () => void {
  let next = from;
  let stopped = false;
  let pumping = false;
  let again = false;

  function endOf(): string | undefined {
    const object = informers.cache.get('ResticJob', job);
    const phase = object ? finalPhase(object.status?.phase) ?? finalPhase(object.status?.observed?.phase) : records.findOutcome(job)?.observed.phase;
    return phase?.toLowerCase();
  }
  async function pump(): Promise<void> {
    pumping = true;
    do {
      again = false;
      // Read before the lines: what ended the job was written after its last line.
      const end = endOf();
      for (;;) {
        const page = records.readLog(job, next, PAGE);
        if (page.lines.length === 0) break;
        next = page.next;
        if (!await sink.lines(page.lines) || isStopped()) { stop(); return; }
      }
      if (end !== undefined) { stop(); sink.end(end); return; }
    } while (shouldRepeat());
    pumping = false;
  }
  const isStopped = (): boolean => stopped;
  const shouldRepeat = (): boolean => again && !stopped;
  function wake(): void {
    if (stopped) return;
    if (pumping) again = true;
    else void pump();
  }
  function stop(): void {
    stopped = true;
    unsubscribeBus();
    unsubscribeCache();
  }
  const unsubscribeBus = bus.subscribe(keyText(job), (message) => {
    if (message.type === 'progress') sink.progress?.(message.progress);
    else wake();
  });
  const unsubscribeCache = informers.onChange((event) => {
    if (event.kind === 'ResticJob' && event.object.metadata.name === job.name && event.object.metadata.namespace === job.namespace) wake();
  });
  queueMicrotask(wake);   // the caller has its stop function before the first line comes
  return stop;
}

function finalPhase(phase: string | undefined): string | undefined {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled' ? phase : undefined;
}
