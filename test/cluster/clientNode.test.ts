/**
 * A client library that knows nothing of us, @kubernetes/client-node, against both engines with the same test (X1): typed calls, an
 * informer through a cut connection and a 410, apply, writers that meet, pages, and a watch with a selector.
 */
import { readFile } from 'node:fs/promises';
import { ApiException, CoreV1Api, CustomObjectsApi, KubeConfig, KubernetesObjectApi, makeInformer, PatchStrategy, setHeaderOptions, Watch, type KubernetesListObject, type KubernetesObject } from '@kubernetes/client-node';
import { expect } from 'chai';
import { startCutProxy, type CutProxy } from '../builders/cutProxy.js';
import { until } from '../builders/until.js';
import { startEngines, type Engine, type Engines } from './engines.js';

interface HostObject extends KubernetesObject { spec?: { displayName?: string; presence?: string; suspend?: boolean }; status?: { phase?: string } }

const where = { group: 'restic-manager.io', version: 'v1alpha1', namespace: 'default', plural: 'hosts' };
const path = '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts';
const host = (name: string, labels: Record<string, string> | undefined = undefined, spec: object = {}): HostObject => ({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Host', metadata: { name, namespace: 'default', ...(labels ? { labels } : {}) }, spec });
const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

async function codeOf(attempt: Promise<unknown>): Promise<number> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof ApiException) return error.code;
    throw error;
  }
  return 200;
}

describe('@kubernetes/client-node on both engines (X1)', function () {
  this.timeout(3 * 60_000);
  let engines: Engines;
  before(async () => { engines = await startEngines({ short: true }); });
  after(() => engines.stop());

  for (const [index, name] of (['standalone', 'cluster'] as const).entries()) {
    describe(name, () => {
      let proxy: CutProxy;
      let config: KubeConfig;
      let custom: CustomObjectsApi;
      let objects: KubernetesObjectApi;
      const engine = (): Engine => engines.both[index] ?? engines.both[0];
      const get = async (key: string): Promise<HostObject> => await custom.getNamespacedCustomObject({ ...where, name: key }) as HostObject;
      const create = async (object: HostObject): Promise<HostObject> => await custom.createNamespacedCustomObject({ ...where, body: object }) as HostObject;
      const remove = async (key: string): Promise<void> => { await custom.deleteNamespacedCustomObject({ ...where, name: key }); };
      const patch = async (key: string, body: object): Promise<HostObject> => await custom.patchNamespacedCustomObject({ ...where, name: key, body }, merge) as HostObject;
      const list = async (more: { limit?: number; _continue?: string; labelSelector?: string } = {}): Promise<KubernetesListObject<HostObject>> => await custom.listNamespacedCustomObject({ ...where, ...more }) as KubernetesListObject<HostObject>;

      before(async () => {
        proxy = await startCutProxy(Number(new URL(engine().url).port));
        config = new KubeConfig();
        config.loadFromString((await readFile(engine().kubeconfigOf('admin'), 'utf8')).replace(engine().url, `https://127.0.0.1:${proxy.port}`));
        custom = config.makeApiClient(CustomObjectsApi);
        objects = KubernetesObjectApi.makeApiClient(config);
      });
      after(() => proxy.close());

      it('creates, reads, replaces, patches and deletes one of ours', async () => {
        const made = await create(host('crud', { a: 'b' }));
        expect(made.spec?.presence).to.equal('AlwaysOn');
        expect(await codeOf(create(host('crud')))).to.equal(409);
        const replaced = await custom.replaceNamespacedCustomObject({ ...where, name: 'crud', body: { ...made, spec: { displayName: 'One' } } }) as HostObject;
        expect(replaced.spec).to.deep.include({ displayName: 'One', presence: 'AlwaysOn' });
        expect(await codeOf(custom.replaceNamespacedCustomObject({ ...where, name: 'crud', body: made }))).to.equal(409);
        expect((await patch('crud', { spec: { suspend: true } })).spec?.suspend).to.equal(true);
        const status = await custom.patchNamespacedCustomObjectStatus({ ...where, name: 'crud', body: { status: { phase: 'Online' } } }, merge) as HostObject;
        expect(status.status?.phase).to.equal('Online');
        expect(await codeOf(patch('crud', { spec: { presence: 'Sometimes' } }))).to.equal(422);
        await remove('crud');
        expect(await codeOf(get('crud'))).to.equal(404);
      });

      it('does the same with Secrets through the typed core API', async () => {
        const core = config.makeApiClient(CoreV1Api);
        const made = await core.createNamespacedSecret({ namespace: 'default', body: { metadata: { name: 'typed', labels: { of: 'client' } }, stringData: { password: 'one' } } });
        expect(made.data).to.deep.equal({ password: 'b25l' });
        expect(made.metadata?.creationTimestamp).to.be.instanceOf(Date);
        await core.replaceNamespacedSecret({ namespace: 'default', name: 'typed', body: { ...made, data: { password: 'dHdv' } } });
        await core.patchNamespacedSecret({ namespace: 'default', name: 'typed', body: { data: { user: 'eA==' } } }, setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch));
        expect((await core.listNamespacedSecret({ namespace: 'default', labelSelector: 'of=client' })).items.map(({ data }) => data)).to.deep.equal([{ password: 'dHdv', user: 'eA==' }]);
        await core.deleteNamespacedSecret({ namespace: 'default', name: 'typed' });
        expect(await codeOf(core.readNamespacedSecret({ namespace: 'default', name: 'typed' }))).to.equal(404);
      });

      it('applies as a manager, is refused by another with the field named, and forces', async () => {
        const apply = (object: HostObject, manager: string, force = false): Promise<HostObject> => objects.patch(object, undefined, undefined, manager, force, PatchStrategy.ServerSideApply);
        await apply(host('applied', undefined, { displayName: 'One' }), 'first');
        expect((await apply(host('applied', undefined, { displayName: 'One' }), 'second')).metadata?.managedFields?.map(({ manager }) => manager)).to.have.members(['first', 'second']);
        const refused = await apply(host('applied', undefined, { displayName: 'Two' }), 'third').catch((error: unknown) => error);
        expect(refused).to.be.instanceOf(ApiException);
        const { code, body } = refused as ApiException<unknown>;
        expect(code).to.equal(409);
        const causes = (typeof body === 'string' ? JSON.parse(body) as object : body) as { details?: { causes?: { field?: string; reason?: string }[] } };
        expect(causes.details?.causes?.map(({ field, reason }) => `${reason ?? ''} ${field ?? ''}`)).to.deep.equal(['FieldManagerConflict .spec.displayName', 'FieldManagerConflict .spec.displayName']);
        expect((await apply(host('applied', undefined, { displayName: 'Two' }), 'third', true)).spec?.displayName).to.equal('Two');
        await objects.delete(host('applied'));
      });

      it('lets eight writers count to 200 by retrying on conflict', async () => {
        await create(host('counter'));
        let conflicts = 0;
        const increment = async (): Promise<void> => {
          for (;;) {
            const current = await get('counter');
            const annotations = { count: String(Number(current.metadata?.annotations?.['count'] ?? 0) + 1) };
            const code = await codeOf(custom.replaceNamespacedCustomObject({ ...where, name: 'counter', body: { ...current, metadata: { ...current.metadata, annotations } } }));
            if (code === 200) return;
            expect(code).to.equal(409);
            conflicts += 1;
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 50));
          }
        };
        await Promise.all(Array.from({ length: 8 }, async () => { for (let turn = 0; turn < 25; turn += 1) await increment(); }));
        expect((await get('counter')).metadata?.annotations?.['count']).to.equal('200');
        expect(conflicts).to.be.greaterThan(0);
        await remove('counter');
      });

      it('lists in pages that are one moment, whatever is written meanwhile', async () => {
        const names = Array.from({ length: 23 }, (_, at) => `page-${String(at).padStart(2, '0')}`);
        for (const each of names) await create(host(each, { set: 'pages' }));
        const seen: string[] = [];
        const versions = new Set<string | undefined>();
        for (let next: string | undefined = '', turn = 0; next !== undefined; turn += 1) {
          const page: KubernetesListObject<HostObject> = await list({ limit: 5, labelSelector: 'set=pages', ...(next === '' ? {} : { _continue: next }) });
          seen.push(...page.items.map((item) => item.metadata?.name ?? ''));
          versions.add(page.metadata?.resourceVersion);
          await remove(names[22 - turn] ?? '');
          await create(host(`page-new-${turn}`, { set: 'pages' }));
          next = page.metadata?._continue || (page.metadata as { continue?: string } | undefined)?.continue || undefined;
        }
        expect(seen).to.deep.equal(names);
        expect(versions.size).to.equal(1);
        for (const item of (await list({ labelSelector: 'set=pages' })).items) await remove(item.metadata?.name ?? '');
      });

      it('watches a selection: objects enter and leave it', async () => {
        const seen: string[] = [];
        const from = (await list({ limit: 1 })).metadata?.resourceVersion;
        const controller = await new Watch(config).watch(path, { labelSelector: 'watched=yes', resourceVersion: from }, (phase, object: HostObject) => { seen.push(`${phase} ${object.metadata?.name ?? ''}`); }, () => undefined);
        await create(host('walker'));
        await patch('walker', { metadata: { labels: { watched: 'yes' } } });
        await patch('walker', { spec: { suspend: true } });
        await patch('walker', { metadata: { labels: { watched: null } } });
        await patch('walker', { spec: { suspend: false } });
        await patch('walker', { metadata: { labels: { watched: 'yes' } } });
        await remove('walker');
        await until('five events', () => seen.length >= 5);
        controller.abort();
        expect(seen).to.deep.equal(['ADDED walker', 'MODIFIED walker', 'DELETED walker', 'ADDED walker', 'DELETED walker']);
      });

      it('keeps an informer right through a cut connection and a version that is gone', async () => {
        await create(host('kept', { of: 'informer' }));
        await create(host('lost', { of: 'informer' }));
        let stopped = false;
        let connects = 0;
        let lists = 0;
        const informer = makeInformer<HostObject>(config, path, async () => { lists += 1; return list({ labelSelector: 'of=informer' }); }, 'of=informer');
        const again = (): void => { if (!stopped) setTimeout(() => { void informer.start().catch(again); }, 50); };
        informer.on('error', again);
        informer.on('connect', () => { connects += 1; });
        const known = (): string => informer.list('default').map(({ metadata, spec }) => `${metadata?.name ?? ''}${spec?.suspend ? '!' : ''}`).sort().join(' ');
        try {
          await informer.start();
          await until('both are known', () => known() === 'kept lost');
          const before = connects;
          proxy.cut();
          await patch('kept', { spec: { suspend: true } }).catch(() => patch('kept', { spec: { suspend: true } }));
          await until('a change after the cut is seen', () => known() === 'kept! lost');
          expect(connects).to.be.greaterThan(before);

          const listed = lists;
          proxy.away(true);
          await engine().request('DELETE', `${path}/lost`);
          await engine().request('POST', path, host('new', { of: 'informer' }));
          await engines.forget();
          proxy.away(false);
          await until('what happened meanwhile is seen', () => known() === 'kept! new', 30_000);
          expect(lists, 'it had to list again').to.be.greaterThan(listed);
        } finally {
          stopped = true;
          await informer.stop();
        }
        for (const each of ['kept', 'new']) await remove(each);
      });
    });
  }
});
