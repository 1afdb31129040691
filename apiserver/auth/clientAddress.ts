/** Whose request is it: the peer's address, or what a trusted proxy says of it. X-Forwarded-* from anyone else is ignored. */
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';

export type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** @throws Error naming the entry that is not an address or CIDR */
export function parseRanges(list: readonly string[]): Range[] {
  return list.map((entry) => {
    try {
      if (entry.includes('/')) return ipaddr.parseCIDR(entry);
      const address = ipaddr.parse(entry);
      return [address, address.kind() === 'ipv4' ? 32 : 128];
    } catch {
      throw new Error(`${JSON.stringify(entry)} is not an IP address or CIDR`);
    }
  });
}

export function inRanges(address: string, ranges: readonly Range[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits));
}

/** IPv4 in its plain form. Through trusted proxies: the last address of X-Forwarded-For that is not one of them. */
export function clientAddress(request: IncomingMessage, trusted: readonly Range[]): string {
  let address = plain(request.socket.remoteAddress ?? '');
  if (!inRanges(address, trusted)) return address;
  const forwarded = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',').map((part) => part.trim()).filter((part) => part !== '');
  for (const hop of forwarded.reverse()) {
    if (!ipaddr.isValid(hop)) break;
    address = plain(hop);
    if (!inRanges(address, trusted)) break;
  }
  return address;
}

/** Is the request itself from this machine, with no proxy in between? (E20) */
export function isDirectLoopback(request: IncomingMessage, trusted: readonly Range[]): boolean {
  if (trusted.length > 0) return false;
  const { headers } = request;
  if (headers.via !== undefined || Object.keys(headers).some((name) => name === 'forwarded' || name.startsWith('x-forwarded-'))) return false;
  return isLoopback(request.socket.remoteAddress ?? '') && isLoopbackName(headers.host ?? '');
}

export function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}

function isLoopbackName(host: string): boolean {
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d+$/, '');
  return name.toLowerCase() === 'localhost' || isLoopback(name);
}

function plain(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address;
}

/** What attempts are counted under: an IPv6 network counts as one, its addresses are free. */
export function limitKey(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv6' ? `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`).toString()}/64` : parsed.toString();
}
