/** Somebody at a browser, as far as HTTP goes: keeps cookies, follows no redirect, says where requests come from when asked to. */
import type { TestServer } from './server.js';

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** The JSON body; an empty object when there is none. */
  body: Record<string, unknown>;
}

export interface Person {
  cookies: Map<string, string>;
  /** JSON both ways. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** As an HTML form without script sends it. */
  form(path: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Reply>;
  /** The body is sent as it is. */
  send(method: string, path: string, body: string, headers: Record<string, string>): Promise<Reply>;
}

export function newPerson(server: Pick<TestServer, 'url'>): Person {
  const cookies = new Map<string, string>();
  async function send(method: string, path: string, body: string | undefined, headers: Record<string, string>): Promise<Reply> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(server.url + path, { method, headers: { ...(cookie === '' ? {} : { cookie }), ...headers }, redirect: 'manual', ...(body === undefined ? {} : { body }) });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) as Record<string, unknown> : {} };
  }
  return {
    cookies, send,
    call: (method, path, body, headers = {}) => send(method, path, body === undefined ? undefined : JSON.stringify(body), { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }),
    form: (path, fields, headers = {}) => send('POST', path, new URLSearchParams(fields).toString(), { 'content-type': 'application/x-www-form-urlencoded', ...headers }),
  };
}

export const ADMIN = { username: 'Alice', password: 'correct horse battery' };

/** The first user of this server, logged in. */
export async function firstUser(server: TestServer): Promise<Person> {
  const person = newPerson(server);
  const made = await person.call('POST', '/api/bootstrap', { token: server.bootstrapToken, ...ADMIN });
  if (made.status !== 201) throw new Error(`bootstrap: ${String(made.status)} ${made.text}`);
  const login = await person.call('POST', '/api/auth/login', ADMIN);
  if (login.status !== 200) throw new Error(`login: ${String(login.status)} ${login.text}`);
  return person;
}
