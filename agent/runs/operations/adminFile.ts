/**
 * The admin credential that never leaves the runner: `<directory of agent.yaml>/admin-credentials/<repository>.env`, lines
 * KEY=VALUE with the keys of the repository's Secret. Whoever could read or write it could delete every backup, so it must
 * belong to the agent's user and be closed to all others.
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { AdminCredentials } from '#crds/wire/agentProtocol.gen.js';
import { codeOf, messageOf } from '../../log.js';
import { platform } from '../../platform/here.js';
import { ResticError } from '../../restic/exitCodes.js';

const LIMIT_BYTES = 65_536;
const variable = /^[A-Z][A-Z0-9_]*$/;

/** @throws ResticError AdminCredentialsRequired for a name that would lead to another file */
export function adminFile(ownerDir: string, repository: string): string {
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(repository)) throw new ResticError('AdminCredentialsRequired', `${JSON.stringify(repository)} is no name of a Repository: no admin credential is kept under it`);
  return join(ownerDir, 'admin-credentials', `${repository}.env`);
}

/** @throws ResticError AdminCredentialsRequired naming the file, and never anything of its content */
export async function readAdminFile(path: string, on = platform): Promise<AdminCredentials> {
  const refuse = (problem: string): ResticError => new ResticError('AdminCredentialsRequired', `${path}: ${problem}`);
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw refuse('there is no such file, but runner.adminCredentials of the Repository is OnRunner; put lines KEY=VALUE (password, username, AWS_...) into it, mode 0600');
    if (codeOf(error) === 'ELOOP') throw refuse('is a symbolic link; put the file itself there');
    throw refuse(`cannot be read: ${messageOf(error)}`);
  }
  try {
    const found = await file.stat(); // of what is read, not of what has this name by now
    const problem = await on.privacyProblem([{ path, kind: 'file', found, holds: 'it holds a credential that may delete', called: 'on it' }]);
    if (problem) throw refuse(problem.why);
    if (found.size > LIMIT_BYTES) throw refuse(`is larger than ${LIMIT_BYTES} bytes`);
    return parse((await file.readFile()).toString('utf8'), refuse);
  } finally {
    await file.close();
  }
}

function parse(content: string, refuse: (problem: string) => ResticError): AdminCredentials {
  const env: Record<string, string> = {};
  let password: string | undefined;
  let username: string | undefined;
  for (const [index, line] of content.split('\n').entries()) {
    const text = line.replace(/\r$/, '');
    if (text.trim() === '' || text.startsWith('#')) continue;
    const at = text.indexOf('=');
    const key = at < 0 ? '' : text.slice(0, at).trim();
    const value = text.slice(at + 1);
    if (key === '') throw refuse(`line ${index + 1} is not KEY=VALUE`);
    if (key === 'password') password = value;
    else if (key === 'username') username = value;
    else if (variable.test(key)) env[key] = value;
    else throw refuse(`line ${index + 1}: ${key.slice(0, 64)} is not known; give password, username or a variable of the back end (AWS_..., B2_..., RESTIC_REST_PASSWORD)`);
  }
  if (password === undefined || password === '') throw refuse('has no line password=');
  return { password, ...(username === undefined ? {} : { username }), ...(Object.keys(env).length > 0 ? { env } : {}) };
}
