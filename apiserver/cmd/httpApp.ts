/** One express application for both listeners, in the order a request meets it: headers, resource API, operator API, page. */
import type { IncomingMessage } from 'node:http';
import express, { type Express, type Request, type Router } from 'express';
import type { Log } from '#controller/ports.js';
import type { Access } from '../auth/types.js';
import { pages, securityHeaders } from './pages.js';

export interface HttpAppOptions {
  access: Access;
  resources: Router;
  operator: Router;
  pageDirectory: string | undefined;
  sameOrigin: (request: IncomingMessage) => boolean;
  log: Log;
}

/** Paths of the Kubernetes dialect; everything else under /api is the operator API's. */
const RESOURCE_PATH = /^\/(apis|openapi|version|api\/v1)(\/|$)|^\/api\/?$/;
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

export function createHttpApp({ access, resources, operator, pageDirectory, sameOrigin, log }: HttpAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(securityHeaders());
  app.use(async (request, response, next) => {
    if (!RESOURCE_PATH.test(request.path)) { next(); return; }
    if (!SAFE.has(request.method) && !sameOrigin(request)) {
      response.status(403).json({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'the request comes from another site', reason: 'Forbidden', code: 403 });
      return;
    }
    const principal = await access.authenticate(request);
    if (principal) request.principal = principal;
    next();
  });
  app.use(resources, operator, pages(pageDirectory));
  app.use((request, response) => { response.status(404).json({ code: 'not_found', message: `${request.method} ${request.path} was not found` }); });
  app.use((error: unknown, request: Request, response: express.Response, next: express.NextFunction) => {
    const status = statusOf(error);
    if (status >= 500) log.error({ method: request.method, path: request.path, error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
    if (response.headersSent) { next(error); return; }
    response.status(status).json({ code: status === 404 ? 'not_found' : status < 500 ? 'bad_request' : 'internal', message: status < 500 ? 'the request cannot be answered' : 'the server failed; its log says why' });
  });
  return app;
}

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}
