/** Which storage the URL of a Repository names, written one way, so that two spellings of one place are found to be the same. */

/** A directory of a host, not storage that several reach under one address. */
export function isDirectory(url: string): boolean {
  return addressOf(url).startsWith('local:');
}

/**
 * Scheme and host in lower case, no default port, no doubled or trailing slashes; `/x` is `local:/x`, `s3:h/b` is `s3:https://h/b`,
 * `sftp://u@h//x` is `sftp:u@h:/x`. Two that differ still may be one place (an alias of a host, a link): that cannot be told.
 */
export function addressOf(url: string): string {
  const [, scheme = 'local', rest = url] = /^(local|rest|s3|sftp|b2|azure|gs|swift|rclone):(.*)$/is.exec(url.trim()) ?? [];
  switch (scheme.toLowerCase()) {
    case 'rest': return `rest:${httpAddress(rest, 'http')}`;
    case 's3': return `s3:${httpAddress(rest, 'https')}`;
    case 'sftp': return `sftp:${sftpAddress(rest)}`;
    default: return `${scheme.toLowerCase()}:${plain(rest)}`;
  }
}

function plain(path: string): string {
  return path.replaceAll(/(?:\/\.?)+(?=\/|$)/g, '').replaceAll(/\/{2,}/g, '/') || '/';
}

function httpAddress(text: string, by: 'http' | 'https'): string {
  const [, scheme = by, authority = '', path = ''] = /^(?:(https?):\/\/)?([^/]*)(.*)$/is.exec(text) ?? [];
  const port = scheme.toLowerCase() === 'https' ? /:443$/ : /:80$/;
  return `${scheme.toLowerCase()}://${authority.toLowerCase().replace(port, '')}${plain(path)}`;
}

function sftpAddress(text: string): string {
  const url = /^\/\/(?:([^/@]*)@)?([^/:]*)(?::(\d+))?\/(.*)$/s.exec(text);
  const [, user, host = '', port, path = ''] = url ?? /^(?:([^/@]*)@)?([^/:]*)()?:(.*)$/s.exec(text) ?? [undefined, undefined, text];
  return `${user === undefined ? '' : `${user}@`}${host.toLowerCase()}${port === undefined || port === '' || port === '22' ? '' : `:${port}`}:${plain(path)}`;
}
