/** The two cookies of a browser. */
import type { IncomingMessage } from 'node:http';

export const SESSION_COOKIE = 'rm_session';
export const DEVICE_COOKIE = 'rm_device';

export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const split = part.indexOf('=');
    if (split > 0 && part.slice(0, split).trim() === name) return part.slice(split + 1).trim();
  }
  return undefined;
}

/** One Set-Cookie value. A maxAge of 0 removes the cookie. */
export function setCookie(name: string, value: string, { maxAgeSeconds, secure }: { maxAgeSeconds: number; secure: boolean }): string {
  return `${name}=${value}; Path=/; Max-Age=${String(maxAgeSeconds)}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}
