/**
 * The scripts the host's owner allows with `policy.hooks: directory`: those in `hooks.d` beside agent.yaml. A server names one
 * by its absolute path and nothing else, as the only line of the hook's Secret (which `hooks: server` runs just the same) or
 * as the only word of stdin.command: no arguments, which the script's author never thought of.
 */
import { constants } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { codeOf, messageOf } from '../log.js';
import { platform } from '../platform/here.js';

/** What is run: a text that becomes a file for as long as it runs, or a file of the owner. */
export interface Script {
  body: string;
  /** Where the body was read: it is run there. */
  path?: string;
}

const LIMIT_BYTES = 1_048_576;
const scriptName = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** @param words what the server sent. Returns why not, in words that go on after the policy's name. */
export async function ownersScript(directory: string, words: readonly string[]): Promise<Script | { problem: string }> {
  const [path = '', ...more] = words;
  if (more.length > 0 || /[\r\n]/.test(path) || path !== join(directory, basename(path)) || !scriptName.test(basename(path))) {
    return { problem: `allows only scripts of ${directory}, each named by its path alone (such as ${join(directory, 'dump-database')})` };
  }
  try {
    const place = await lstat(directory);
    const open = place.isDirectory() ? await platform.changeProblem(directory, place) : `${directory} is not a directory`;
    return open === undefined ? await read(path) : { problem: `does not allow ${path}: ${open}` };
  } catch (error) {
    return { problem: codeOf(error) === 'ENOENT' ? `allows only scripts of ${directory}, and there is no ${path} on this host` : `does not allow ${path}: ${codeOf(error) === 'ELOOP' ? 'it is a symbolic link; put the script itself there' : messageOf(error)}` };
  }
}

async function read(path: string): Promise<Script | { problem: string }> {
  const file: FileHandle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const found = await file.stat(); // of what is read, not of what has this name by now
    const problem = !found.isFile() ? 'it is not a file' : found.size > LIMIT_BYTES ? `it is larger than ${LIMIT_BYTES} bytes` : await platform.changeProblem(path, found);
    return problem === undefined ? { path, body: (await file.readFile()).toString('utf8') } : { problem: `does not allow ${path}: ${problem}` };
  } finally {
    await file.close();
  }
}
