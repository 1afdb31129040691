/** The repository is wrong, away, gone, another one, locked, damaged. One after the other: each is mended before the next. */
import { existsSync } from 'node:fs';
import { cp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { forgeLock } from '../../../builders/forgedLock.js';
import type { FailingHost } from './bed.js';
import type { Row } from './row.js';

/** While `work` makes a job and it runs, something else, or nothing, is where the repository was. */
async function elsewhere(host: FailingHost, work: () => Promise<string>, instead?: string, after?: () => Promise<void>): Promise<string> {
  const { repositoryFiles: at } = host;
  await rename(at, `${at}-away`);
  if (instead !== undefined) await cp(instead, at, { recursive: true });
  try {
    const job = await work();
    await host.world.ended(job);
    await host.condition('Repository', host.host.repository, 'Available', ({ status, reason }) => status === 'False' && reason === 'Replaced');
    if (instead === undefined && existsSync(at)) throw new Error('a repository was made where the pinned one had been');
    if (instead !== undefined && (await readdir(join(at, 'snapshots'))).length > 0) throw new Error('a snapshot was made in another repository');
    await after?.();
    return job;
  } finally {
    await rm(at, { recursive: true, force: true });
    await rename(`${at}-away`, at);
    await host.mended();
  }
}

/** A repository of another id with the same password. */
async function stranger(host: FailingHost): Promise<string> {
  const at = `${host.name}-stranger`;
  if (host.host.backend.restic(at, ['cat', 'config', '--no-lock']).status !== 0) host.host.backend.restic(at, ['init']);
  return host.host.backend.files(at);
}

async function withPassword(host: FailingHost, password: string, work: () => Promise<string>): Promise<string> {
  const { repository, backend } = host.host;
  await host.world.patch('Secret', repository, { stringData: { password } });
  try {
    const job = await work();
    await host.world.ended(job);
    return job;
  } finally {
    await host.world.patch('Secret', repository, { stringData: { password: backend.secret(repository)['password'] } });
    await host.mended();
  }
}

/** The repository without the pack that the host's snapshot needs, while the job that `work` makes runs. */
async function withoutData(host: FailingHost, work: () => Promise<string>): Promise<string> {
  await rename(host.pack, join(host.repositoryFiles, 'lost-pack'));
  try {
    const job = await work();
    await host.world.ended(job);
    return job;
  } finally {
    await rename(join(host.repositoryFiles, 'lost-pack'), host.pack);
  }
}

async function locked(host: FailingHost, work: () => Promise<string>): Promise<string> {
  await forgeLock(host.host, { hostname: 'elsewhere', pid: 4711, time: Date.now(), exclusive: true });
  try {
    const job = await work();
    await host.world.ended(job);
    return job;
  } finally {
    host.host.bare('unlock', '--remove-all');
  }
}

export const repositoryRows: Row[] = [
  { title: 'a backup where the repository is locked by another machine', make: (host) => locked(host, () => host.job('Backup')), says: { phase: 'Failed', reason: 'RepositoryLocked', message: 'the repository at <storage>/data/<host> is locked, held by pid <pid> on elsewhere for 0 minutes (exclusively); wait for it to end, or remove the lock (a job of type Unlock) when you know that nobody works in it', exitCode: 11, log: ['stderr: {"message_type":"exit_error","code":11,"message":"unable to create lock in backend: repository is already locked exclusively by PID <pid> on elsewhere by root (UID 0, GID 0)\\nlock was created at <time> (<while> ago)\\nstorage ID <id>\\nthe `unlock` command can be used to remove stale locks"}', 'agent: waiting for the repository, held by pid <pid> on elsewhere for 0 minutes (exclusively)'], mend: 'Repository/<host>' },
    old: { exitCode: 1, log: ['stderr: unable to create lock in backend: repository is already locked exclusively by PID <pid> on elsewhere by root (UID 0, GID 0)', 'stderr: lock was created at <time> (<while> ago)', 'stderr: storage ID <id>', 'stderr: the `unlock` command can be used to remove stale locks'] } },
  { title: 'a check where the repository is locked by another machine', make: (host) => locked(host, () => host.job('Check')), says: { phase: 'Failed', reason: 'RepositoryLocked', message: 'the repository at <storage>/data/<host> is locked, held by pid <pid> on elsewhere for 0 minutes (exclusively); wait for it to end, or remove the lock (a job of type Unlock) when you know that nobody works in it', exitCode: 11, log: ['stdout: {"message_type":"summary",...}', 'stderr: {"message_type":"exit_error","code":11,"message":"unable to create lock in backend: repository is already locked exclusively by PID <pid> on elsewhere by root (UID 0, GID 0)\\nlock was created at <time> (<while> ago)\\nstorage ID <id>\\nthe `unlock` command can be used to remove stale locks"}', 'agent: waiting for the repository, held by pid <pid> on elsewhere for 0 minutes (exclusively)'], mend: 'Repository/<host>' },
    old: { exitCode: 1, log: ['stdout: using temporary cache in <dir>/agent-<host>/cache/<id>/restic-check-cache-<id>', 'stdout: create exclusive lock for repository', 'stderr: unable to create lock in backend: repository is already locked exclusively by PID <pid> on elsewhere by root (UID 0, GID 0)', 'stderr: lock was created at <time> (<while> ago)', 'stderr: storage ID <id>', 'stderr: the `unlock` command can be used to remove stale locks'] } },
  { title: 'an unlock of a lock that restic takes for alive', make: (host) => locked(host, () => host.job('Unlock')), says: { phase: 'Failed', reason: 'RepositoryLocked', message: 'removed 0 of 1 locks; what stays restic takes for alive: held by pid <pid> on elsewhere for 0 minutes (exclusively), stale for restic from <time>. End what holds it, or run an Unlock again then', exitCode: 0, log: ['agent: lock <id> held by pid <pid> on elsewhere for 0 minutes (exclusively)'], mend: 'Repository/<host>' },
    old: { log: ['stdout: successfully removed locks', 'agent: lock <id> held by pid <pid> on elsewhere for 0 minutes (exclusively)'] } },
  { title: 'a check of a repository that lost data', make: (host) => { host.host.bare('prune', '--max-repack-size', '0'); return withoutData(host, () => host.job('Check')); }, says: { phase: 'Failed', reason: 'CheckFoundErrors', message: `restic found 1 error in the repository: pack <id>: does not exist; keep it as it is and see "Troubleshooting" in restic's manual`, exitCode: 1, log: ['stdout: {"message_type":"summary",...}', 'stderr: {"message_type":"error","message":"pack <id>: does not exist\\n"}', 'stderr: {"message_type":"error","message":"\\nThe repository is damaged and must be repaired. Please follow the troubleshooting guide at https://restic.readthedocs.io/en/stable/077_troubleshooting.html .\\n\\n"}', 'stderr: {"message_type":"exit_error","code":1,"message":"Fatal: repository contains errors"}'], mend: 'Repository/<host>' },
    old: { log: ['stdout: using temporary cache in <dir>/agent-<host>/cache/<id>/restic-check-cache-<id>', 'stdout: create exclusive lock for repository', 'stdout: load indexes', 'stdout: check all packs', 'stdout: check snapshots, trees and blobs', 'stderr: pack <id>: does not exist', 'stderr: Fatal: repository contains errors'] } },
  {
    title: 'a restore from a repository that lost data', only: 'new', // 0.14 tries for most of a minute
    make: (host) => withoutData(host, () => host.job('Restore', { restore: { snapshot: host.snapshot, paths: [join(host.host.source, 'hello.txt')], targetDirectory: join(host.world.dir, `lost-${host.name}`) } })),
    says: { phase: 'Failed', reason: 'RestoreIncomplete', message: '1 file could not be restored: <dir>/files-<host>/hello.txt: ReadFull(<data/<id>>): open <storage>/data/<host>/data/<2>/<id>: no such file or directory; the rest is in <dir>/lost-<host>', exitCode: 1, warnings: 1, skippedFiles: ['<dir>/files-<host>/hello.txt: ReadFull(<data/<id>>): open <storage>/data/<host>/data/<2>/<id>: no such file or directory'], log: ['stdout: {"message_type":"summary",...}', 'stderr: Load(<data/<id>>, <n>, <n>) failed: open <storage>/data/<host>/data/<2>/<id>: no such file or directory', 'stderr: {"message_type":"error","error":{"message":"ReadFull(\\u003cdata/<id>\\u003e): open <storage>/data/<host>/data/<2>/<id>: no such file or directory"},"during":"restore","item":"<dir>/files-<host>/hello.txt"}', 'stderr: {"message_type":"error","error":{"message":"lchown <dir>/lost-<host><dir>/files-<host>/hello.txt: no such file or directory"},"during":"restore","item":"<dir>/files-<host>/hello.txt"}', 'stderr: {"message_type":"exit_error","code":1,"message":"Fatal: There were <n> errors"}'] },
  },
  { title: 'a backup with a wrong password', make: (host) => withPassword(host, 'not the password', () => host.job('Backup')), says: { phase: 'Failed', reason: 'WrongPassword', message: 'restic refused the repository password; set key password in the Secret of the repository (spec.credentialsSecretRef) (restic: wrong password or no key found)', exitCode: 12, log: ['stderr: {"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}'], mend: 'Repository/<host>' },
    old: { exitCode: 1, log: undefined } },
  { title: 'a password that ends with white space', make: (host) => withPassword(host, 'not the password ', () => host.job('Backup')), says: { phase: 'Failed', reason: 'WrongPassword', message: "restic refused the repository password; set key password in the Secret of the repository (spec.credentialsSecretRef) (restic: wrong password or no key found); the password of the Secret begins or ends with white space or a line end, which restic's --password-file would cut off", exitCode: 12, log: ['stderr: {"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}'], mend: 'Repository/<host>' },
    old: { exitCode: 1, log: undefined } },
  { title: 'a backup where the repository is gone: nothing is made there (H5)', make: (host) => elsewhere(host, () => host.job('Backup')), says: { phase: 'Failed', reason: 'NoRepository', message: 'the repository at <storage>/data/<host> is gone: it was moved or deleted, or its disk is not mounted; bring it back, it is never created again', log: ['stderr: {"message_type":"exit_error","code":10,"message":"Fatal: repository does not exist: unable to open config file: stat <storage>/data/<host>/config: no such file or directory\\nIs there a repository at the following location?\\n<storage>/data/<host>"}'], also: ['Warning Replaced Repository/<host>: the repository at <storage>/data/<host> is gone: it was moved or deleted, or its disk is not mounted; bring it back, it is never created again'] },
    old: { log: undefined } },
  {
    title: 'a job for a repository that is known to be gone',
    async make(host) {
      let late = '';
      await elsewhere(host, () => host.job('Backup'), undefined, async () => {
        late = await host.job('Backup', { startingDeadlineSeconds: 1 });
        await host.world.ended(late);
      });
      return late;
    },
    says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): repository <host> was replaced or is gone: the repository at <storage>/data/<host> is gone: it was moved or deleted, or its disk is not mounted; bring it back, it is never created again' },
  },
  { title: 'a backup where another repository is: nothing is written there (H5)', make: async (host) => elsewhere(host, () => host.job('Backup'), await stranger(host)), says: { phase: 'Failed', reason: 'RepositoryReplaced', message: 'the repository at <storage>/data/<host> is not the one this host backs up to: it has id <id>, not <id>; bring the old one back, or make a new Repository object for this one', also: ['Warning Replaced Repository/<host>: the repository at <storage>/data/<host> is not the one this host backs up to: it has id <id>, not <id>; bring the old one back, or make a new Repository object for this one'] }, restless: true },
  // what the row before ended early may have left half a cache, of which 0.14 complains
  { title: 'a forget where another repository is', make: async (host) => elsewhere(host, () => host.job('Forget', { forget: { snapshotIDs: [host.snapshot] } }), await stranger(host)), restless: true, says: { phase: 'Failed', reason: 'RepositoryReplaced', message: 'the repository at <storage>/data/<host> is not the one this host backs up to: it has id <id>, not <id>; bring the old one back, or make a new Repository object for this one', also: ['Warning Replaced Repository/<host>: the repository at <storage>/data/<host> is not the one this host backs up to: it has id <id>, not <id>; bring the old one back, or make a new Repository object for this one'] } },
  { title: 'an init where another repository is: it is opened, never taken', make: async (host) => elsewhere(host, () => host.job('Init', { repositoryRef: { name: host.host.repository } }), await stranger(host)), restless: true, says: { phase: 'Failed', reason: 'RepositoryReplaced', message: 'the repository at <storage>/data/<host> is not the one this host backs up to: it has id <id>, not <id>; bring the old one back, or make a new Repository object for this one', also: ['Warning Replaced Repository/<host>: the repository at <storage>/data/<host> is not the one this host backs up to: it has id <id>, not <id>; bring the old one back, or make a new Repository object for this one'] } },
];
