/**
 * Which place a repository address means, so that policy.repositoryURLs can be compared with it. The server writes addresses;
 * restic, ssh and rclone read them: whatever two readers could take differently (a second @, back slashes, `..`, percent
 * signs, a host that looks like an option) is no address here, and no rule allows it.
 * @see restic manual "Preparing a new repository"
 */
import { isAbsolute, resolve } from 'node:path';

/** Where a repository is: `place` is compared whole, `path` segment by segment. */
export interface Address {
  kind: 'local' | 'rest' | 's3' | 'sftp' | 'b2' | 'gs' | 'azure' | 'swift' | 'rclone';
  /** Scheme, host and port of a server; bucket, container or rclone's remote; nothing for a directory of this host. */
  place: string;
  /** A directory of this host is one segment. */
  path: readonly string[];
  /** A user or password was written into it; it is no part of the place. */
  userInfo: boolean;
}

const name = '[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?';
const host = String.raw`${name}|\[[0-9A-Fa-f:.]+\]`;
const http = new RegExp(String.raw`^([Hh][Tt][Tt][Pp][Ss]?)://([^\s/@?#\\]*@)?(${host})(?::([0-9]{1,5}))?(/[^\s?#\\]*)?$`);
const sftpUrl = new RegExp(String.raw`^sftp://([^\s/@?#\\]*@)?(${host})(?::([0-9]{1,5}))?/(/?)([^?#\\]*)$`);
const sftpPath = new RegExp(String.raw`^sftp:([^\s/:@\\]+@)?(${name})():(/?)([^\\]*)$`);
const bucket = /^(b2|gs|azure|swift):([A-Za-z0-9][A-Za-z0-9._-]*)(?::([^\\]*))?$/;
/** A remote of rclone's own configuration. */
const rclone = /^rclone:([A-Za-z0-9_][\w.+@ -]*):(\/?)([^\\]*)$/;
const ports: Record<string, number> = { http: 80, https: 443 };

/** undefined: not understood. */
export function addressOf(url: string): Address | undefined {
  const local = url.startsWith('local:') ? url.slice('local:'.length) : url;
  if (isAbsolute(local)) return /\0|(?:^|[/\\])\.\.(?:[/\\]|$)/.test(local) ? undefined : { kind: 'local', place: '', path: [resolve(local)], userInfo: false };
  if (url.startsWith('rest:')) return ofHttp('rest', url.slice('rest:'.length));
  if (url.startsWith('s3:http')) return ofHttp('s3', url.slice('s3:'.length));
  if (url.startsWith('s3:')) return url.includes('@') ? undefined : ofHttp('s3', `https://${url.replace(/^s3:(?:\/\/)?/, '')}`);
  const [, user, server, port = '', top = '', path] = (url.startsWith('sftp://') ? sftpUrl : sftpPath).exec(url) ?? [];
  if (server !== undefined) return made('sftp', `${server.toLowerCase()}:${Number(port || 22)}${top}`, path, user);
  const inBucket = bucket.exec(url);
  if (inBucket) return made(inBucket[1] as Address['kind'], inBucket[2] ?? '', inBucket[3]);
  const remote = rclone.exec(url);
  return remote ? made('rclone', `${remote[1] ?? ''}:${remote[2] ?? ''}`, remote[3]) : undefined;
}

/** Is it the place of the rule, or below it? For all but directories of this host: those are where their links lead. */
export function isBelow(address: Address, rule: Address): boolean {
  return address.kind === rule.kind && address.place === rule.place && rule.path.every((segment, index) => address.path[index] === segment);
}

/** Why this address could run a program instead of naming storage; undefined: it cannot. Such a one is never used, whatever the policy. */
export function programInAddress(url: string): string | undefined {
  if (/^sftp:(?:\/\/(?:[^/]*@)?|(?:[^:]*@)?)-/.test(url)) return 'its host begins with "-", which ssh takes for an option';
  if (url.startsWith('rclone:') && !rclone.test(url)) return "it names no remote of rclone's configuration (rclone:remote:path), and a remote made up in the address may name a program";
  return undefined;
}

function ofHttp(kind: 'rest' | 's3', url: string): Address | undefined {
  const [, scheme, user, server = '', port, path] = http.exec(url) ?? [];
  const lower = scheme?.toLowerCase() ?? '';
  return scheme === undefined ? undefined : made(kind, `${lower}://${server.toLowerCase()}:${Number(port ?? ports[lower])}`, path, user);
}

function made(kind: Address['kind'], place: string, path = '', user = ''): Address | undefined {
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.some((segment) => segment === '.' || segment === '..' || /%|\p{Cc}/u.test(segment))) return undefined;
  return { kind, place, path: segments, userInfo: user !== '' };
}
