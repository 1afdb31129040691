/** The rule table of the kinds (test/admission) asked of both engines over HTTP: the same verdict in the same words, field by field. */
import { expect } from 'chai';
import { changed, type Row } from '../admission/row.js';
import { goodObject, type CrdKind, type Loose } from '../admission/objects.js';
import { rowTable } from '../admission/table.js';
import { resources } from '#crds/kinds.js';
import { startEngines, type Engine, type Engines } from './engines.js';
import { isMeant, meantDifferences } from './parity/differences.js';
import { mask } from './parity/mask.js';

const differences = meantDifferences('admission');
const value = (each: unknown): string => (typeof each === 'symbol' ? 'gone' : JSON.stringify(each)).slice(0, 60);
const titleOf = (kind: string, { on, change, stored }: Row): string => `${kind} ${on} ${[...Object.entries(change), ...Object.entries(stored ?? {}).map(([path, each]): [string, unknown] => [`stored ${path}`, each])].map(([path, each]) => `${path}=${value(each)}`).join(' ')}`;

/** What a client is told: the code, and of a refusal reason, message and causes in any order. */
function told(status: number, text: string): unknown {
  if (status < 300) return 'accepted';
  const { reason, message, details } = JSON.parse(mask(text)) as { reason?: string; message?: string; details?: { causes?: { field?: string; message?: string; reason?: string }[] } };
  const causes = (details?.causes ?? []).map(({ field, reason: why, message: words }) => `${field ?? ''} ${why ?? ''} ${words ?? ''}`).sort();
  // With several causes the message holds them in an order that kube-apiserver does not keep either.
  return { status, reason, causes, ...(causes.length > 1 ? {} : { message }) };
}

describe('Admission on both engines', function () {
  this.timeout(10 * 60_000);
  let engines: Engines;
  before(async () => { engines = await startEngines(); });
  after(() => engines.stop());

  for (const kind of Object.keys(rowTable) as CrdKind[]) {
    const path = `/apis/restic-manager.io/v1alpha1/namespaces/default/${resources[kind].plural}`;

    /** Puts what an update meets into the engine, asks, and removes it again. */
    async function ask(engine: Engine, { on, change, stored = {} }: Row): Promise<unknown> {
      const query = '?dryRun=All&fieldValidation=Strict';
      if (on === 'create') {
        const { status, text } = await engine.request('POST', path + query, changed(goodObject(kind), change));
        return told(status, text);
      }
      const made = await engine.request('POST', path, changed(goodObject(kind), stored));
      if (made.status !== 201) throw new Error(`${engine.name}: ${made.text}`);
      const old = JSON.parse(made.text) as Loose;
      const at = `${path}/web1`;
      try {
        const full = await engine.request('PUT', `${at}/status`, changed({ ...goodObject(kind), metadata: old['metadata'] }, stored));
        const current = (JSON.parse(full.status === 200 ? full.text : made.text) as Loose)['metadata'];
        const sent = changed({ ...goodObject(kind), metadata: structuredClone(current) }, change);
        const { status, text } = await engine.request('PUT', (on === 'status' ? `${at}/status` : at) + query, sent);
        return told(status, text);
      } finally {
        await engine.request('DELETE', at);
      }
    }

    it(`answers the ${rowTable[kind].length} rows of ${kind} alike`, async () => {
      const wrong: string[] = [];
      for (const row of rowTable[kind]) {
        const [standalone, cluster] = await Promise.all(engines.both.map((engine) => ask(engine, row)));
        if (JSON.stringify(standalone) !== JSON.stringify(cluster) && !isMeant(differences, titleOf(kind, row))) {
          wrong.push(`### ${titleOf(kind, row)}\n--- standalone: ${JSON.stringify(standalone, null, 1)}\n--- cluster: ${JSON.stringify(cluster, null, 1)}`);
        }
      }
      if (wrong.length > 0) throw new Error(`${wrong.length} of ${rowTable[kind].length} rows differ\n${wrong.join('\n')}`);
    });
  }

  it('lists no difference that is none', () => {
    expect(differences.filter(({ used }) => !used).map(({ text }) => text)).to.deep.equal([]);
  });
});
