/**
 * A cookie alone does not prove that our own page asked. Browsers say where a request comes from; with neither header it is
 * no browser (curl, an agent) and passes. For unsafe methods and for WebSocket upgrades.
 */
import type { IncomingMessage } from 'node:http';
import { inRanges, type Range } from './clientAddress.js';

export function isSameOrigin(request: IncomingMessage, { baseUrl, trusted }: { baseUrl?: string; trusted: readonly Range[] }): boolean {
  const { headers } = request;
  const site = [headers['sec-fetch-site']].flat()[0];
  if (site === 'cross-site' || site === 'same-site') return false;
  if (headers.origin === undefined) return true;
  if (!URL.canParse(headers.origin)) return false;
  const origin = new URL(headers.origin);
  if (baseUrl !== undefined && origin.origin === new URL(baseUrl).origin) return true;
  return hostsOf(request, trusted).includes(origin.host);
}

/** The names this request was sent to: Host, and through a trusted proxy X-Forwarded-Host. */
function hostsOf(request: IncomingMessage, trusted: readonly Range[]): string[] {
  const hosts = [request.headers.host ?? ''];
  const forwarded = [request.headers['x-forwarded-host']].flat()[0];
  if (forwarded !== undefined && inRanges(request.socket.remoteAddress ?? '', trusted)) hosts.push(forwarded.split(',')[0]?.trim() ?? '');
  return hosts.filter((host) => host !== '').map((host) => host.toLowerCase().replace(/:(80|443)$/, ''));
}
