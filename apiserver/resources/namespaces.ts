/** The one namespace, so that clients which look for it find it. Read only. */
import { isPlain } from '../admission/schemaWalk.js';
import { ApiError, methodNotAllowed, sendJson } from './errors.js';
import { accepted } from './accept.js';
import type { Call } from './request.js';
import { compileLabels } from '../stores/selectors.js';

const namespaceObject = (name: string): object => ({
  kind: 'Namespace', apiVersion: 'v1',
  metadata: { name, labels: { 'kubernetes.io/metadata.name': name }, creationTimestamp: null },
  spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' },
});

const columnDefinitions = ['Name', 'Status', 'Age'].map((name) => ({ name, type: 'string', format: name === 'Name' ? 'name' : '', description: '', priority: 0 }));

export function answerNamespaces(call: Call, namespace: string, resourceVersion: string): void {
  const { path, query, req, res, verb } = call;
  if (path.subresource !== undefined || !['get', 'list', 'watch'].includes(verb)) throw methodNotAllowed();
  if (path.name !== undefined && path.name !== namespace) throw new ApiError(404, 'NotFound', `namespaces ${JSON.stringify(path.name)} not found`);
  const object = namespaceObject(namespace);
  const fields = query.get('fieldSelector') ?? '';
  const labels = compileLabels(query.get('labelSelector') ?? '');
  const shown = (fields === '' || fields === `metadata.name=${namespace}`) && (labels?.({ 'kubernetes.io/metadata.name': namespace }) ?? true) ? [object] : [];
  const asTable = accepted(req, ['Table']).as === 'Table';
  const table = (objects: object[], metadata: object): object => ({
    kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions,
    rows: objects.map((each) => ({ cells: [namespace, 'Active', '<unknown>'], object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: isPlain(each) ? each['metadata'] : {} } })),
  });
  if (verb === 'watch') {
    res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
    for (const each of shown) res.write(`${JSON.stringify({ type: 'ADDED', object: asTable ? table([each], {}) : each })}\n`);
    // It never changes: nothing follows until the client leaves.
    const timer = setTimeout(() => { res.end(); }, 5 * 60_000);
    res.on('close', () => { clearTimeout(timer); });
    return;
  }
  const metadata = { resourceVersion };
  if (verb === 'get') sendJson(res, 200, JSON.stringify(asTable ? table([object], metadata) : object));
  else sendJson(res, 200, JSON.stringify(asTable ? table(shown, metadata) : { kind: 'NamespaceList', apiVersion: 'v1', metadata, items: shown }));
}
