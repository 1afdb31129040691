/** The agent's configuration: RM_* variables, and the host owner's agent.yaml, which no server ever sends. */
import { hostname } from 'node:os';
import { settingProblems } from '#crds/settings.js';
import { parsePin } from './link/pins.js';
import { levels, type Level } from './log.js';
import { platform } from './platform/here.js';
import { readAgentFile } from './policy/agentFile.js';
import { openRules, type OwnerRules } from './policy/policy.js';

export interface AgentConfig extends OwnerRules {
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
  let rules = openRules;
  try {
    rules = await readAgentFile(configFile, value('RM_AGENT_CONFIG') !== undefined);
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
    ...rules,
  };
}
