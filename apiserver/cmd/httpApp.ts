/** What both listeners serve: the resource API, which express would only slow down, and an express application for all else: headers, operator API, page. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import express, { type Request, type RequestHandler, type Router } from 'express';
import type { Log } from '#controller/ports.js';
import type { Informers } from '#controller/runtime/types.js';
import type { Access } from '../auth/types.js';
import { internalError, sendStatus } from '../resources/errors.js';
import type { ResourceHandler } from '../resources/index.js';
import { pathOf, type ResourceRequest } from '../resources/request.js';
import { pages, securityHeaders } from './pages.js';

export interface HttpAppOptions {
  access: Access;
  resources: ResourceHandler;
  operator: Router;
  /** The operator API answers from these caches: its callers wait until they are whole. Absent: they do not. */
  informers?: Pick<Informers, 'start' | 'synced'>;
  pageDirectory: string | undefined;
  sameOrigin: (request: IncomingMessage) => boolean;
  log: Log;
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Answered while the caches are still being filled. */
const EARLY = new Set(['/healthz', '/readyz', '/api/version']);

export function createHttpApp({ access, resources, operator, informers, pageDirectory, sameOrigin, log }: HttpAppOptions): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(securityHeaders());
  if (informers) app.use(onceSynced(informers));
  app.use(operator, pages(pageDirectory));
  app.use((request, response) => { response.status(404).json({ code: 'not_found', message: `${request.method} ${request.path} was not found` }); });
  app.use((error: unknown, request: Request, response: express.Response, next: express.NextFunction) => {
    const status = statusOf(error);
    if (status >= 500) log.error({ method: request.method, path: request.path, error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
    if (response.headersSent) { next(error); return; }
    response.status(status).json({ code: status === 404 ? 'not_found' : status < 500 ? 'bad_request' : 'internal', message: status < 500 ? 'the request cannot be answered' : 'the server failed; its log says why' });
  });
  return (request, response) => {
    if (resources.owns(pathOf(request))) void answerResource(request, response);
    else app(request, response);
  };

  async function answerResource(request: ResourceRequest, response: ServerResponse): Promise<void> {
    // Never a page: nothing in a reply may be run or framed.
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    if (!SAFE.has(request.method ?? '') && !sameOrigin(request)) {
      sendStatus(response, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'the request comes from another site', reason: 'Forbidden', code: 403 });
      return;
    }
    try {
      const principal = await access.authenticate(request);
      if (principal) request.principal = principal;
    } catch (error) {
      log.error({ method: request.method, path: pathOf(request), error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
      sendStatus(response, internalError());
      return;
    }
    resources.handle(request, response);
  }
}

function onceSynced(informers: Pick<Informers, 'start' | 'synced'>): RequestHandler {
  return (request, _response, next) => {
    if (informers.synced() || EARLY.has(request.path)) next();
    else void informers.start().then(() => { next(); });
  };
}

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}
