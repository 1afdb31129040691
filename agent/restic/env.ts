/**
 * The whole environment of a restic process, built from nothing: what the host's shell had (RESTIC_*, AWS_*) never leaks in,
 * and secrets exist nowhere else: not in argv, not in files.
 */
import { homedir, tmpdir } from 'node:os';
import type { PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import { redactor, type Redact } from './redact.js';

/** Names a plan may set: values for back ends. Never a name that loads a program, a library or a file of the host. */
const backendVariable = /^(AWS|B2|AZURE|GOOGLE|OS|ST)_[A-Z0-9_]+$|^RESTIC_REST_(USERNAME|PASSWORD)$/;
const namesAFile = /(_FILE|_PATH|_DIR|_CREDENTIALS)$/;

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

/** What any child gets: enough to find programs and a place for temporary files. */
export function bareEnvironment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: homedir(),
    TMPDIR: tmpdir(),
    ...(process.platform === 'win32' ? { SystemRoot: process.env['SystemRoot'] ?? 'C:\\Windows', TEMP: tmpdir(), TMP: tmpdir() } : {}),
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

/** Masks everything secret of this repository; regions and endpoints stay readable. */
export function repositoryRedactor(repository: PlanRepository): Redact {
  const secrets = Object.entries(repository.env ?? {}).filter(([name]) => /KEY|SECRET|PASS|TOKEN|SAS/.test(name)).map(([, value]) => value);
  return redactor([repository.password, ...secrets]);
}
