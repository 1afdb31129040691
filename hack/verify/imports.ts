/** Reads which modules each source file names, static, dynamic and type-only alike. */
import { readdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

export interface SourceImport { /** Path inside the checkout. */ file: string; room: string; specifier: string }

/** The script blocks of a single-file component; other files as they are. */
const scriptOf = (file: string, text: string): string =>
  file.endsWith('.vue') ? [...text.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)].map((match) => match[1] ?? '').join('\n') : text;

export function specifiersOf(file: string, text: string): string[] {
  return ts.preProcessFile(scriptOf(file, text), true, false).importedFiles.map((entry) => entry.fileName);
}

export async function sourceFiles(root: string, room: string): Promise<string[]> {
  if (!existsSync(join(root, room))) return [];
  const entries = await readdir(join(root, room), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|mts|cts|vue|js|mjs|cjs)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(node_modules|dist)\//.test(file))
    .sort();
}

export async function importsOf(root: string, rooms: readonly string[]): Promise<SourceImport[]> {
  const found = await Promise.all(rooms.map(async (room) => {
    const files = await sourceFiles(root, room);
    return Promise.all(files.map(async (file) => specifiersOf(file, await readFile(join(root, file), 'utf8')).map((specifier) => ({ file, room, specifier }))));
  }));
  return found.flat(2);
}
