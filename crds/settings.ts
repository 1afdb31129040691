/**
 * Every RM_* variable of both programs, in one table: a name that is in neither is a typing error and stops the start, a name
 * of the other program is ignored. Readers of a value live with the program; this file knows only names.
 */
export type Program = 'server' | 'agent';

export interface Setting {
  name: string;
  programs: readonly Program[];
  text: string;
  /** Shown to people; computed defaults are described. */
  default?: string;
  /** Never printed. */
  secret?: true;
  /** Reserved for a later version: setting it stops the start, because it would do nothing. */
  later?: true;
}

const server: readonly Program[] = ['server'];
const agent: readonly Program[] = ['agent'];

export const settings: readonly Setting[] = [
  { name: 'RM_LISTEN', programs: server, default: ':8080', text: 'plain HTTP listener for page, agents and a TLS-terminating proxy' },
  { name: 'RM_TLS_LISTEN', programs: server, default: '127.0.0.1:8443', text: 'HTTPS listener' },
  { name: 'RM_TLS_CERT', programs: server, text: 'PEM file of an own certificate chain' },
  { name: 'RM_TLS_KEY', programs: server, text: 'PEM file of its key' },
  { name: 'RM_DATA_DIR', programs: server, default: '/data', text: 'data directory' },
  { name: 'RM_BASE_URL', programs: server, default: 'http://localhost:<port>', text: 'address people and agents use' },
  { name: 'RM_SECRET_KEY_FILE', programs: server, default: '<data dir>/secret.key', text: 'key that encrypts Secrets at rest' },
  { name: 'RM_COOKIE_SECURE', programs: server, default: 'true', text: 'Secure flag of the session cookie' },
  { name: 'RM_TRUSTED_PROXY', programs: server, text: 'comma-separated CIDRs whose X-Forwarded-* is honoured' },
  { name: 'RM_NAMESPACE', programs: server, default: 'default', text: 'the one namespace of this installation' },
  { name: 'RM_CONFIG', programs: server, default: '/etc/restic-manager/server.yaml', text: 'YAML overlay' },
  { name: 'RM_BUNDLED_ASSETS_DIR', programs: server, default: '/opt/restic-manager/dist', text: 'agent binaries and install scripts' },
  { name: 'RM_METRICS_TOKEN', programs: server, secret: true, text: 'bearer for /metrics' },
  { name: 'RM_METRICS_TOKEN_FILE', programs: server, text: 'file holding the bearer for /metrics' },
  { name: 'RM_METRICS_TRUSTED_CIDR', programs: server, text: 'comma-separated CIDRs that may read /metrics' },
  { name: 'RM_MANIFESTS_DIR', programs: server, text: 'directory of manifests that is applied and kept applied' },
  { name: 'RM_RECORDS_URL', programs: server, later: true, secret: true, text: 'PostgreSQL for records' },
  { name: 'RM_OIDC_ISSUER', programs: server, later: true, text: 'OIDC provider' },
  { name: 'RM_OIDC_CLIENT_ID', programs: server, later: true, text: 'OIDC client' },
  { name: 'RM_OIDC_CLIENT_SECRET', programs: server, later: true, secret: true, text: 'OIDC client secret' },
  { name: 'RM_OIDC_CLIENT_SECRET_FILE', programs: server, later: true, text: 'file holding the OIDC client secret' },
  { name: 'RM_OIDC_DISPLAY_NAME', programs: server, later: true, text: 'words on the OIDC button' },
  { name: 'RM_OIDC_ROLE_CLAIM', programs: server, later: true, default: 'groups', text: 'claim that carries groups' },
  { name: 'RM_OIDC_ROLE_MAPPING', programs: server, later: true, text: 'group=role,group=role' },
  { name: 'RM_OIDC_REDIRECT_URL', programs: server, later: true, default: '<RM_BASE_URL>/auth/oidc/callback', text: 'OIDC redirect' },
  { name: 'RM_LOG_LEVEL', programs: ['server', 'agent'], default: 'info', text: 'debug, info, warn or error' },
  { name: 'RM_STATE_DIR', programs: agent, default: '/var/lib/restic-manager', text: "the agent's state directory" },
  { name: 'RM_SERVER', programs: agent, text: 'URL of the server' },
  { name: 'RM_TOKEN', programs: agent, secret: true, text: 'one-shot enrolment token' },
  { name: 'RM_AGENT_TOKEN', programs: agent, secret: true, text: 'bearer that seeds credentials.json when there is none' },
  { name: 'RM_HOSTNAME', programs: agent, default: "the machine's", text: 'host name the agent gives' },
  { name: 'RM_RESTIC', programs: agent, default: 'restic on PATH', text: 'the restic binary' },
  { name: 'RM_SERVER_CERT_PIN_SHA256', programs: agent, text: 'comma-separated SPKI SHA-256 pins (hex or base64) that replace CA verification' },
  { name: 'RM_AGENT_CONFIG', programs: agent, default: '/etc/restic-manager/agent.yaml', text: "the host owner's bounds for the agent" },
];

/** Kubernetes puts the addresses of Services named rm-... into every pod. */
const serviceLink = /^RM_.*_(SERVICE_HOST|SERVICE_PORT.*|PORT.*)$/;

/**
 * Why these variables stop the start of `program`; empty when they do not. Names only: values are the reader's to judge.
 * @param reserved names that are neither's but set by our own scripts around a program
 */
export function settingProblems(names: Iterable<string>, program: Program, reserved: readonly string[] = []): string[] {
  const problems: string[] = [];
  for (const name of names) {
    if (!name.startsWith('RM_') || serviceLink.test(name) || reserved.includes(name)) continue;
    const setting = settings.find((candidate) => candidate.name === name);
    if (!setting) problems.push(`${name} is not a setting; the nearest is ${nearestSetting(name, program)}`);
    else if (setting.later && setting.programs.includes(program)) problems.push(`${name} is not supported by this version`);
  }
  return problems;
}

/** The known name of `program` with the fewest edits to `name`. */
export function nearestSetting(name: string, program: Program): string {
  return nearestName(name, settings.filter(({ programs, later }) => programs.includes(program) && !later).map((candidate) => candidate.name));
}

/** The one of `known` with the fewest edits to `name`; the first of several. */
export function nearestName(name: string, known: readonly string[]): string {
  let best = '';
  let fewest = Infinity;
  for (const candidate of known) {
    const edits = editDistance(name, candidate);
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
