/**
 * The whole environment of a restic process, built from nothing: what the host's shell had (RESTIC_*, AWS_*) never leaks in,
 * and secrets exist nowhere else: not in argv, not in files.
 */
import { homedir, tmpdir } from 'node:os';
import type { PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import { platform } from '../platform/here.js';
import { redactor, type Redact } from './redact.js';

/** Names a plan may set: values for back ends. Never a name that loads a program, a library or a file of the host. */
const backendVariable = /^(AWS|B2|AZURE|GOOGLE|OS|ST)_[A-Z0-9_]+$|^RESTIC_REST_(USERNAME|PASSWORD)$/;
const namesAFile = /(_FILE|_PATH|_DIR|_CREDENTIALS)$/;

/** What a plan may set with restic's -o: numbers and names for back ends. Never a program, its arguments or a path. The same list as the Repository's schema. */
const allowedOptions = new Set([
  'azure.access-tier', 'azure.connections', 'b2.connections', 'gs.connections', 'local.connections', 'rclone.connections', 'rclone.timeout', 'rest.connections',
  's3.bucket-lookup', 's3.connections', 's3.list-objects-v1', 's3.region', 's3.storage-class', 'sftp.connections', 'swift.connections',
]);

/** The options of the plan this agent refuses to pass on. */
export function refusedOptions({ options = {} }: PlanRepository): string[] {
  return Object.keys(options).filter((name) => !allowedOptions.has(name));
}

/** The variables of the plan this agent refuses to set. */
export function refusedVariables(repository: PlanRepository): string[] {
  return Object.keys(repository.env ?? {}).filter((name) => !backendVariable.test(name) || namesAFile.test(name));
}

/** Environment of one restic process for this repository. */
export function resticEnvironment(repository: PlanRepository): Record<string, string> {
  const refused = new Set(refusedVariables(repository));
  const backend = Object.fromEntries(Object.entries(repository.env ?? {}).filter(([name]) => !refused.has(name)));
  return {
    ...bareEnvironment(),
    ...backend,
    RESTIC_REPOSITORY: repositoryAddress(repository),
    RESTIC_PASSWORD: repository.password,
    RESTIC_PROGRESS_FPS: '4',
  };
}

/** Names of what `resticEnvironment` has for restic alone. */
export function resticVariables(repository: PlanRepository): string[] {
  const bare = bareEnvironment();
  return Object.keys(resticEnvironment(repository)).filter((name) => !(name in bare));
}

/** What any child gets: enough to find programs and a place for temporary files. */
export function bareEnvironment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: homedir(),
    TMPDIR: tmpdir(),
    ...platform.childEnvironment(process.env),
  };
}

/** The user of a rest-server goes into the URL, which every restic version reads (RESTIC_REST_USERNAME came with 0.16). */
function repositoryAddress(repository: PlanRepository): string {
  const rest = /^rest:(https?):\/\/(?:[^/@]*@)?(.*)$/s.exec(repository.url);
  if (!rest || repository.username === undefined) return repository.url;
  const user = encodeURIComponent(repository.username);
  const password = encodeURIComponent(repository.env?.['RESTIC_REST_PASSWORD'] ?? repository.password);
  return `rest:${rest[1]}://${user}:${password}@${rest[2]}`;
}

/** What must not be shown of the host owner's `environment`: values of secret names, and passwords in URLs such as a proxy's. */
export function environmentSecrets(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment).flatMap(([name, value]) => [...(isSecretVariable(name) ? [value] : []), ...[...value.matchAll(/:\/\/[^/\s:@]*:([^/\s@]+)@/g)].map(([, password = '']) => password)]);
}

/** Does a variable of this name hold a secret? Regions, endpoints and account names do not. */
export function isSecretVariable(name: string): boolean {
  return /KEY|SECRET|PASS|TOKEN|SAS/.test(name);
}

/** Masks everything secret of this repository and of the owner's environment; regions and endpoints stay readable. */
export function repositoryRedactor({ password, env = {}, files = {} }: PlanRepository, environment: Readonly<Record<string, string>> = {}): Redact {
  return redactor([password, ...environmentSecrets(environment), ...Object.entries(env).filter(([name]) => isSecretVariable(name)).map(([, value]) => value), ...keyMaterial(files)]);
}

/** The lines of a key that are the key: not its header, nor the names in a Google account's JSON. */
function keyMaterial(files: Record<string, string>): string[] {
  const google = /"private_key(?:_id)?"\s*:\s*"((?:[^"\\]|\\.)*)"/g;
  const found = [files['ssh-key'] ?? '', ...[...(files['gcs.json'] ?? '').matchAll(google)].flatMap(([, value = '']) => value.split('\\n'))];
  return found.flatMap((text) => text.split(/\r?\n/)).filter((line) => line.length >= 8 && !line.startsWith('-----'));
}
