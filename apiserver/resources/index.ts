/**
 * The resource API: Kubernetes' dialect for every kind, over any ObjectStore. The test is real kubectl and client libraries
 * working unchanged. A request passes here, then one of read, watch, write, patch; each ends in one call of the store.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Router } from 'express';
import type { Log } from '#controller/ports.js';
import type { ObjectStore } from '#crds/objectStore.js';
import type { Access } from '../auth/types.js';
import { namespaceProblem } from '../admission/standalone.js';
import { accepted } from './accept.js';
import { aggregated, coreVersions, groupList, groupOf, resourceList, versionInfo } from './discovery.js';
import { ApiError, internalError, methodNotAllowed, notFoundPath, sendJson, sendStatus, statusOf, unauthorized } from './errors.js';
import type { About } from './errors.js';
import { answerNamespaces } from './namespaces.js';
import { openApiDocument, openApiIndex, sendOpenApiV2 } from './openapi.js';
import { answerGet, answerList } from './read.js';
import { parsePath, pathOf, queryOf, verbOf } from './request.js';
import type { Call, ResourceRequest } from './request.js';
import { answerReview, isReview } from './reviews.js';
import { findServed, groupResource } from './served.js';
import type { Served } from './served.js';
import { answerWatch } from './watch.js';
import { answerCreate, answerDelete, answerDeleteCollection, answerPatch, answerUpdate } from './write.js';

export interface ResourceApiOptions {
  store: ObjectStore;
  access: Access;
  log: Log;
  /** The one namespace served; default RM_NAMESPACE or `default`. */
  namespace?: string;
}

export interface ResourceHandler {
  /** Whether a path (without its query) is this API's: /api has other rooms' routes beside it. */
  owns(path: string): boolean;
  /** Answers, whatever happens. `request.principal` is set by then; absent: 401. */
  handle(request: ResourceRequest, response: ServerResponse): void;
}

/** Mount at the root, behind the middleware that sets `req.principal`; paths that are not its own go on to the next handler. */
export function resourceApi(options: ResourceApiOptions): Router {
  const { owns, handle } = resourceHandler(options);
  const router = Router({ caseSensitive: true });
  router.use((req, res, next) => {
    if (owns(req.path)) handle(req, res);
    else next();
  });
  return router;
}

/** Without express, whose own steps would cost as much as a read does. */
export function resourceHandler({ store, access, log, namespace = process.env['RM_NAMESPACE'] ?? 'default' }: ResourceApiOptions): ResourceHandler {
  return {
    owns: isOurs,
    handle(req, res) {
      const about: About = {};
      answer(req, res, about).catch((error: unknown) => {
        const status = statusOf(error, about);
        if (!status) log.error({ err: error, method: req.method, path: pathOf(req) }, 'request failed');
        if (res.headersSent) res.destroy();
        else sendStatus(res, status ?? internalError(), error instanceof ApiError ? error.headers : {});
      });
    },
  };

  async function answer(req: ResourceRequest, res: ServerResponse, about: About): Promise<void> {
    const whole = pathOf(req);
    if (whole === '/version') {
      sendJson(res, 200, JSON.stringify(versionInfo()));
      return;
    }
    const { principal } = req;
    if (!principal) throw unauthorized();
    const query = new URLSearchParams(queryOf(req));
    const path = parsePath(whole);
    if (!path) {
      answerDiscovery(req, res, whole);
      return;
    }
    const verb = verbOf(req.method ?? '', path, query);
    const served = findServed(path.group, path.version, path.plural);
    Object.assign(about, { name: path.name, group: path.group, plural: path.plural, kind: served?.kind });
    if (verb === undefined) throw methodNotAllowed();
    const call: Call = { about, req, res, path, query, principal, verb };
    if (isReview(path)) {
      if (verb !== 'create') throw methodNotAllowed();
      await answerReview(call, access, namespace);
      return;
    }
    const isNamespaces = path.group === '' && path.plural === 'namespaces';
    if (!isNamespaces && (!served || (path.subresource !== undefined && !(path.subresource === 'status' && served.status)))) throw notFoundPath();
    authorize(call);
    if (isNamespaces) answerNamespaces(call, namespace, '1');
    else if (served) await answerResource(call, served);
  }

  function authorize({ path, principal, verb }: Call): void {
    const resource = path.subresource === undefined ? path.plural : `${path.plural}/${path.subresource}`;
    const { allowed } = access.authorize(principal, { verb, group: path.group, resource, ...(path.name === undefined ? {} : { name: path.name }) });
    if (!allowed) {
      const where = path.namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(path.namespace)}`;
      const target = path.name === undefined ? groupResource(path) : `${groupResource(path)} ${JSON.stringify(path.name)}`;
      throw forbidden(`${target} is forbidden: User ${JSON.stringify(principal.name)} cannot ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(path.group)} ${where}`);
    }
    if (path.namespace !== undefined && path.namespace !== namespace) {
      throw forbidden(`${groupResource(path)} is forbidden: ${namespaceProblem(path.namespace, namespace)}`);
    }
  }

  async function answerResource(call: Call, served: Served): Promise<void> {
    const { path, verb } = call;
    if (path.namespace === undefined && path.name !== undefined) throw notFoundPath();
    if (path.subresource !== undefined && !['get', 'update', 'patch'].includes(verb)) throw methodNotAllowed();
    switch (verb) {
      case 'get': return answerGet(call, served, store, namespace);
      case 'list': return answerList(call, served, store);
      case 'watch': return answerWatch(call, served, store, log);
      case 'create': return path.namespace === undefined ? Promise.reject(methodNotAllowed()) : answerCreate(call, served, store, namespace);
      case 'update': return answerUpdate(call, served, store, namespace);
      case 'patch': return answerPatch(call, served, store, namespace, () => { authorize({ ...call, verb: 'create' }); });
      case 'delete': return answerDelete(call, served, store, namespace);
      case 'deletecollection': return path.namespace === undefined ? Promise.reject(methodNotAllowed()) : answerDeleteCollection(call, served, store);
      default: throw methodNotAllowed();
    }
  }
}

const forbidden = (message: string): ApiError => new ApiError(403, 'Forbidden', message);

/** /api has other rooms' routes beside ours: only /api itself and /api/v1 are ours. */
function isOurs(path: string): boolean {
  return path === '/version' || path === '/api' || path === '/api/' || path === '/api/v1' || path.startsWith('/api/v1/')
    || path === '/apis' || path.startsWith('/apis/') || path === '/openapi' || path.startsWith('/openapi/');
}

function answerDiscovery(req: IncomingMessage, res: ServerResponse, path: string): void {
  if (req.method !== 'GET' && req.method !== 'HEAD') throw methodNotAllowed();
  const parts = path.split('/').filter((part) => part !== '');
  const [root, ...rest] = parts;
  if (root === 'openapi') {
    answerOpenApi(req, res, rest);
    return;
  }
  if (rest.length === 0) {
    const wanted = accepted(req, ['APIGroupDiscoveryList']);
    if (wanted.as === 'APIGroupDiscoveryList' && (wanted.version === 'v2' || wanted.version === 'v2beta1')) {
      sendJson(res, 200, JSON.stringify(aggregated(root === 'api' ? 'core' : 'named', wanted.version)), { 'Content-Type': `application/json;g=apidiscovery.k8s.io;v=${wanted.version};as=APIGroupDiscoveryList` });
      return;
    }
    sendJson(res, 200, JSON.stringify(root === 'api' ? coreVersions() : groupList()));
    return;
  }
  const [group = '', version, ...more] = root === 'api' ? ['', ...rest] : rest;
  if (more.length > 0) throw notFoundPath();
  const found = version === undefined ? groupOf(group) : resourceList(group, version);
  if (!found) throw notFoundPath();
  sendJson(res, 200, JSON.stringify(found));
}

function answerOpenApi(req: IncomingMessage, res: ServerResponse, [kind, ...rest]: string[]): void {
  if (kind === 'v2' && rest.length === 0) {
    sendOpenApiV2(req, res);
    return;
  }
  if (kind !== 'v3') throw notFoundPath();
  const found = rest.length === 0 ? openApiIndex() : openApiDocument(rest.join('/'));
  if (found === undefined) throw notFoundPath();
  sendJson(res, 200, found);
}
