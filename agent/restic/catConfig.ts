/** Opens the repository and reads what makes it this repository. Takes no lock, so that it works beside an exclusive one. */
import { ResticError } from './exitCodes.js';
import { asObject, number, text } from './json.js';
import type { Restic } from './restic.js';

export interface RepositoryConfig {
  /** 64 hexadecimal digits; another repository at the same address has another one. */
  id: string;
  formatVersion: number;
}

/** @throws ResticError NoRepository, WrongPassword, RepositoryUnreachable ... */
export async function catConfig(restic: Restic, signal?: AbortSignal, onLine?: (stream: 'stderr', line: string) => void): Promise<RepositoryConfig> {
  let printed = '';
  await restic.run('cat', ['config', '--no-lock'], {
    signal,
    onLine: (stream, line) => {
      if (stream === 'stdout') printed += line;
      else onLine?.(stream, line);
    },
  });
  const config = parse(printed);
  const id = text(config, 'id');
  if (!id || !/^[0-9a-f]{64}$/.test(id)) throw new ResticError('ResticFailed', `restic cat config printed no repository id: "${printed.slice(0, 120)}"`);
  return { id, formatVersion: number(config, 'version') ?? 0 };
}

function parse(printed: string): Record<string, unknown> {
  try {
    return asObject(JSON.parse(printed));
  } catch {
    return {};
  }
}
