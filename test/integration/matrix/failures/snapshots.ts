/** Restore, diff, forget, prune: what is asked of snapshots and cannot be had. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mounted } from './bed.js';
import type { Row } from './row.js';

const UNKNOWN = 'deadbeefdeadbeef';

export const snapshotRows: Row[] = [
  { title: 'a restore of an unknown snapshot', make: (host) => host.job('Restore', { restore: { snapshot: UNKNOWN, targetDirectory: join(host.world.dir, 'none') } }), says: { phase: 'Failed', reason: 'SnapshotNotFound', message: 'the snapshot is not in the repository at <storage>/data/<host> (restic: failed to find snapshot: no matching ID found for prefix "<id>")', exitCode: 1, log: ['stderr: {"message_type":"exit_error","code":1,"message":"Fatal: failed to find snapshot: no matching ID found for prefix \\"<id>\\""}'] },
    old: { message: 'the snapshot is not in the repository at <storage>/data/<host> (restic: invalid id "<id>": no matching ID found for prefix "<id>")', log: ['stderr: invalid id "<id>": no matching ID found for prefix "<id>"'] } },
  { title: 'a restore of a path that is not in the snapshot', make: (host) => host.job('Restore', { restore: { snapshot: host.snapshot, paths: [join(host.host.source, 'hello.txt'), join(host.host.source, 'never-was.txt')], targetDirectory: join(host.world.dir, `missing-${host.name}`) } }), says: { phase: 'Failed', reason: 'PathNotFound', message: 'not in snapshot <id>: <dir>/files-<host>/never-was.txt; nothing was restored' } },
  { title: 'a restore into a directory that others may write', async make(host) {
    const target = join(host.world.dir, `open-${host.name}`);
    await mkdir(target, { mode: 0o777 });
    await chmod(target, 0o777);
    return host.job('Restore', { restore: { snapshot: host.snapshot, targetDirectory: target } });
  }, says: { phase: 'Failed', reason: 'TargetRefused', message: '<dir>/open-<host> may be written by others (mode 0777); choose a directory that is not there yet' } },
  { title: 'a restore into the root of the file system', make: (host) => host.job('Restore', { restore: { snapshot: host.snapshot, targetDirectory: '/' } }), says: { phase: 'Failed', reason: 'TargetRefused', message: 'restore.targetDirectory "/" is the root of the file system: that is in place (restore.inPlace)' } },
  { title: 'a restore in place below a symbolic link (E31)', async make(host) {
    const link = join(host.rootDir, 'linked');
    await mkdir(link, { recursive: true });
    await writeFile(join(link, 'a.txt'), 'a\n');
    const made = await host.world.ended(await host.backup('linked', { includes: [link] }));
    await rename(link, join(host.rootDir, 'real'));
    await symlink(join(host.rootDir, 'real'), link);
    return host.job('Restore', { restore: { snapshot: made.status?.snapshotID ?? '', inPlace: true, confirmHostName: host.name } });
  }, says: { phase: 'Failed', reason: 'TargetRefused', message: 'restoring in place is refused: <root>/<host>/linked is a symbolic link, and could lead the restore elsewhere; restore into a directory of its own (restore.targetDirectory) and copy from it' } },
  { title: 'a restore in place below a directory that others may write', async make(host) {
    const open = join(host.rootDir, 'open');
    await mkdir(join(open, 'sub'), { recursive: true });
    await writeFile(join(open, 'sub', 'a.txt'), 'a\n');
    const made = await host.world.ended(await host.backup('open', { includes: [join(open, 'sub')] }));
    await chmod(open, 0o777);
    return host.job('Restore', { restore: { snapshot: made.status?.snapshotID ?? '', inPlace: true, confirmHostName: host.name } });
  }, says: { phase: 'Failed', reason: 'TargetRefused', message: 'restoring in place is refused: <root>/<host>/open may be written by others (mode 0777), and could lead the restore elsewhere; restore into a directory of its own (restore.targetDirectory) and copy from it' } },
  { title: 'a restore to a disk that is full', async make(host) {
    const dir = await host.files('large', { 'noise.bin': randomBytes(3 * 1024 * 1024) });
    const made = await host.world.ended(await host.backup('large', { includes: [dir] }));
    const at = join(host.world.dir, `small-${host.name}`);
    await mkdir(at);
    return mounted(['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs'], at, async () => {
      const job = await host.job('Restore', { restore: { snapshot: made.status?.snapshotID ?? '', targetDirectory: join(at, 'restored') } });
      await host.world.ended(job);
      return job;
    });
  }, says: { phase: 'Failed', reason: 'DiskFull', message: "this host's disk is full: the restore needs more room than the target directory has (restic: write <dir>/small-<host>/restored<dir>/<host>-large/noise.bin: no space left on device)", exitCode: 1, log: ['stdout: {"message_type":"summary",...}', 'stderr: {"message_type":"error","error":{"message":"write <dir>/small-<host>/restored<dir>/<host>-large/noise.bin: no space left on device"},"during":"restore","item":"<dir>/<host>-large/noise.bin"}', 'stderr: {"message_type":"exit_error","code":1,"message":"Fatal: There were <n> errors"}'], mend: 'Host/<host>' },
    old: { message: "this host's disk is full: the restore needs more room than the target directory has (restic: ignoring error for <dir>/<host>-large/noise.bin: write <dir>/small-<host>/restored<dir>/<host>-large/noise.bin: no space left on device)", log: ['stdout: restoring <Snapshot <id> of [<dir>/<host>-large] at <time> by root@<host>> to <dir>/small-<host>/restored', 'stderr: ignoring error for <dir>/<host>-large/noise.bin: write <dir>/small-<host>/restored<dir>/<host>-large/noise.bin: no space left on device', 'stderr: Fatal: There were <n> errors'] } },
  { title: 'a restore over files that are there, by a restic that cannot tell them apart', only: 'old', async make(host) {
    const target = await host.files('occupied');
    return host.job('Restore', { restore: { snapshot: host.snapshot, targetDirectory: target, overwrite: 'IfNewer' } });
  }, says: { phase: 'Failed', reason: 'ResticTooOld', message: 'overwrite IfNewer where files may be already needs restic 0.17 or newer on this host, which has 0.14.<n>; restore into a new directory, or say overwrite: Always', mend: 'Host/<host>' } },
  { title: 'a diff with an unknown snapshot', make: (host) => host.job('Diff', { diff: { a: host.snapshot, b: UNKNOWN } }), says: { phase: 'Failed', reason: 'SnapshotNotFound', message: 'the snapshot is not in the repository at <storage>/data/<host> (restic: no matching ID found for prefix "<id>")', exitCode: 1, log: ['stderr: {"message_type":"exit_error","code":1,"message":"Fatal: no matching ID found for prefix \\"<id>\\""}'] },
    old: { log: ['stderr: Fatal: no matching ID found for prefix "<id>"'] } },
  { title: 'a forget of an unknown snapshot', make: (host) => host.job('Forget', { forget: { snapshotIDs: [UNKNOWN] } }), says: { phase: 'Failed', reason: 'SnapshotNotFound', message: '<id>: not in the repository at <storage>/data/<host>, or not one snapshot alone; nothing was removed' } },
  {
    title: 'a forget that would remove too much waits for a person (X6)',
    async make(host) {
      const { name, host: { source, repository }, world } = host;
      await world.patch('Repository', repository, { spec: { retentionGuard: { keepWithinFloor: '0h' } } });
      await world.patch('SourceGroup', name, { spec: { retention: { keepLast: 1 } } });
      for (const text of ['1', '2']) {
        await writeFile(join(source, 'changing.txt'), text);
        await world.ended(await host.job('Backup'));
      }
      const job = await host.job('Forget');
      await world.ended(job);
      await host.condition('Repository', repository, 'ApprovalRequired', ({ status }) => status === 'True');
      await world.patch('SourceGroup', name, { spec: { retention: null } });
      return job;
    },
    says: { phase: 'Failed', reason: 'ApprovalRequired', message: 'nothing was removed; 2 wait for approval: 2 of 3 of <host>/<host> (more than the guard lets go at once). Look at them, then approve with: kubectl annotate repository <host> --overwrite restic-manager.io/approve-forget=<id>', exitCode: 0, log: ['agent: held: 2 of 3 of <host>/<host> (more than the guard lets go at once)'], also: ['Warning ApprovalRequired Repository/<host>: retention would remove 2 of 3 snapshots and waits for a person (RemovesTooMuch); look at them, then: kubectl annotate --overwrite -n default repository.restic-manager.io/<host> restic-manager.io/approve-forget=<id>'] },
  },
];
