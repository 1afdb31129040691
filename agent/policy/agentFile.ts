/**
 * agent.yaml: read once, at the start. Whoever could write it could lift every bound in it, so it and its directory must be
 * root's or the agent's own and closed to the writes of others. Anything in it that is not understood stops the start: a
 * bound with a typing error would be none.
 */
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { nearestName } from '#crds/settings.js';
import { codeOf, messageOf } from '../log.js';
import { platform } from '../platform/here.js';
import type { Found, Platform } from '../platform/platform.js';
import { environmentSecrets } from '../restic/env.js';
import { redactUrl } from '../restic/redact.js';
import { addressOf } from './addresses.js';
import { openRules, type OwnerRules, type PolicyRules } from './policy.js';

const hookPolicies: readonly string[] = ['server', 'directory', 'off'] satisfies PolicyRules['hooks'][];

/**
 * @param named by RM_AGENT_CONFIG: it must be there
 * @throws Error with a line for each problem, each naming file and key
 */
export async function readAgentFile(path: string, named: boolean, on = platform): Promise<OwnerRules> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw new Error(`${path}: ${messageOf(error)}`, { cause: error });
    if (named) throw new Error(`RM_AGENT_CONFIG: there is no file ${path}`, { cause: error });
    return openRules;
  }
  let bytes: Buffer;
  let found: Found;
  try {
    found = await file.stat(); // of what is read, not of what has this name by now
    const problem = await on.changeProblem(path, found) ?? await directoryProblem(path, on);
    if (problem !== undefined) throw new Error(`${problem}; it bounds what the server may ask of this host`);
    bytes = await file.readFile();
  } finally {
    await file.close();
  }
  const problems: string[] = [];
  const rules = new Reader(path, problems).rules(await parsed(path, bytes));
  const exposed = environmentSecrets(rules.environment).length > 0 ? await on.privacyProblem([{ path, kind: 'file', found, administrators: true, holds: 'its environment holds a password' }]) : undefined;
  if (exposed) problems.push(`${path} ${exposed.why}`);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return rules;
}

/** Its directory, and the one of the file itself when its name is a link: who may write there may put another file in its place. */
async function directoryProblem(path: string, on: Platform): Promise<string | undefined> {
  for (const directory of new Set([dirname(resolve(path)), dirname(await realpath(path))])) {
    const problem = await on.changeProblem(directory, await stat(directory));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

async function parsed(path: string, bytes: Buffer): Promise<unknown> {
  const { loadAll } = await import('js-yaml'); // few hosts have this file: no memory for the others
  let documents: unknown[];
  try {
    documents = loadAll(bytes.toString('utf8'));
  } catch (error) {
    throw new Error(`${path}: ${messageOf(error).split('\n')[0] ?? ''}`, { cause: error });
  }
  if (documents.length > 1) throw new Error(`${path}: has ${documents.length} documents; put everything into one`);
  return documents[0] ?? {};
}

/** Turns what was read into rules; what is wrong goes on the list, and the open rule stands in for it. */
class Reader {
  readonly #path: string;
  readonly #problems: string[];

  constructor(path: string, problems: string[]) {
    this.#path = path;
    this.#problems = problems;
  }

  rules(value: unknown): OwnerRules {
    const { policy = {}, environment = {}, allowPlaintext } = this.#object('', value, ['policy', 'environment', 'allowPlaintext']);
    const given = this.#object('policy', policy, ['hooks', 'inPlaceRestore', 'restoreRoots', 'includeRoots', 'repositoryURLs', 'updates']);
    return {
      policy: {
        hooks: this.#hooks(given['hooks']),
        inPlaceRestore: this.#flag('policy.inPlaceRestore', given['inPlaceRestore'], openRules.policy.inPlaceRestore),
        ...this.#list('restoreRoots', given, directory),
        ...this.#list('includeRoots', given, directory),
        ...this.#list('repositoryURLs', given, repositoryAddress),
        updates: this.#flag('policy.updates', given['updates'], openRules.policy.updates),
      },
      environment: this.#environment(environment),
      allowPlaintext: this.#flag('allowPlaintext', allowPlaintext, openRules.allowPlaintext),
    };
  }

  #problem(key: string, words: string): void {
    this.#problems.push(`${this.#path}: ${key === '' ? '' : `${key} `}${words}`);
  }

  /** @param known its keys; none: any */
  #object(key: string, value: unknown, known: readonly string[]): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#problem(key, key === '' ? `give keys and values (${known.join(', ')})` : 'must have keys and values');
      return {};
    }
    const prefix = key === '' ? '' : `${key}.`;
    for (const name of known.length === 0 ? [] : Object.keys(value)) {
      if (!known.includes(name)) this.#problem(`${prefix}${name}`, `is not known; the nearest is ${prefix}${nearestName(name, known)} (this version knows ${known.join(', ')})`);
    }
    return value as Record<string, unknown>;
  }

  #flag(key: string, value: unknown, open: boolean): boolean {
    if (value === undefined || typeof value === 'boolean') return value ?? open;
    this.#problem(key, `must be true or false, not ${shown(value)}`);
    return open;
  }

  #hooks(value: unknown): PolicyRules['hooks'] {
    if (value === undefined) return openRules.policy.hooks;
    if (typeof value === 'string' && hookPolicies.includes(value)) return value as PolicyRules['hooks'];
    this.#problem('policy.hooks', `must be one of ${hookPolicies.join(', ')}, not ${shown(value)}`);
    return openRules.policy.hooks;
  }

  #list(key: 'restoreRoots' | 'includeRoots' | 'repositoryURLs', given: Record<string, unknown>, read: (text: string) => string | { problem: string }): Partial<PolicyRules> {
    const value = given[key];
    if (value === undefined) return {};
    if (!Array.isArray(value)) {
      this.#problem(`policy.${key}`, `must be a list, not ${shown(value)}; leave the key out to allow everything`);
      return {};
    }
    const list = value.flatMap((item: unknown, index) => {
      const entry = typeof item === 'string' ? read(item) : { problem: `must be text, not ${shown(item)}` };
      if (typeof entry === 'string') return [entry];
      this.#problem(`policy.${key}[${index}]`, entry.problem);
      return [];
    });
    return { [key]: list };
  }

  /** Values may be secrets: none is ever quoted. */
  #environment(value: unknown): Record<string, string> {
    const environment: Record<string, string> = {};
    for (const [name, text] of Object.entries(this.#object('environment', value, []))) {
      const key = `environment.${name}`;
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) this.#problem(key, 'is no name of a variable');
      else if (/^RESTIC_/i.test(name)) this.#problem(key, 'cannot be set here: each run sets RESTIC_* itself, from the plan of the server');
      else if (/^RM_/i.test(name)) this.#problem(key, 'cannot be set here: RM_* are settings of the agent, which it takes from its own environment (agent.env)');
      else if (typeof text !== 'string') this.#problem(key, 'must be text; put it in quotes');
      else if (text.includes('\0')) this.#problem(key, 'contains a NUL character, which no program can be given');
      else environment[name] = text;
    }
    return environment;
  }
}

function directory(text: string): string | { problem: string } {
  return isAbsolute(text) && !text.includes('\0') ? resolve(text) : { problem: `must be an absolute directory, not ${shown(text)}` };
}

function repositoryAddress(text: string): string | { problem: string } {
  const address = addressOf(text);
  if (address?.userInfo) return { problem: 'names a user; leave it out, users are not compared' };
  if (address) return text;
  return { problem: `is no address that can be compared: ${shown(redactUrl(text))}; write it as restic does (rest:https://host/path, s3:https://host/bucket, sftp:host:/path, b2:bucket:path, /directory), without "..", "%" and back slashes` };
}

/** A short form of a wrong value. */
function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, 120);
}
