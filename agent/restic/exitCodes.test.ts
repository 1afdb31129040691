import { expect } from 'chai';
import { classifyExit, type FailedExit } from './exitCodes.js';

const exit = (change: Partial<FailedExit>): FailedExit => ({ command: 'backup', code: 1, signal: null, stderr: [], repository: '/srv/repo', ...change });
const json = (code: number, message: string): string => JSON.stringify({ message_type: 'exit_error', code, message });

/** Words as restic 0.14 and 0.19 print them. */
const rows: [string, Partial<FailedExit>, string][] = [
  ['10 with words around it (0.17 and later)', { code: 10, stderr: ['Fatal: repository does not exist: unable to open config file: stat /srv/repo/config: no such file or directory', 'Is there a repository at the following location?', '/srv/repo'] }, 'NoRepository'],
  ['the words alone (0.14)', { stderr: ['Fatal: unable to open config file: stat /srv/repo/config: no such file or directory', 'Is there a repository at the following location?'] }, 'NoRepository'],
  ['a rest-server that knows no such repository (0.14)', { stderr: ['Fatal: unable to open config file: <config/> does not exist'] }, 'NoRepository'],
  ['a rest-server that is away (0.14): the same question, not the same thing', { stderr: ['Fatal: unable to open config file: client.Head: Head "http://127.0.0.1:1/config": dial tcp 127.0.0.1:1: connect: connection refused', 'Is there a repository at the following location?'] }, 'RepositoryUnreachable'],
  ['a storage that refuses the user', { stderr: ['Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized'] }, 'RepositoryUnreachable'],
  ['12 (0.17 and later)', { code: 12, stderr: [json(12, 'Fatal: wrong password or no key found')] }, 'WrongPassword'],
  ['the words of a wrong password (0.14)', { stderr: ['Fatal: wrong password or no key found'] }, 'WrongPassword'],
  ['11 (0.17 and later)', { code: 11, stderr: [json(11, 'Fatal: unable to create lock in backend: repository is already locked exclusively by PID 7 on h by root')] }, 'RepositoryLocked'],
  ['the words of a lock (0.14)', { stderr: ['Fatal: unable to create lock in backend: repository is already locked by PID 7 on h by root (UID 0, GID 0)'] }, 'RepositoryLocked'],
  ['a path that contains "lock" is no lock (E22)', { stderr: ['Fatal: /srv/locks/is already locked up/lock: permission denied'] }, 'ResticFailed'],
  ['a full disk below a local repository', { stderr: ['Fatal: unable to save snapshot: write /srv/repo/data/00/tmp: no space left on device'] }, 'RepositoryFull'],
  ['a full disk of this host', { repository: 'rest:http://h/r', stderr: ['Fatal: unable to save snapshot: write /tmp/restic-temp-1: no space left on device'] }, 'DiskFull'],
  ['a rest-server over its quota', { repository: 'rest:http://h/r', stderr: ['Fatal: server response unexpected: 507 Insufficient Storage'] }, 'RepositoryFull'],
  ['nothing could be read', { stderr: [json(1, 'Fatal: unable to save snapshot: snapshot is empty')] }, 'NothingRead'],
  ['no source is there', { stderr: ['Fatal: all source directories/files do not exist'] }, 'SourceMissing'],
  ['a file of a restore whose name is a phrase (E22)', { command: 'restore', stderr: [JSON.stringify({ message_type: 'error', error: { message: 'open /srv/wrong password or no key found: permission denied' }, during: 'restore', item: '/srv/wrong password or no key found' }), json(1, 'Fatal: There were 1 errors')] }, 'ResticFailed'],
  ['the same in the words of 0.14', { command: 'restore', stderr: ['ignoring error for /a repository is already locked: permission denied', 'Fatal: There were 1 errors'] }, 'ResticFailed'],
  ['a target without room, the repository being local', { command: 'restore', stderr: [JSON.stringify({ message_type: 'error', error: { message: 'write /srv/repo-restored/a: no space left on device' }, during: 'restore', item: '/a' }), json(1, 'Fatal: There were 1 errors')] }, 'DiskFull'],
  ['an option that this restic does not know', { stderr: ['Fatal: option azure.access-tier is not known'] }, 'ResticTooOld'],
  ['a deletion that the storage refuses', { command: 'prune', stderr: ['Remove(<index/1>) failed: unexpected HTTP response (403): 403 Forbidden', 'Fatal: failed'] }, 'AppendOnly'],
  ['the same answer to a backup: its account is refused', { stderr: ['Save(<data/1>) failed: unexpected HTTP response (403): 403 Forbidden', 'Fatal: failed'] }, 'RepositoryUnreachable'],
  ['a snapshot that is not there', { command: 'diff', stderr: ['Fatal: no matching ID found for prefix "deadbeef"'] }, 'SnapshotNotFound'],
  ['a pack that was cut off', { command: 'prune', stderr: ['Fatal: failed finding blobs: ReadFull(<data/9b75216a4d>): file is too short'] }, 'RepositoryDamaged'],
  ['killed', { code: null, signal: 'SIGKILL' }, 'ResticKilled'],
  ['interrupted by somebody else', { code: 130, stderr: ['signal interrupt received, cleaning up'] }, 'ResticKilled'],
  ['anything unknown', { code: 77, stderr: ['what is this'] }, 'ResticFailed'],
];

describe('restic exit codes', () => {
  for (const [sentence, change, reason] of rows) {
    it(`${reason}: ${sentence}`, () => {
      const error = classifyExit(exit(change));
      expect(error.reason, error.message).to.equal(reason);
    });
  }
  it('names who holds the lock, which restic says in the midst of its words', () => {
    const words = 'unable to create lock in backend: repository is already locked exclusively by PID 7 on h by root (UID 0, GID 0)\nlock was created at 2026-11-25 (2s ago)\nthe `unlock` command can be used to remove stale locks';
    for (const stderr of [[json(11, words)], words.split('\n')]) expect(classifyExit(exit({ code: 11, stderr })).message).to.equal('the repository at /srv/repo is locked (restic: unable to create lock in backend: repository is already locked exclusively by PID 7 on h by root (UID 0, GID 0))');
  });
  it('says what to do, and what restic said', () => {
    expect(classifyExit(exit({ code: 12, stderr: [json(12, 'Fatal: wrong password or no key found')] })).message).to.equal('restic refused the repository password; set key password in the Secret of the repository (spec.credentialsSecretRef) (restic: wrong password or no key found)');
  });
});
