/**
 * The server's configuration: RM_* variables first, then a YAML overlay whose keys are the same names without RM_, in lower
 * case. A name nobody knows and a value that cannot be right stop the start: silently ignored settings cost backups.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { nearestSetting, settingProblems, settings } from '#crds/settings.js';
import { parseRanges, type Range } from '../auth/clientAddress.js';

export interface Address { host?: string; port: number; text: string }

export interface ServerConfig {
  listen: Address;
  tlsListen: Address;
  /** An own certificate; absent: self-made. */
  tls?: { certFile: string; keyFile: string };
  dataDir: string;
  /** Absent: http://localhost:<port>. */
  baseUrl?: string;
  secretKeyFile: string;
  cookieSecure: boolean;
  trustedProxy: Range[];
  namespace: string;
  /** Absent: nothing is applied from a directory. */
  manifestsDir?: string;
  /** Absent: /metrics is not there. */
  metrics?: { token?: string; ranges?: Range[] };
  logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Every setting with its value or default, without secrets: for the start's log line. */
  shown: Record<string, string>;
}

/** Every problem at once, each naming its setting. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

const DEFAULT_FILE = '/etc/restic-manager/server.yaml';
/** Set by our own scripts and tests around the program. */
const RESERVED = ['RM_TEST_BUNDLE'];
const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export function loadConfig(env: Record<string, string | undefined>): ServerConfig {
  const problems = settingProblems(Object.keys(env), 'server', RESERVED);
  const values = new Values(env, overlay(env['RM_CONFIG'], problems), problems);
  const dataDir = resolve(values.text('RM_DATA_DIR') ?? '/data');
  const certFile = values.text('RM_TLS_CERT');
  const keyFile = values.text('RM_TLS_KEY');
  if ((certFile === undefined) !== (keyFile === undefined)) problems.push('RM_TLS_CERT and RM_TLS_KEY belong together: set both or none');
  const manifestsDir = values.text('RM_MANIFESTS_DIR');
  const token = metricsToken(values);
  const ranges = values.parsed('RM_METRICS_TRUSTED_CIDR', (text) => parseRanges(list(text)));
  const baseUrl = values.parsed('RM_BASE_URL', parseBaseUrl);
  const config: ServerConfig = {
    listen: values.parsed('RM_LISTEN', parseAddress) ?? parseAddress(':8080'),
    tlsListen: values.parsed('RM_TLS_LISTEN', parseAddress) ?? parseAddress('127.0.0.1:8443'),
    ...(certFile !== undefined && keyFile !== undefined ? { tls: { certFile, keyFile } } : {}),
    dataDir,
    ...(baseUrl === undefined ? {} : { baseUrl }),
    secretKeyFile: values.text('RM_SECRET_KEY_FILE') ?? join(dataDir, 'secret.key'),
    cookieSecure: values.parsed('RM_COOKIE_SECURE', parseBoolean) ?? true,
    trustedProxy: values.parsed('RM_TRUSTED_PROXY', (text) => parseRanges(list(text))) ?? [],
    namespace: values.parsed('RM_NAMESPACE', parseNamespace) ?? 'default',
    ...(manifestsDir === undefined ? {} : { manifestsDir: resolve(manifestsDir) }),
    ...(token !== undefined || ranges !== undefined ? { metrics: { ...(token === undefined ? {} : { token }), ...(ranges === undefined ? {} : { ranges }) } } : {}),
    logLevel: values.parsed('RM_LOG_LEVEL', parseLogLevel) ?? 'info',
    shown: values.shown(),
  };
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}

/** Reads values by name and remembers what was wrong with them. An empty value is an absent one. */
class Values {
  private readonly env: Record<string, string | undefined>;
  private readonly file: ReadonlyMap<string, string>;
  private readonly problems: string[];
  constructor(env: Record<string, string | undefined>, file: ReadonlyMap<string, string>, problems: string[]) {
    this.env = env;
    this.file = file;
    this.problems = problems;
  }

  text(name: string): string | undefined {
    const value = this.env[name] ?? '';
    return value !== '' ? value : this.file.get(name);
  }

  parsed<T>(name: string, parse: (text: string) => T): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (error) {
      this.problem(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  problem(text: string): void {
    this.problems.push(text);
  }

  shown(): Record<string, string> {
    const shown: Record<string, string> = {};
    for (const { name, programs, secret, later, default: usual } of settings) {
      if (!programs.includes('server') || later) continue;
      const value = this.text(name);
      if (value !== undefined) shown[name] = secret ? '(set)' : value;
      else if (usual !== undefined) shown[name] = usual;
    }
    return shown;
  }
}

function overlay(file: string | undefined, problems: string[]): Map<string, string> {
  const values = new Map<string, string>();
  const path = file !== undefined && file !== '' ? file : DEFAULT_FILE;
  if (path === DEFAULT_FILE && !existsSync(path)) return values;
  try {
    const text = readFileSync(path, 'utf8');
    const document: unknown = isEmpty(text) ? {} : load(text) ?? {};
    if (typeof document !== 'object' || document === null || Array.isArray(document)) throw new Error('must be a mapping of settings');
    for (const [key, value] of Object.entries(document)) {
      const name = `RM_${key.toUpperCase()}`;
      const bad = settingProblems([name], 'server');
      if (key !== key.toLowerCase() || bad.length > 0) problems.push(`${path}: ${bad.length > 0 && bad[0]?.includes('not supported') ? `${key} is not supported by this version` : `${key} is not a setting; the nearest is ${nearestSetting(name, 'server').slice(3).toLowerCase()}`}`);
      else if (Array.isArray(value)) values.set(name, value.map(String).join(','));
      else if (value !== null && typeof value !== 'object') values.set(name, String(value));
      else if (value !== null) problems.push(`${path}: ${key} must be a single value or a list`);
    }
  } catch (error) {
    problems.push(`RM_CONFIG: ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return values;
}

/** Nothing but comments: the parser refuses that. */
function isEmpty(text: string): boolean {
  return text.split('\n').every((line) => line.trim() === '' || line.trim().startsWith('#'));
}

function metricsToken(values: Values): string | undefined {
  const file = values.text('RM_METRICS_TOKEN_FILE');
  const inline = values.text('RM_METRICS_TOKEN');
  if (file !== undefined && inline !== undefined) values.problem('RM_METRICS_TOKEN and RM_METRICS_TOKEN_FILE: set one of them');
  if (file === undefined) return inline;
  return values.parsed('RM_METRICS_TOKEN_FILE', (path) => {
    const token = readFileSync(path, 'utf8').trim();
    if (token === '') throw new Error(`${path} is empty`);
    return token;
  });
}

const list = (text: string): string[] => text.split(',').map((part) => part.trim()).filter((part) => part !== '');

/** `:8080`, `127.0.0.1:8080`, `[::1]:8080`; port 0 = any free one. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535) throw new Error(`${JSON.stringify(text)} is not an address such as :8080, 127.0.0.1:8080 or [::1]:8080`);
  const host = match[1] ?? match[2];
  return { ...(host === undefined || host === '' ? {} : { host }), port, text };
}

function parseBoolean(text: string): boolean {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  if (/^(false|0|no|off)$/i.test(text)) return false;
  throw new Error(`${JSON.stringify(text)} is not true or false`);
}

function parseBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') throw new Error(`${JSON.stringify(text)} is not an address such as https://backup.example.com`);
  return url.origin;
}

function parseNamespace(text: string): string {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) throw new Error(`${JSON.stringify(text)} is not a namespace name (lower case letters, digits and '-', at most 63)`);
  return text;
}

function parseLogLevel(text: string): ServerConfig['logLevel'] {
  const level = LOG_LEVELS.find((known) => known === text.toLowerCase());
  if (!level) throw new Error(`${JSON.stringify(text)} is none of ${LOG_LEVELS.join(', ')}`);
  return level;
}
