/**
 * What the owner of this host lets a server ask for. The agent is root and the server is another machine: whatever it sends,
 * a job that goes beyond agent.yaml fails as PolicyRefused, with the key and what it allows, before anything is run or
 * written. Asked at the moment of use, by every job, the cron's own too; it never keeps another job from running.
 */
import { dirname, join } from 'node:path';
import type { PlanGroup, PlanRepository, RestoreArgs } from '#crds/wire/agentProtocol.gen.js';
import { isSecretVariable } from '../restic/env.js';
import { ResticError } from '../restic/exitCodes.js';
import { redactUrl } from '../restic/redact.js';
import { addressOf, isBelow, type Address } from './addresses.js';
import { isWithin, realPathOf } from './realPath.js';
import { ownersScript, type Script } from './scripts.js';

/** `policy` of agent.yaml. A list that is absent allows everything, an empty one nothing. */
export interface PolicyRules {
  hooks: 'server' | 'directory' | 'off';
  inPlaceRestore: boolean;
  restoreRoots?: readonly string[];
  includeRoots?: readonly string[];
  repositoryURLs?: readonly string[];
  updates: boolean;
}

/** agent.yaml. */
export interface OwnerRules {
  policy: PolicyRules;
  /** Added last to the environment of restic and of hooks. May hold secrets. */
  environment: Readonly<Record<string, string>>;
  allowPlaintext: boolean;
}

export const openRules: OwnerRules = { policy: { hooks: 'server', inPlaceRestore: true, updates: true }, environment: {}, allowPlaintext: false };

/** Variables of a plan with which storage would be elsewhere than the address says: those back ends have no server in it. */
const placedByVariables: Partial<Record<Address['kind'], (name: string) => boolean>> = {
  azure: (name) => !isSecretVariable(name),
  swift: (name) => !isSecretVariable(name),
  gs: (name) => name.includes('UNIVERSE'),
};

export class Policy {
  readonly rules: PolicyRules;
  readonly environment: Readonly<Record<string, string>>;
  /** Directory of agent.yaml: what the host's owner keeps there no server ever sends. */
  readonly ownerDir: string;
  readonly #file: string;

  /** @param file path of agent.yaml, there or not */
  constructor({ policy, environment }: Pick<OwnerRules, 'policy' | 'environment'>, file: string) {
    this.rules = policy;
    this.environment = environment;
    this.ownerDir = dirname(file);
    this.#file = file;
  }

  /** For every command in any repository. @throws ResticError PolicyRefused */
  async requireRepository({ name, url, env = {} }: PlanRepository): Promise<void> {
    const { repositoryURLs: allowed } = this.rules;
    if (allowed === undefined) return;
    const refused = (why: string): ResticError => this.#refusal('repositoryURLs', `${onlyThese(allowed)}: repository ${name} ${why}`);
    const address = addressOf(url);
    if (!address) throw refused(`is at ${redactUrl(url)}, which this agent cannot compare with that`);
    if (!await isAllowed(address, allowed)) throw refused(`is at ${redactUrl(url)}`);
    const moving = Object.keys(env).filter((variable) => placedByVariables[address.kind]?.(variable) && !(variable in this.environment));
    if (moving.length > 0) throw refused(`is given ${moving.join(', ')} by the server, which with ${address.kind} chooses the storage; set it under environment of this file`);
  }

  /** @throws ResticError PolicyRefused, for sources, stdin.command or hooks */
  async requireBackup({ name, includes, stdin, hooks }: PlanGroup): Promise<void> {
    const { includeRoots: allowed } = this.rules;
    for (const path of stdin || allowed === undefined ? [] : includes) {
      if (!await isWithin(path, allowed ?? [])) throw this.#refusal('includeRoots', `${onlyThese(allowed ?? [])}: ${await whereItLeads(path)} of source group ${name} is outside, so nothing was backed up`);
    }
    if (stdin) await this.#script(stdin.command, `stdin.command of source group ${name}`);
    for (const hook of [hooks?.pre, hooks?.post]) if (hook?.body !== undefined) await this.hook(hook.body, name);
  }

  /** What to run for a hook that the server sent. @throws ResticError PolicyRefused */
  async hook(body: string, group: string): Promise<Script> {
    return await this.#script([body.trimEnd()], `hooks of source group ${group}`) ?? { body };
  }

  async #script(words: readonly string[], what: string): Promise<Script | undefined> {
    const { hooks } = this.rules;
    if (hooks === 'server') return undefined;
    const script = hooks === 'off' ? { problem: 'allows none' } : await ownersScript(join(this.ownerDir, 'hooks.d'), words);
    if ('problem' in script) throw new ResticError('PolicyRefused', `policy.hooks: ${hooks} of ${this.#file} ${script.problem}; refused: ${what}`.slice(0, 4096));
    return script;
  }

  /**
   * @param target absolute; `/` in place, which writes from there: restoreRoots bounds it, too
   * @throws ResticError PolicyRefused
   */
  async requireRestore({ inPlace }: RestoreArgs, target: string): Promise<void> {
    const { inPlaceRestore, restoreRoots: allowed } = this.rules;
    if (inPlace && !inPlaceRestore) throw new ResticError('PolicyRefused', `policy.inPlaceRestore: false of ${this.#file} does not allow a restore in place; restore into a directory of its own (restore.targetDirectory)`);
    if (allowed === undefined || await isWithin(target, allowed)) return;
    throw this.#refusal('restoreRoots', inPlace ? `${onlyThese(allowed)}: a restore in place writes from / on` : `${onlyThese(allowed)}: ${await whereItLeads(target)} is outside; name a directory below with restore.targetDirectory`);
  }

  /** Why this agent is not updated by its server; undefined: it may be. */
  get updateRefusal(): string | undefined {
    return this.rules.updates ? undefined : `policy.updates: false of ${this.#file} does not allow the server to update this agent`;
  }

  /** For status and the log of the start: names of the environment, never values. */
  get told(): PolicyRules & { file: string; environment: string[] } {
    return { file: this.#file, ...this.rules, environment: Object.keys(this.environment) };
  }

  #refusal(key: keyof PolicyRules, words: string): ResticError {
    return new ResticError('PolicyRefused', `policy.${key} of ${this.#file} ${words}`.slice(0, 4096));
  }
}

async function isAllowed(address: Address, allowed: readonly string[]): Promise<boolean> {
  const rules = allowed.flatMap((url) => addressOf(url) ?? []);
  if (address.kind !== 'local') return rules.some((rule) => isBelow(address, rule));
  return isWithin(address.path[0] ?? '', rules.flatMap(({ kind, path }) => (kind === 'local' ? path : [])));
}

function onlyThese(allowed: readonly string[]): string {
  return allowed.length === 0 ? 'is empty and allows nothing' : `allows only ${allowed.join(', ')}`;
}

/** A path, and where it really is when that is somewhere else. */
async function whereItLeads(path: string): Promise<string> {
  const real = await realPathOf(path);
  return real === path ? path : real === undefined ? `${path}, a link that leads nowhere,` : `${path}, which is ${real},`;
}
