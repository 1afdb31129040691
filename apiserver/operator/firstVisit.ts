/**
 * Where a person lands before and after there is a first user (E20): /login leads to /bootstrap while there is none, and back.
 * Whoever opens it on this very machine gets the token with it; everybody else needs the link from the log.
 */
import express, { type Router } from 'express';
import { isDirectLoopback } from '../auth/clientAddress.js';
import type { Services } from './services.js';

export function firstVisit({ identity, trustedProxy }: Services): Router {
  const router = express.Router();
  router.get('/login', async (_request, response, next) => {
    if (await identity.hasUsers()) { next(); return; }
    response.setHeader('Cache-Control', 'no-store');
    response.redirect(302, '/bootstrap');
  });
  router.get('/bootstrap', async (request, response, next) => {
    response.setHeader('Cache-Control', 'no-store');
    if (await identity.hasUsers()) { response.redirect(302, '/login'); return; }
    if (request.query['token'] === undefined && isDirectLoopback(request, trustedProxy)) {
      const token = await identity.bootstrapToken();
      if (token !== undefined) { response.redirect(302, `/bootstrap?token=${encodeURIComponent(token)}`); return; }
    }
    next();
  });
  return router;
}
