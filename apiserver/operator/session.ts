/** The first user, login, logout, and who am I. `POST /login` is the same login for a page without script. */
import type { LoginInput, LoginReply } from '#crds/operator/operator.gen.js';
import { DEVICE_COOKIE, SESSION_COOKIE, setCookie } from '../auth/cookies.js';
import { limitKey } from '../auth/clientAddress.js';
import { invalid, Problem } from './problem.js';
import { route, type Call, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

const DEVICE_SECONDS = 180 * 24 * 3600;

export const session: RouteTable = {
  'POST /api/bootstrap': route({ may: 'public', body: shapes.BootstrapInput, reply: shapes.Account, status: 201 }, async ({ body, services, sourceIP }) => {
    if ([...body.password].length < 12) throw invalid('password', 'must have at least 12 characters');
    const wait = services.limits.bootstrap.take(limitKey(sourceIP));
    if (wait !== undefined) throw new Problem(429, 'too_many_requests', 'too many attempts', { retryAfterSeconds: wait });
    const result = await services.identity.bootstrap(body);
    if (result.outcome !== 'ok') throw result.outcome === 'closed' ? closed() : wrongToken();
    services.limits.bootstrap.refund(limitKey(sourceIP));
    services.log.info({ user: result.user.name, source: sourceIP }, 'first user created');
    return { user_id: result.user.id, username: result.user.name, role: result.user.role };
  }),
  'POST /api/auth/login': route({ may: 'public', body: shapes.LoginInput, reply: shapes.LoginReply }, login),
  'POST /login': route({ may: 'public', body: shapes.LoginInput, reply: shapes.LoginReply, form: '/', formFailed: '/login' }, login),
  'POST /api/auth/logout': route({ may: 'public', status: 204 }, async ({ services, cookies, setCookie: set }) => {
    await services.identity.logout(cookies.session);
    set(setCookie(SESSION_COOKIE, '', { maxAgeSeconds: 0, secure: services.cookieSecure }));
  }),
  'GET /api/account': route({ may: 'get account', reply: shapes.Account }, ({ principal }) => {
    if (principal.role === 'system') throw new Error('the server itself has no account');
    return { user_id: principal.uid ?? principal.name, username: principal.name, role: principal.role };
  }),
};

const closed = (): Problem => new Problem(409, 'bootstrap_closed', 'there is a first user already: log in');

function wrongToken(): Problem {
  const message = 'this is not the bootstrap token that the server printed';
  return new Problem(401, 'token_wrong', `token: ${message}`, { details: [{ field: 'token', message }] });
}

/** One 401 for unknown users and wrong passwords. */
async function login({ body, services, sourceIP, cookies, setCookie: set }: Call<LoginInput>): Promise<LoginReply> {
  const result = await services.identity.login({ ...body, sourceIP: limitKey(sourceIP), ...(cookies.device === undefined ? {} : { deviceCookie: cookies.device }) });
  if (result.outcome === 'limited') throw new Problem(429, 'too_many_requests', 'too many failed logins; wait, then try again', { retryAfterSeconds: result.retryAfterSeconds });
  if (result.outcome === 'refused') {
    services.log.warn({ source: sourceIP }, 'login refused');
    throw new Problem(401, 'login_failed', 'user name or password is wrong');
  }
  const { user, cookie, deviceCookie, maxAgeSeconds } = result.session;
  const secure = services.cookieSecure;
  set(setCookie(SESSION_COOKIE, cookie, { maxAgeSeconds, secure }));
  set(setCookie(DEVICE_COOKIE, deviceCookie, { maxAgeSeconds: DEVICE_SECONDS, secure }));
  return { user_id: user.id, role: user.role };
}
