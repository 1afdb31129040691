/** /api/live for one tab: what it asks for, checked against its role, until the socket closes. */
import type { WebSocket } from 'ws';
import { GROUP, resources, type Kind } from '#crds/kinds.js';
import { keyText, type ObjectKey } from '#crds/meta.js';
import type { Principal } from '#crds/objectStore.js';
import * as generated from '#crds/wire/live.validate.gen.js';
import type { LiveError, LiveMessage, LiveRequest } from '#crds/wire/live.gen.js';
import type { JobProgress } from '#crds/wire/agentProtocol.gen.js';
import type { Access, AccessQuestion } from '../auth/types.js';
import type { LiveContext } from './types.js';
import { manifestsReport } from '../manifests/report.js';
import { parseFieldSelector } from './selectors.js';
import { tailJob } from './tail.js';
import type { Tab } from './tab.js';
import type { Watches } from './watches.js';

const isLiveRequest = (generated as unknown as Record<string, ((value: unknown) => boolean) | undefined>)['LiveRequest'];
const MAX_SUBSCRIPTIONS = 100;

/** Reading logs is a right of its own (40-api, Identity). */
export const READ_LOGS: AccessQuestion = { verb: 'get', group: resources.ResticJob.group, resource: 'resticjobs/log' };
const READ_MANIFESTS: AccessQuestion = { verb: 'get', group: GROUP, resource: 'manifests' };

export function serveLive(context: LiveContext, watches: Watches, ws: WebSocket, tab: Tab, principal: Principal): void {
  const { access, bus, manifests } = context;
  const subscriptions = new Map<string, () => void>();
  tab.onClose(() => { for (const end of subscriptions.values()) end(); });

  const reply = (message: LiveMessage): void => { tab.send(JSON.stringify(message)); };
  const fail = (code: string, message: string, id?: string): void => { reply({ type: 'error', code, message, ...(id === undefined ? {} : { id }) } satisfies LiveError); };
  function refusal(question: AccessQuestion): string | undefined {
    const verdict = access.authorize(principal, question);
    return verdict.allowed ? undefined : verdict.reason;
  }

  function begin(request: Exclude<LiveRequest, { type: 'stop' | 'ping' }>): void {
    const { id } = request;
    switch (request.type) {
      case 'watch': {
        const kind = request.kind as Kind;
        // Own property only, and never Secrets, whoever asks.
        if (!Object.hasOwn(resources, kind) || kind === 'Secret') { fail('unknown_kind', `kind ${request.kind} cannot be watched here`, id); return; }
        const { group, plural } = resources[kind];
        const no = refusal({ verb: 'list', group, resource: plural }) ?? refusal({ verb: 'watch', group, resource: plural });
        if (no !== undefined) { fail('forbidden', no, id); return; }
        try {
          const matches = parseFieldSelector(request.fieldSelector);
          subscriptions.set(id, watches.open({ id, tab, kind, matches, ...(request.resourceVersion === undefined ? {} : { resourceVersion: request.resourceVersion }) }));
        } catch (error) {
          fail('bad_request', error instanceof Error ? error.message : String(error), id);
        }
        return;
      }
      case 'progress': {
        const { group, plural } = resources.ResticJob;
        const no = refusal({ verb: 'watch', group, resource: plural });
        if (no !== undefined) { fail('forbidden', no, id); return; }
        subscriptions.set(id, bus.subscribe('*', (message) => {
          if (message.type === 'progress') tab.sendIfIdle(JSON.stringify({ type: 'progress', id, job: message.progress.job, progress: visibleProgress(access, principal, message.progress) } satisfies LiveMessage));
        }));
        return;
      }
      case 'manifests': {
        const no = refusal(READ_MANIFESTS);
        if (no !== undefined) { fail('forbidden', no, id); return; }
        const tell = (): void => { reply({ type: 'manifests', id, status: manifestsReport(manifests) }); };
        subscriptions.set(id, manifests?.onChange(tell) ?? (() => undefined));
        tell();
        return;
      }
      case 'tail': {
        const no = refusal(READ_LOGS);
        if (no !== undefined) { fail('forbidden', no, id); return; }
        const job = findJobKey(context, request.job);
        if (!job) { fail('not_found', `there is no job ${request.job}`, id); return; }
        subscriptions.set(id, tailJob(context, job, request.from ?? 1, {
          lines: (lines) => tab.sendAndWait(JSON.stringify({ type: 'log', id, lines } satisfies LiveMessage)),
          end(status) {
            subscriptions.delete(id);
            reply({ type: 'end', id, status });
          },
        }));
      }
    }
  }

  ws.on('message', (data, isBinary) => {
    let request: unknown;
    try { request = isBinary ? undefined : JSON.parse((data as Buffer).toString('utf8')); } catch { /* said below */ }
    if (!isLiveRequest?.(request)) { fail('malformed_frame', 'not a request of this channel'); return; }
    const { type, id } = request as LiveRequest;
    if (type === 'stop') {
      subscriptions.get(id)?.();
      subscriptions.delete(id);
      return;
    }
    if (type === 'ping') { reply({ type: 'pong', id }); return; }
    if (subscriptions.has(id)) { fail('id_in_use', `subscription ${id} exists; stop it first`, id); return; }
    if (subscriptions.size >= MAX_SUBSCRIPTIONS) { fail('too_many', `at most ${String(MAX_SUBSCRIPTIONS)} subscriptions per socket`, id); return; }
    begin(request as Exclude<LiveRequest, { type: 'stop' | 'ping' }>);
  });
}

/** File names of a backup are as private as its log. */
export function visibleProgress(access: Access, principal: Principal, progress: JobProgress): JobProgress {
  if (access.authorize(principal, READ_LOGS).allowed) return progress;
  const { currentFiles, ...figures } = progress;
  return figures;
}

/** By uid or name; a job whose object is gone is found by name while its outcome is kept. */
export function findJobKey({ informers, records, namespace }: LiveContext, id: string): ObjectKey | undefined {
  const job = informers.cache.getByUid('ResticJob', id);
  if (job) return { namespace: job.metadata.namespace, name: job.metadata.name };
  const key = { namespace, name: id };
  return informers.cache.get('ResticJob', key) || (keyText(key).length < 200 && records.findOutcome(key)) ? key : undefined;
}
