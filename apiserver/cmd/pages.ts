/**
 * The page and its files. Strict headers, no inline script; hashed assets are kept for ever, index.html never.
 * Any other path is the page itself: its router knows the rest.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, type Router } from 'express';
import helmet from 'helmet';

const ONE_YEAR = 31_536_000;
/** What is no page even when nothing is there: other programs ask for it, and files. */
const NO_PAGE = /^\/(metrics|healthz|livez|readyz|ws|agent|install|auth|setup|api|apis)(\/|$)|\.[A-Za-z0-9]+$/;

/** dist/ui, as seen from the bundle, from the compiled rooms and from the sources. Only a built page has assets: the sources of the page do not count. */
export function findPageDirectory(): string | undefined {
  const here = fileURLToPath(new URL('.', import.meta.url));
  return [join(here, 'ui'), join(here, '../../ui'), join(here, '../../dist/ui')].find((directory) => existsSync(join(directory, 'index.html')) && existsSync(join(directory, 'assets')));
}

export function securityHeaders(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"], scriptSrc: ["'self'"], styleSrc: ["'self'", "'unsafe-inline'"], imgSrc: ["'self'", 'data:'], fontSrc: ["'self'"],
        connectSrc: ["'self'"], objectSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'self'"], frameAncestors: ["'none'"],
      },
    },
    // Plain HTTP is a listener of its own, for agents and proxies: the proxy says HSTS.
    strictTransportSecurity: false,
    crossOriginEmbedderPolicy: false,
  });
}

export function pages(directory: string | undefined): Router {
  const router = express.Router();
  if (directory === undefined) {
    router.get('/{*path}', (request, response, next) => {
      if (NO_PAGE.test(request.path)) { next(); return; }
      response.status(503).type('text/plain').send('The page is not built: run `npm run build`.\n');
    });
    return router;
  }
  const assets = join(directory, 'assets');
  router.use('/assets', express.static(assets, { immutable: true, maxAge: ONE_YEAR * 1000, index: false, fallthrough: false }));
  router.use(express.static(directory, { index: false, setHeaders: (response) => { response.setHeader('Cache-Control', 'no-cache'); } }));
  router.get('/{*path}', (request, response, next) => {
    if (NO_PAGE.test(request.path)) { next(); return; }
    response.setHeader('Cache-Control', 'no-cache');
    response.sendFile(join(directory, 'index.html'), { cacheControl: false });
  });
  return router;
}
