/** The agent's configuration: RM_* variables, and the host owner's agent.yaml, which no server ever sends. */
import { hostname } from 'node:os';
import { settingProblems } from '#crds/settings.js';
import { readIfThere } from './files.js';
import { parsePin } from './link/pins.js';
import { levels, type Level } from './log.js';
import { platform } from './platform/here.js';

export interface AgentConfig {
  stateDir: string;
  server: string | undefined;
  /** One-shot enrolment token. */
  token: string | undefined;
  /** Bearer that seeds credentials.json. */
  agentToken: string | undefined;
  hostname: string;
  /** Name or path of the restic binary. */
  restic: string;
  /** SPKI SHA-256, hex. */
  pins: string[];
  configFile: string;
  logLevel: Level;
  /** From agent.yaml. */
  allowPlaintext: boolean;
}

/** The configuration is wrong: the start stops with every problem at once. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** Set by our own scripts around the agent. */
const reserved = ['RM_FORCE_REENROLL'];

/** @throws ConfigError naming each variable or key */
export async function readConfig(env: NodeJS.ProcessEnv): Promise<AgentConfig> {
  const problems = settingProblems(Object.keys(env), 'agent', reserved);
  const value = (name: string): string | undefined => (env[name] === undefined || env[name] === '' ? undefined : env[name]);
  const logLevel = value('RM_LOG_LEVEL') ?? 'info';
  if (!levels.includes(logLevel as Level)) problems.push(`RM_LOG_LEVEL: "${logLevel}" is not one of ${levels.join(', ')}`);
  const pins: string[] = [];
  for (const text of (value('RM_SERVER_CERT_PIN_SHA256') ?? '').split(',').filter((part) => part.trim() !== '')) {
    const pin = parsePin(text);
    if (pin) pins.push(pin);
    else problems.push(`RM_SERVER_CERT_PIN_SHA256: "${text.trim()}" is not a SHA-256 in hex or base64`);
  }
  const configFile = value('RM_AGENT_CONFIG') ?? platform.configFile;
  let allowPlaintext = false;
  try {
    ({ allowPlaintext } = await readAgentFile(configFile, value('RM_AGENT_CONFIG') !== undefined));
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return {
    stateDir: value('RM_STATE_DIR') ?? platform.stateDir,
    server: value('RM_SERVER'),
    token: value('RM_TOKEN'),
    agentToken: value('RM_AGENT_TOKEN'),
    hostname: value('RM_HOSTNAME') ?? hostname(),
    restic: value('RM_RESTIC') ?? 'restic',
    pins,
    configFile,
    logLevel: logLevel as Level,
    allowPlaintext,
  };
}

async function readAgentFile(path: string, named: boolean): Promise<{ allowPlaintext: boolean }> {
  const bytes = await readIfThere(path);
  if (!bytes) {
    if (named) throw new Error(`RM_AGENT_CONFIG: there is no file ${path}`);
    return { allowPlaintext: false };
  }
  const { load } = await import('js-yaml'); // few hosts have this file: no memory for the others
  let value: unknown;
  try {
    value = load(bytes.toString('utf8')) ?? {};
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message.split('\n')[0] ?? '' : String(error)}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path}: give keys and values`);
  const { allowPlaintext = false, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new Error(`${path}: ${unknown} is not known; this version knows allowPlaintext`);
  if (typeof allowPlaintext !== 'boolean') throw new Error(`${path}: allowPlaintext must be true or false`);
  return { allowPlaintext };
}
