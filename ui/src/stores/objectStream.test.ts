import { expect } from 'chai';
import type { WatchHandler } from '../api/live.js';
import { effect } from 'vue';
import { objectStream } from './objectStream.js';

const host = (name: string, phase = 'Online'): never => ({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '' }, spec: {}, status: { phase } }) as never;

describe('object stream of a store', () => {
  function bed() {
    let handler: WatchHandler | undefined;
    let run: (() => void) | undefined;
    let scheduled = 0;
    const stream = objectStream('Host', { watch: (_kind, given) => { handler = given; return () => undefined; } }, (later) => { scheduled++; run = later; });
    if (!handler) throw new Error('the stream did not watch');
    return { stream, handler, flush: () => { run?.(); }, scheduled: () => scheduled };
  }

  it('keeps objects by uid: a list replaces, events add, change and remove', () => {
    const { stream, handler } = bed();
    handler.event('ADDED', host('old'));
    handler.replace([host('a'), host('b')]);
    handler.event('MODIFIED', host('a', 'Offline'));
    handler.event('DELETED', host('b'));
    handler.event('ADDED', host('c'));
    expect([...stream.byUid.value.keys()]).to.deep.equal(['a', 'c']);
    expect(stream.byUid.value.get('a')?.status?.phase).to.equal('Offline');
  });

  it('turns a burst of events into one update of the page', () => {
    const { stream, handler, flush, scheduled } = bed();
    let updates = -1;
    effect(() => { void stream.byUid.value.size; updates++; });
    for (let index = 0; index < 1000; index++) handler.event('ADDED', host(`h${String(index)}`));
    expect(scheduled()).to.equal(1);
    flush();
    expect(updates).to.equal(1);
    expect(stream.byUid.value.size).to.equal(1000);
  });

  it('is connecting until the first list, then says whether it is live or stale, and why it was refused', () => {
    const { stream, handler } = bed();
    expect(stream.state.value).to.equal('connecting');
    handler.state('live');
    handler.state('stale');
    expect(stream.state.value).to.equal('stale');
    handler.refused('forbidden', 'role viewer may not watch hosts');
    expect(stream.refusal.value).to.equal('role viewer may not watch hosts');
  });
});
