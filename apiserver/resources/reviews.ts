/**
 * `kubectl auth whoami` and `auth can-i`: SelfSubjectReview, SelfSubjectAccessReview, SelfSubjectRulesReview, answered from
 * the one role table, in JSON and in the protobuf kubectl posts.
 */
import type { Principal } from '#crds/objectStore.js';
import { decode } from '../admission/decode.js';
import { InvalidAs, invalid } from '../admission/fieldErrors.js';
import { isPlain } from '../admission/schemaWalk.js';
import { rulesOf } from '../auth/index.js';
import type { Access } from '../auth/types.js';
import { names } from './accept.js';
import { OBJECT_TYPES, PROTOBUF, mediaType, readBody } from './body.js';
import { badRequest, sendJson, unsupportedMediaType } from './errors.js';
import { message, readUnknown, text, writeFields, writeUnknown } from './protobuf.js';
import type { Call } from './request.js';

interface Attributes { verb: string; group: string; resource: string; subresource: string; name: string; namespace: string }
interface Review { kind: string; apiVersion: string; resource?: Attributes; nonResource?: { path: string; verb: string }; namespace: string }

const reviewKinds: Record<string, string> = {
  'authentication.k8s.io/selfsubjectreviews': 'SelfSubjectReview',
  'authorization.k8s.io/selfsubjectaccessreviews': 'SelfSubjectAccessReview',
  'authorization.k8s.io/selfsubjectrulesreviews': 'SelfSubjectRulesReview',
};

export const isReview = ({ group, plural }: { group: string; plural: string }): boolean => Object.hasOwn(reviewKinds, `${group}/${plural}`);

export async function answerReview(call: Call, access: Access, namespace: string): Promise<void> {
  const kind = reviewKinds[`${call.path.group}/${call.path.plural}`] ?? '';
  const apiVersion = `${call.path.group}/${call.path.version}`;
  const review = await readReview(call, kind, apiVersion);
  checkReview(review);
  const { object, raw } = answer(review, call.principal, access, namespace);
  if (names(call.req, PROTOBUF) && !names(call.req, 'application/json')) {
    const body = writeUnknown(apiVersion, kind, raw);
    call.res.writeHead(201, { 'Content-Type': PROTOBUF, 'Cache-Control': 'no-cache, private', 'Content-Length': body.length });
    call.res.end(body);
    return;
  }
  sendJson(call.res, 201, JSON.stringify({ kind, apiVersion, metadata: {}, ...object }));
}

/** @throws InvalidAs, ApiError 400 */
function checkReview({ kind, resource, nonResource, namespace }: Review): void {
  if (kind === 'SelfSubjectAccessReview' && (resource === undefined) === (nonResource === undefined)) {
    throw new InvalidAs({ kind: '', group: 'authorization.k8s.io', name: '' }, [nonResource ? invalid('spec.nonResourceAttributes', nonResource, 'cannot be specified in combination with resourceAttributes') : invalid('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')]);
  }
  if (kind === 'SelfSubjectRulesReview' && namespace === '') throw badRequest('no namespace on request');
}

async function readReview(call: Call, kind: string, apiVersion: string): Promise<Review> {
  const type = mediaType(call.req);
  const body = await readBody(call.req);
  if (type === PROTOBUF) return fromProtobuf(body, kind, apiVersion);
  if (type !== '' && !OBJECT_TYPES.includes(type)) throw unsupportedMediaType([...OBJECT_TYPES, PROTOBUF]);
  const value = body.length === 0 ? {} : decode(body, type === 'application/yaml' ? 'yaml' : 'json').value;
  return fromObject(value, kind, apiVersion);
}

function fromProtobuf(body: Buffer, kind: string, apiVersion: string): Review {
  try {
    const unknown = readUnknown(body);
    if (unknown.kind !== kind) throw new Error(`${unknown.kind} is not ${kind}`);
    const spec = message(unknown.raw, 2);
    const resource = spec && kind === 'SelfSubjectAccessReview' ? message(spec, 1) : undefined;
    const nonResource = spec && kind === 'SelfSubjectAccessReview' ? message(spec, 2) : undefined;
    return {
      kind, apiVersion, namespace: spec && kind === 'SelfSubjectRulesReview' ? text(spec, 1) : '',
      ...(resource ? { resource: { namespace: text(resource, 1), verb: text(resource, 2), group: text(resource, 3), resource: text(resource, 5), subresource: text(resource, 6), name: text(resource, 7) } } : {}),
      ...(nonResource ? { nonResource: { path: text(nonResource, 1), verb: text(nonResource, 2) } } : {}),
    };
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : 'protobuf: not readable');
  }
}

function fromObject(value: unknown, kind: string, apiVersion: string): Review {
  if (!isPlain(value) || (value['kind'] !== undefined && value['kind'] !== kind)) throw badRequest(`a ${kind} is expected`);
  const spec = isPlain(value['spec']) ? value['spec'] : {};
  const get = (from: unknown, key: string): string => (isPlain(from) && typeof from[key] === 'string' ? from[key] : '');
  const { resourceAttributes: resource, nonResourceAttributes: nonResource } = spec;
  return {
    kind, apiVersion, namespace: get(spec, 'namespace'),
    ...(isPlain(resource) ? { resource: { namespace: get(resource, 'namespace'), verb: get(resource, 'verb'), group: get(resource, 'group'), resource: get(resource, 'resource'), subresource: get(resource, 'subresource'), name: get(resource, 'name') } } : {}),
    ...(isPlain(nonResource) ? { nonResource: { path: get(nonResource, 'path'), verb: get(nonResource, 'verb') } } : {}),
  };
}

/** The answer as an object and as the protobuf of the same. */
function answer(review: Review, principal: Principal, access: Access, namespace: string): { object: object; raw: Buffer } {
  if (review.kind === 'SelfSubjectReview') {
    const userInfo = { username: principal.name, ...(principal.uid ? { uid: principal.uid } : {}), groups: groupsOf(principal) };
    const info = writeFields([1, userInfo.username], ...(principal.uid ? [[2, principal.uid] as [number, string]] : []), ...userInfo.groups.map((group) => [3, group] as [number, string]));
    return { object: { status: { userInfo } }, raw: writeFields([2, writeFields([1, info])]) };
  }
  if (review.kind === 'SelfSubjectRulesReview') {
    const rules = rulesOf(principal.role);
    const list = (field: number, values: readonly string[]): [number, string][] => values.map((value) => [field, value]);
    return {
      object: { spec: { namespace: review.namespace }, status: { resourceRules: rules.map(({ verbs, groups: apiGroups, resources }) => ({ verbs, apiGroups, resources })), nonResourceRules: openPaths, incomplete: false } },
      raw: writeFields([3, writeFields(
        ...rules.map((rule): [number, Buffer] => [1, writeFields(...list(1, rule.verbs), ...list(2, rule.groups), ...list(3, rule.resources))]),
        ...openPaths.map((rule): [number, Buffer] => [2, writeFields(...list(1, rule.verbs), ...list(2, rule.nonResourceURLs))]),
        [3, false],
      )]),
    };
  }
  const verdict = verdictOf(review, principal, access, namespace);
  return {
    object: { spec: { ...(review.resource ? { resourceAttributes: given(review.resource) } : {}), ...(review.nonResource ? { nonResourceAttributes: review.nonResource } : {}) }, status: verdict },
    raw: writeFields([2, Buffer.alloc(0)], [3, writeFields([1, verdict.allowed], [2, verdict.reason])]),
  };
}

const given = (attributes: Attributes): object => Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));

/** What every authenticated user may read. */
const openPaths = [{ verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version'] }];

function verdictOf({ resource, nonResource }: Review, principal: Principal, access: Access, namespace: string): { allowed: boolean; reason: string } {
  if (nonResource) {
    const open = nonResource.verb === 'get' && openPaths.some((rule) => rule.nonResourceURLs.some((url) => (url.endsWith('*') ? nonResource.path.startsWith(url.slice(0, -1)) : nonResource.path === url)));
    return { allowed: open, reason: '' };
  }
  if (!resource) return { allowed: false, reason: '' };
  if (resource.namespace !== '' && resource.namespace !== namespace) return { allowed: false, reason: `this installation has one namespace, ${JSON.stringify(namespace)}` };
  const { allowed, reason } = access.authorize(principal, {
    verb: resource.verb, group: resource.group, resource: resource.subresource === '' ? resource.resource : `${resource.resource}/${resource.subresource}`, ...(resource.name === '' ? {} : { name: resource.name }),
  });
  // RBAC says nothing of a refusal, and kubectl prints what is said.
  return { allowed, reason: allowed ? reason : '' };
}

const groupsOf = (principal: Principal): string[] => [...new Set([...(principal.groups ?? []), `restic-manager:${principal.role}`, 'system:authenticated'])];
