/** Names of objects that /api makes (90-seams): DNS labels of at most 63 characters that say whose they are. */
import { createHash } from 'node:crypto';

const MAX = 63;

/** Hostname -> object name: first label, lower case, other characters `-`, trimmed. Empty when nothing is left. */
export function hostNameOf(hostname: string): string {
  return trim(slug(hostname.split('.')[0] ?? '').slice(0, MAX));
}

/** `<host>-<slug(name)>`; what is too long is cut and carries a hash of both parts. */
export function childName(host: string, name: string): string {
  const plain = trim(`${host}-${slug(name)}`);
  return plain.length <= MAX ? plain : hashedChildName(host, name);
}

/** For a name that is taken by another host's child that reads the same (`a` + `b-c`, `a-b` + `c`). */
export function hashedChildName(host: string, name: string): string {
  const hash = createHash('sha256').update(JSON.stringify([host, name])).digest('hex').slice(0, 8);
  return `${trim(`${host}-${slug(name)}`.slice(0, MAX - hash.length - 1))}-${hash}`;
}

/** A fresh name with random hex at its end. */
export function uniqueName(prefix: string, hex: string): string {
  return `${trim(prefix.slice(0, MAX - hex.length - 1))}-${hex}`;
}

function slug(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '');
}

function trim(text: string): string {
  return text.replaceAll(/^[-.]+|[-.]+$/g, '');
}
