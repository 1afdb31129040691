/**
 * /openapi/v3 for `kubectl explain`, and the parameters by which kubectl learns that the server validates fields itself.
 * /openapi/v2 is only an empty document in protobuf, which makes older clients happy.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { StructuralSchema } from '#crds/crd.js';
import { version } from '#crds/version.js';
import { schemaOf } from '../admission/schemaOf.js';
import { names } from './accept.js';
import { groups } from './discovery.js';
import { sendJson } from './errors.js';
import { envelope, metaSchemas, secretSchema } from './metaSchemas.js';
import { patchTypes } from './patch.js';
import { writeFields } from './protobuf.js';
import { groupVersion, served } from './served.js';
import type { Served } from './served.js';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const ref = (name: string): object => ({ allOf: [{ $ref: `#/components/schemas/${name}` }], default: {} });

const schemaName = ({ group, version: name, kind }: Served): string =>
  group === '' || group.endsWith('.k8s.io') ? `io.k8s.api.${group === '' ? 'core' : group.split('.')[0]}.${name}.${kind}` : `${group.split('.').reverse().join('.')}.${name}.${kind}`;

function objectSchema(each: Served): object {
  const gvk = { 'x-kubernetes-group-version-kind': [{ group: each.group, version: each.version, kind: each.kind }] };
  if (each.kind === 'Secret') return { ...secretSchema, ...gvk };
  const schema: StructuralSchema = schemaOf(each.kind);
  return {
    ...schema,
    properties: { ...schema.properties, ...envelope },
    ...gvk,
  };
}

function listSchema(each: Served): object {
  return {
    type: 'object', required: ['items'], description: `${each.listKind} is a list of ${each.kind}`,
    properties: { apiVersion: envelope.apiVersion, kind: envelope.kind, metadata: ref(`${META}.ListMeta`), items: { type: 'array', items: ref(schemaName(each)) } },
    'x-kubernetes-group-version-kind': [{ group: each.group, version: each.version, kind: each.listKind }],
  };
}

const parameter = (name: string, type: string, description: string): object => ({ name, in: 'query', description, schema: { type, uniqueItems: true } });
const pathParameter = (name: string): object => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } });
const writeParameters = [
  parameter('dryRun', 'string', 'All: everything is checked, nothing is stored.'),
  parameter('fieldManager', 'string', 'The name recorded in managedFields.'),
  parameter('fieldValidation', 'string', 'What to do with unknown and duplicate fields: Ignore, Warn or Strict.'),
];
const listParameters = [
  ...['labelSelector', 'fieldSelector', 'continue', 'resourceVersion', 'resourceVersionMatch'].map((name) => parameter(name, 'string', '')),
  ...['limit', 'timeoutSeconds'].map((name) => parameter(name, 'integer', '')), ...['watch', 'allowWatchBookmarks', 'sendInitialEvents'].map((name) => parameter(name, 'boolean', '')),
];

function operation(each: Served, action: string, reply: string, parameters: readonly object[], bodyTypes?: readonly string[], bodySchema: object = { $ref: `#/components/schemas/${schemaName(each)}` }): object {
  return {
    tags: [groupVersion(each)], operationId: `${action}${each.kind}`, parameters,
    ...(bodyTypes ? { requestBody: { required: true, content: Object.fromEntries(bodyTypes.map((type) => [type, { schema: bodySchema }])) } } : {}),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema: { $ref: `#/components/schemas/${reply}` } } } } },
    'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': { group: each.group, version: each.version, kind: each.kind },
  };
}

function pathsOf(each: Served): Record<string, object> {
  const base = `${each.group === '' ? '/api' : '/apis'}/${groupVersion(each)}`;
  const name = schemaName(each);
  const body = ['application/json', 'application/yaml'];
  const one = (suffix: string): object => ({
    get: operation(each, 'get', name, []),
    put: operation(each, 'put', name, writeParameters, body),
    patch: operation(each, 'patch', name, [...writeParameters, parameter('force', 'boolean', 'Only with apply patches.')], patchTypes(each), { type: 'object', description: 'A patch.' }),
    ...(suffix === '' ? { delete: operation(each, 'delete', `${META}.Status`, [parameter('dryRun', 'string', ''), parameter('propagationPolicy', 'string', '')]) } : {}),
    parameters: [pathParameter('name'), pathParameter('namespace')],
  });
  const collection = `${base}/namespaces/{namespace}/${each.plural}`;
  return {
    [`${base}/${each.plural}`]: { get: operation(each, 'list', `${name}List`, listParameters) },
    [collection]: {
      get: operation(each, 'list', `${name}List`, listParameters),
      post: operation(each, 'post', name, writeParameters, body),
      delete: operation(each, 'deletecollection', `${META}.Status`, listParameters),
      parameters: [pathParameter('namespace')],
    },
    [`${collection}/{name}`]: one(''),
    ...(each.status ? { [`${collection}/{name}/status`]: one('status') } : {}),
  };
}

function makeDocuments(): Map<string, { text: string; hash: string }> {
  return new Map(groups.map(({ group, version: name }) => {
    const inside = served.filter((each) => each.group === group && each.version === name);
    const schemas = {
      ...metaSchemas, [`${META}.Status`]: { type: 'object' },
      ...Object.fromEntries(inside.flatMap((each) => [[schemaName(each), objectSchema(each)], [`${schemaName(each)}List`, listSchema(each)]])),
    };
    const text = JSON.stringify({
      openapi: '3.0.0', info: { title: 'restic-manager', version }, paths: Object.assign({}, ...inside.map(pathsOf)) as object, components: { schemas },
    });
    return [group === '' ? `api/${name}` : `apis/${groupVersion({ group, version: name })}`, { text, hash: createHash('sha256').update(text).digest('hex').toUpperCase() }];
  }));
}

let documents: ReturnType<typeof makeDocuments> | undefined;
const allDocuments = (): ReturnType<typeof makeDocuments> => (documents ??= makeDocuments());

export function openApiIndex(): string {
  return JSON.stringify({ paths: Object.fromEntries([...allDocuments()].map(([path, { hash }]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }])) });
}

/** @param path e.g. apis/restic-manager.io/v1alpha1 */
export const openApiDocument = (path: string): string | undefined => allDocuments().get(path)?.text;

const PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

/** gnostic's openapi.v2.Document: swagger 1, info 2 (title 1, version 2), paths 8, definitions 9. */
export function sendOpenApiV2(req: IncomingMessage, res: ServerResponse): void {
  if (!names(req, PROTOBUF)) {
    sendJson(res, 200, JSON.stringify({ swagger: '2.0', info: { title: 'restic-manager', version }, paths: {}, definitions: {} }));
    return;
  }
  const body = writeFields([1, '2.0'], [2, writeFields([1, 'restic-manager'], [2, version])], [8, Buffer.alloc(0)], [9, Buffer.alloc(0)]);
  // As it is asked for, but with a dot for the at sign, which no media type may hold.
  res.writeHead(200, { 'Content-Type': PROTOBUF.replace('@', '.'), 'Cache-Control': 'no-cache, private', 'Content-Length': body.length });
  res.end(body);
}
