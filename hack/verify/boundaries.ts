/** Imports between rooms go along the arrow and through `#room/...`; npm and Node modules only where rooms.ts lists them. */
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { importsOf, type SourceImport } from './imports.js';
import type { Checker } from './problem.js';
import { rooms, shipsNothing, type Room } from './rooms.js';

const packageOf = (specifier: string): string => specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
const roomOf = (path: string): string => path.split('/')[0] ?? '';

/** The rule an import breaks, or undefined. */
function broken({ file, room, specifier }: SourceImport, rule: Room): string | undefined {
  if (specifier.startsWith('#')) {
    const target = roomOf(specifier.slice(1));
    if (target === room) return `imports its own room as ${specifier}: use a relative path`;
    return rule.rooms.includes(target) || shipsNothing(file) ? undefined : `imports ${specifier}: ${room} may not know ${target}`;
  }
  if (specifier.startsWith('.')) {
    const target = roomOf(posix.join(posix.dirname(file), specifier));
    if (target === room || (shipsNothing(file) && (target === 'test' || target === 'hack')) || (room === 'test' && target === 'hack')) return undefined;
    return `imports ${specifier}: another room is reached as #${target}/..., and only along the arrow`;
  }
  if (shipsNothing(file)) return undefined;
  if (isBuiltin(specifier)) {
    const name = specifier.replace(/^node:/, '');
    if (rule.node === 'any' || rule.node.includes(name)) return specifier.startsWith('node:') ? undefined : `imports ${specifier}: write node:${name}`;
    return `imports ${specifier}: not among the Node modules of ${room}`;
  }
  return rule.npm === 'any' || rule.npm.includes(packageOf(specifier)) ? undefined : `imports ${specifier}: not among the packages of ${room} (hack/verify/rooms.ts)`;
}

export const checkBoundaries: Checker = async (root) => {
  const imports = await importsOf(root, Object.keys(rooms));
  return imports.flatMap((entry) => {
    const rule = rooms[entry.room];
    const why = rule && broken(entry, rule);
    return why ? [`${entry.file}: ${why}`] : [];
  });
};
