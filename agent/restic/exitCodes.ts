/**
 * What a restic that did not exit 0 means, per command and version. 0.17 and later answer by exit code (10 no repository, 11
 * locked, 12 wrong password, 130 interrupted) and an `exit_error` line; 0.14 answers 1 for all of them, so its words decide.
 * Phrases are restic's own, matched whole; a path that contains "lock" proves nothing. Anything unknown is ResticFailed.
 * @see restic manual "Exit codes"; cmd/restic/main.go and internal/repository of both versions
 */
import type { RunFailureReason } from '#crds/conditions.js';
import { jsonLine } from './lines.js';
import { directoryOf } from './storage.js';

export type ResticCommand = 'backup' | 'init' | 'cat' | 'list' | 'snapshots' | 'stats' | 'unlock' | 'forget' | 'prune' | 'check' | 'restore' | 'diff' | 'ls' | 'version' | 'help';

/** A restic operation that failed, named by what a person has to do about it. */
export class ResticError extends Error {
  override name = 'ResticError';
  readonly reason: RunFailureReason;
  readonly exitCode: number | undefined;

  constructor(reason: RunFailureReason, message: string, exitCode?: number) {
    super(message);
    this.reason = reason;
    this.exitCode = exitCode;
  }
}

export interface FailedExit {
  command: ResticCommand;
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Last lines of stderr, redacted. */
  stderr: readonly string[];
  /** Where the repository is, without secrets: for the message. */
  repository: string;
  /** It was opened with the account that may delete. */
  admin?: boolean;
}

const lockedPhrase = /repository is already locked|unable to create lock in backend/;
const passwordPhrase = /wrong password or no key found/;
const refusedUserPhrase = /\b(401 Unauthorized|403 Forbidden|Access ?Denied|InvalidAccessKeyId|SignatureDoesNotMatch|Permission denied \((publickey|password))/i;
const unreachablePhrase = /connection refused|no such host|i\/o timeout|network is unreachable|no route to host|connection reset by peer|TLS handshake|x509: |server misbehaving|context deadline exceeded|unexpected HTTP response \(5\d\d\)|server response unexpected: 5\d\d|Connection timed out|Could not resolve hostname|ssh command exited|subprocess ssh: |unable to start the sftp session/;
/** The storage lets nobody delete with this account: rest-server answers 403, buckets AccessDenied. */
const deletionRefusedPhrase = /(?:Remove|remov|delet)[^\n]*(?:403 Forbidden|unexpected HTTP response \(403\)|Access ?Denied|not permitted|[Pp]ermission denied)|(?:403 Forbidden|unexpected HTTP response \(403\)|Access ?Denied)[^\n]*(?:remov|delet)/;
const damagedPhrase = /ciphertext verification failed|unable to load index|failed to load (?:root )?tree|invalid data returned|wrong hash|not found in the index|pack .* (?:does not exist|not found)|Load\(<(?:index|data)\/[^\n]*does not exist|unexpected EOF|file (?:<[^>]*> )?is too short|failed finding blobs|is damaged|repository contains errors/;
const missingSnapshotPhrase = /no matching ID found|multiple IDs with prefix|failed to find snapshot|invalid id/;
const absentPhrase = /unable to open config file: (?:stat |Stat\(|<config\/>|.*(?:does not exist|no such file or directory|404 Not Found|\(404\)|specified key does not exist|specified bucket does not exist|NoSuchKey|NoSuchBucket|file does not exist|ObjectNotFound|BlobNotFound))|repository does not exist/;
const fullPhrase = /no space left on device|disk quota exceeded|507 Insufficient Storage|\(507\)|QuotaExceeded|EntityTooLarge quota/i;

/** Of a Go stack, which 0.14 and forget print after what they have to say. */
const goTrace = /^(?:\t|(?:main|runtime)\.\S+$|(?:github\.com|golang\.org)\/\S+$)/;
const noSpace = /: no space left on device$/;

const deletesCommands = new Set<ResticCommand>(['forget', 'prune']);

/** @param address as it may be shown */
export function unreachable(address: string): string {
  return `the repository at ${address} cannot be reached; check the ${directoryOf({ url: address }) !== undefined ? 'path, and that its disk is mounted' : 'address, the network and that the storage is running'}`;
}

/** The error a failed exit is. */
export function classifyExit(exit: FailedExit): ResticError {
  const words = exit.stderr.map(plainWords);
  // what restic says of one file holds that file's name, which may be any phrase (E22)
  const text = exit.stderr.filter((line) => !isAboutItem(line)).map(plainWords).join('\n');
  const said = words.flatMap((line) => line.split('\n')).findLast((line) => lockedPhrase.test(line))?.replace(/^Fatal: /, '').slice(0, 512) ?? lastWords(words);
  const error = (reason: RunFailureReason, message: string): ResticError => new ResticError(reason, said ? `${message} (restic: ${said})` : message, exit.code ?? undefined);
  if (exit.signal !== null) return error('ResticKilled', `restic ${exit.command} was killed by ${exit.signal}: by hand, or by the system when memory ran out`);
  if (exit.code === 12 || passwordPhrase.test(text)) return error('WrongPassword', `restic refused the repository password; set key password in ${secretOf(exit)}`);
  if (exit.code === 11 || lockedPhrase.test(text)) return error('RepositoryLocked', `the repository at ${exit.repository} is locked`);
  if (exit.command === 'restore' && words.some((line) => noSpace.test(line))) return new ResticError('DiskFull', `this host's disk is full: the restore needs more room than the target directory has (restic: ${words.findLast((line) => noSpace.test(line)) ?? ''})`, exit.code ?? undefined);
  if (fullPhrase.test(text)) return outOfSpace(text, exit, error);
  if (deletesCommands.has(exit.command) && deletionRefusedPhrase.test(text)) return error('AppendOnly', `the storage at ${exit.repository} refuses deletion to this account; ${howToDelete(exit.admin)}`);
  if (refusedUserPhrase.test(text)) return error('RepositoryUnreachable', `the storage at ${exit.repository} refused the user name, key or password; correct the credentials in ${secretOf(exit)}`);
  if (unreachablePhrase.test(text)) return error('RepositoryUnreachable', unreachable(exit.repository));
  if (exit.code === 10 || absentPhrase.test(text)) return error('NoRepository', `there is no repository at ${exit.repository}`);
  const option = /option (\S+) is not known/.exec(text)?.[1];
  if (option !== undefined) return error('ResticTooOld', `the restic of this host does not know option ${option} of the repository; install a newer one, or take the option out of spec.options`);
  if (missingSnapshotPhrase.test(text)) return error('SnapshotNotFound', `the snapshot is not in the repository at ${exit.repository}`);
  if (damagedPhrase.test(text)) return error('RepositoryDamaged', `the repository at ${exit.repository} is damaged; keep it as it is and see "Troubleshooting" in restic's manual`);
  if (exit.command === 'backup' && /snapshot is empty/.test(text)) return error('NothingRead', 'nothing could be read, so no snapshot was made; check that the agent may read the paths of the source group');
  if (exit.command === 'backup' && /all (?:source|target) directories\/files do not exist/.test(text)) return error('SourceMissing', 'none of the paths of the source group exists on this host');
  if (exit.code === 130) return error('ResticKilled', `restic ${exit.command} was interrupted, and not by this agent`);
  return error('ResticFailed', `restic ${exit.command} exited with ${exit.code ?? 'no code'}`);
}

/** What lets a job delete that was refused. */
export function howToDelete(admin = false): string {
  return admin ? 'the admin credential of the repository (spec.adminCredentialsSecretRef, or the file on its runner) must be of an account that may' : 'give the repository an admin credential (spec.adminCredentialsSecretRef, or runner.adminCredentials: OnRunner)';
}

/** Where the credentials are that a person has to correct. */
function secretOf({ admin = false }: FailedExit): string {
  return admin ? "the repository's admin credential (the Secret of spec.adminCredentialsSecretRef, or the file on its runner)" : 'the Secret of the repository (spec.credentialsSecretRef)';
}

function outOfSpace(text: string, exit: FailedExit, error: (reason: RunFailureReason, message: string) => ResticError): ResticError {
  const directory = directoryOf({ url: exit.repository });
  const line = text.split('\n').find((candidate) => fullPhrase.test(candidate)) ?? '';
  if (/no space left on device/.test(line) && !(directory !== undefined && line.includes(directory))) return error('DiskFull', "this host's disk is full: restic needs room for its cache and temporary files");
  return error('RepositoryFull', `the storage of the repository at ${exit.repository} is full; give it more room (forget and prune need a little themselves)`);
}

/** An error of one file, in JSON or in the words of 0.14. */
function isAboutItem(line: string): boolean {
  const object = jsonLine(line);
  return object ? object['message_type'] === 'error' && typeof object['item'] === 'string' && object['item'] !== '' : line.startsWith('ignoring error for ');
}

/** The message inside a JSON line of stderr, else the line. */
export function plainWords(line: string): string {
  const object = jsonLine(line);
  const message = object?.['message'] ?? (object?.['error'] as { message?: unknown } | undefined)?.message;
  return typeof message === 'string' ? message : line;
}

/** The line that says why: the last `Fatal:`, else the last one. At most 512 characters. */
function lastWords(lines: readonly string[]): string {
  const wordy = lines.filter((line) => !goTrace.test(line)).map((line) => line.trim()).filter((line) => line !== '');
  const fatal = wordy.filter((line) => line.startsWith('Fatal:')).at(-1) ?? wordy.at(-1) ?? '';
  return (fatal.split('\n')[0] ?? '').replace(/^Fatal: /, '').slice(0, 512);
}
