/** Turns route tables into an express router: same origin, who is it, may they, what do they send, look up, call, reply. */
import express, { type NextFunction, type Request, type RequestHandler, type Response, type Router } from 'express';
import { GROUP } from '#crds/kinds.js';
import type { Principal } from '#crds/objectStore.js';
import type { AccessQuestion } from '../auth/types.js';
import { clientAddress } from '../auth/clientAddress.js';
import { cookieOf, DEVICE_COOKIE, SESSION_COOKIE } from '../auth/cookies.js';
import { isSameOrigin } from '../auth/sameOrigin.js';
import { notFound, Problem, problemOf } from './problem.js';
import { createObjects, type Objects } from './objects.js';
import { TextReply, type Call, type Permission, type Route, type RouteTable } from './route.js';
import { scopes } from './scopes.js';
import type { Services } from './services.js';
import { parse } from './shapes.js';

/** Before anybody is known little is read. */
const PUBLIC_BODY_LIMIT = '64kb';
const BODY_LIMIT = '3mb';

export function mount(tables: readonly RouteTable[], services: Services): Router {
  const router = express.Router({ caseSensitive: true, strict: false });
  for (const [key, route] of tables.flatMap((table) => Object.entries(table))) {
    const [method = '', path = ''] = key.split(' ');
    const handlers: RequestHandler[] = [sameOrigin(services), admit(route.options.may, services), ...bodyParsers(route), (request, response) => answer(route, services, request, response)];
    switch (method) {
      case 'GET': router.get(path, ...handlers); break;
      case 'POST': router.post(path, ...handlers); break;
      case 'PUT': router.put(path, ...handlers); break;
      case 'DELETE': router.delete(path, ...handlers); break;
      default: throw new Error(`route ${key}: method ${method} is not served`);
    }
  }
  router.use('/api', (request) => { throw notFound(`${request.method} ${request.originalUrl.split('?')[0] ?? ''}`); });
  router.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    const problem = problemOf(error);
    if (problem === undefined) services.log.error({ method: request.method, path: request.path, error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
    if (response.headersSent) { next(error); return; }
    sendProblem(response, problem ?? new Problem(500, 'internal', 'the server failed; its log says why'));
  });
  return router;
}

export function sendProblem(response: Response, problem: Problem): void {
  if (problem.retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(problem.retryAfterSeconds));
  if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  response.setHeader('Cache-Control', 'no-store');
  response.status(problem.status).json(problem.body());
}

/** `list schedules` in the words of the role table. */
export function questionOf(may: Exclude<Permission, 'public'>): AccessQuestion {
  const [verb = '', resource = ''] = may.split(' ');
  return { verb, resource, group: GROUP };
}

function sameOrigin({ baseUrl, trustedProxy }: Services): RequestHandler {
  return (request, _response, next) => {
    const safe = request.method === 'GET' || request.method === 'HEAD';
    if (!safe && !isSameOrigin(request, { baseUrl: baseUrl(), trusted: trustedProxy })) throw new Problem(403, 'cross_origin', 'the request comes from another site');
    next();
  };
}

function admit(may: Permission, { identity }: Services): RequestHandler {
  return async (request, _response, next) => {
    if (may !== 'public') {
      const principal = await identity.authenticate(request);
      if (!principal) throw new Problem(401, 'unauthorized', 'log in first');
      const verdict = identity.authorize(principal, questionOf(may));
      if (!verdict.allowed) throw new Problem(403, 'forbidden', verdict.reason);
      request.principal = principal;
    }
    next();
  };
}

/** JSON is asked for by name: a browser cannot send it across sites without asking first. Routes without a body read none. */
function bodyParsers({ options }: Route): RequestHandler[] {
  if (!options.body) return [];
  const limit = options.may === 'public' ? PUBLIC_BODY_LIMIT : BODY_LIMIT;
  const parsers: RequestHandler[] = [express.json({ limit, type: 'application/json', strict: true })];
  if (options.form !== undefined) parsers.push(express.urlencoded({ limit, extended: false }));
  parsers.push((request, _response, next) => {
    const ours = request.is('application/json') !== false || (options.form !== undefined && isForm(request));
    if (!ours && request.headers['content-type'] !== undefined) throw new Problem(415, 'unsupported_media_type', 'send the body as application/json');
    if (request.body === undefined) request.body = {};
    next();
  });
  return parsers;
}

function isForm(request: Request): boolean {
  return request.is('application/x-www-form-urlencoded') !== false && request.is('application/x-www-form-urlencoded') !== null;
}

/** Whoever sent a form without script cannot read JSON: a refusal leads back to the page. */
async function answer(route: Route, services: Services, request: Request, response: Response): Promise<void> {
  const { formFailed } = route.options;
  try {
    await serve(route, services, request, response);
  } catch (error) {
    const problem = formFailed !== undefined && isForm(request) ? problemOf(error) : undefined;
    if (problem === undefined || formFailed === undefined) throw error;
    response.setHeader('Cache-Control', 'no-store');
    response.redirect(303, `${formFailed}?failed=${encodeURIComponent(problem.code)}`);
  }
}

async function serve({ options, handle }: Route, services: Services, request: Request, response: Response): Promise<void> {
  const sourceIP = clientAddress(request, services.trustedProxy);
  const body = options.body ? parse(options.body, request.body as unknown) : undefined;
  const query = options.query ? parse(options.query, { ...request.query }) : {};
  const found = await lookUp(request, services);
  const principal = (): Principal => {
    if (!request.principal) throw new Error('a public route asked who is calling');
    return request.principal;
  };
  let objects: Objects | undefined;
  const call = {
    body, query, services, sourceIP,
    get principal() { return principal(); },
    get objects() { return objects ??= createObjects(services, principal(), sourceIP); },
    ownTls: 'encrypted' in request.socket && services.certPin !== undefined,
    cookies: { session: cookieOf(request, SESSION_COOKIE), device: cookieOf(request, DEVICE_COOKIE) },
    setCookie: (value: string) => { response.append('Set-Cookie', value); },
  };
  const reply = await handle(Object.defineProperties(call, Object.getOwnPropertyDescriptors(found)) as unknown as Call<unknown>);
  response.setHeader('Cache-Control', 'no-store');
  if (reply instanceof TextReply) { sendText(response, reply); return; }
  if (options.form !== undefined && isForm(request)) { response.redirect(303, options.form); return; }
  const status = options.status ?? 200;
  if (status === 204 || reply === undefined) response.status(status === 200 ? 204 : status).end();
  else response.status(status).json(reply);
}

/** The objects that the path's parameters name. */
async function lookUp(request: Request, services: Services): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(request.params)) {
    const scope = scopes[name];
    if (!scope || typeof value !== 'string') throw new Error(`no scope for path parameter ${name}`);
    found[name] = await scope(value, found, createObjects(services, request.principal ?? { name: 'nobody', role: 'viewer' }, ''));
  }
  return found;
}

function sendText(response: Response, { contentType, fileName, pieces }: TextReply): void {
  response.status(200).type(contentType).setHeader('Content-Disposition', `attachment; filename="${fileName}"`);
  const source = pieces[Symbol.iterator]();
  const pump = (): void => {
    for (;;) {
      const next = source.next();
      if (next.done === true) { response.end(); return; }
      if (!response.write(next.value)) { response.once('drain', pump); return; }
    }
  };
  pump();
}
