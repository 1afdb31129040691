/** Backups whose sources, hooks or command fail. Each has a group of its own, so that they may run beside one another. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mounted, type FailingHost } from './bed.js';
import type { Row } from './row.js';

/** Regular, there, and not even root may open it to read. */
const UNREADABLE = '/proc/sys/vm/compact_memory';

async function withUnreadable(host: FailingHost, name: string, files: Record<string, string>): Promise<string> {
  const dir = await host.files(name, { ...files, secret: '' });
  return mounted(['--bind', UNREADABLE], join(dir, 'secret'), async () => {
    const job = await host.backup(name, { includes: [dir] });
    await host.world.ended(job);
    return job;
  });
}

export const backupRows: Row[] = [
  { title: 'a file cannot be read: a snapshot of the rest, Partial', make: (host) => withUnreadable(host, 'unreadable', { 'a.txt': 'a\n' }), says: { phase: 'Succeeded', reason: 'Partial', message: 'snapshot <id> of <host>-unreadable is incomplete: could not be read: <dir>/<host>-unreadable/secret', exitCode: 3, warnings: 1, skippedFiles: ['<dir>/<host>-unreadable/secret'], log: ['stdout: {"message_type":"summary",...}', 'stderr: {"message_type":"error","error":{"message":"open <dir>/<host>-unreadable/secret: permission denied"},"during":"archival","item":"<dir>/<host>-unreadable/secret"}', 'stderr: {"message_type":"exit_error","code":3,"message":"Warning: at least one source file could not be read"}'], mend: 'SourceGroup/<host>-unreadable' },
    old: { log: ['stdout: {"message_type":"summary",...}', 'stderr: {"message_type":"error","error":{"Op":"open","Path":"<dir>/<host>-unreadable/secret","Err":13},"during":"archival","item":"<dir>/<host>-unreadable/secret"}', 'stderr: Warning: at least one source file could not be read'] } },
  { title: 'no file can be read', make: (host) => withUnreadable(host, 'nothing', {}), says: { phase: 'Failed', reason: 'NothingRead', message: 'no file of source group <host>-nothing could be read, so the snapshot is empty: <dir>/<host>-nothing/secret; check that the agent may read them', exitCode: 3, log: ['stdout: {"message_type":"summary",...}', 'stderr: {"message_type":"error","error":{"message":"open <dir>/<host>-nothing/secret: permission denied"},"during":"archival","item":"<dir>/<host>-nothing/secret"}', 'stderr: {"message_type":"exit_error","code":3,"message":"Warning: at least one source file could not be read"}'], mend: 'SourceGroup/<host>-nothing' },
    old: { log: ['stdout: {"message_type":"summary",...}', 'stderr: {"message_type":"error","error":{"Op":"open","Path":"<dir>/<host>-nothing/secret","Err":13},"during":"archival","item":"<dir>/<host>-nothing/secret"}', 'stderr: Warning: at least one source file could not be read'] } },
  { title: 'a path is missing beside one that is there', make: async (host) => host.backup('one-gone', { includes: [await host.files('one-gone'), join(host.world.dir, 'no/such/place')] }), says: { phase: 'Succeeded', reason: 'Partial', message: 'snapshot <id> of <host>-one-gone is incomplete: <dir>/no/such/place does not exist on this host', exitCode: 3, warnings: 1, skippedFiles: ['<dir>/no/such/place'], log: ['stdout: {"message_type":"summary",...}', 'stderr: <dir>/no/such/place does not exist, skipping', 'stderr: {"message_type":"exit_error","code":3,"message":"Warning: at least one source file could not be read"}', 'agent: <dir>/no/such/place does not exist on this host; the backup goes on without it'], mend: 'SourceGroup/<host>-one-gone' },
    old: { exitCode: 0, log: ['stdout: {"message_type":"summary",...}', 'stderr: <dir>/no/such/place does not exist, skipping', 'agent: <dir>/no/such/place does not exist on this host; the backup goes on without it'] } },
  { title: 'every path is missing', make: (host) => host.backup('all-gone', { includes: [join(host.world.dir, 'no/such/place'), join(host.world.dir, 'nor/this')] }), says: { phase: 'Failed', reason: 'SourceMissing', message: 'no path of source group <host>-all-gone exists on this host: <dir>/no/such/place, <dir>/nor/this', mend: 'SourceGroup/<host>-all-gone' } },
  { title: 'nothing is mounted where the group requires it (E32)', make: async (host) => { const dir = await host.files('unmounted'); return host.backup('unmounted', { includes: [dir], requireMount: [dir] }); }, says: { phase: 'Failed', reason: 'MountMissing', message: 'nothing is mounted at <dir>/<host>-unmounted, which source group <host>-unmounted requires (requireMount); nothing was backed up', mend: 'SourceGroup/<host>-unmounted' } },
  { title: 'a source directory is empty because its mount is gone, and no requireMount says so (E32)', make: async (host) => host.backup('emptied', { includes: [await host.files('emptied', {})] }), says: { phase: 'Succeeded', reason: 'Completed', message: 'snapshot <id> of <host>-emptied holds no file: <dir>/<host>-emptied is empty; if something should be mounted there, name it in requireMount', exitCode: 0, warnings: 1, log: ['stdout: {"message_type":"summary",...}'], mend: 'SourceGroup/<host>-emptied' } },
  { title: 'the pre hook fails', make: async (host) => host.backup('pre-fails', { includes: [await host.files('pre-fails')], hooks: { pre: await host.hook('pre-fails', 'echo freezing\necho no such database >&2\nexit 7\n') } }), says: { phase: 'Failed', reason: 'HookFailed', message: 'nothing of source group <host>-pre-fails was backed up: the pre hook exited with 7', log: ['stdout: hook(pre): freezing', 'stderr: hook(pre): no such database'], mend: 'SourceGroup/<host>-pre-fails' } },
  { title: 'the pre hook\'s Secret is not there', make: async (host) => host.backup('pre-lost', { includes: [await host.files('pre-lost')], hooks: { pre: { secretKeyRef: { name: 'no-such-secret', key: 'script' } } } }), says: { phase: 'Failed', reason: 'HookUnreadable', message: 'a hook of source group <host>-pre-lost cannot be read, so nothing was backed up: Secret default/no-such-secret (spec.hooks.pre.secretKeyRef) does not exist', mend: 'SourceGroup/<host>-pre-lost' } },
  { title: 'the pre hook\'s Secret has not the key', make: async (host) => { const { secretKeyRef } = await host.hook('pre-keyless', 'true'); return host.backup('pre-keyless', { includes: [await host.files('pre-keyless')], hooks: { pre: { secretKeyRef: { ...secretKeyRef, key: 'freeze.sh' } } } }); }, says: { phase: 'Failed', reason: 'HookUnreadable', message: 'a hook of source group <host>-pre-keyless cannot be read, so nothing was backed up: Secret default/<host>-pre-keyless (spec.hooks.pre.secretKeyRef) has no key freeze.sh', mend: 'SourceGroup/<host>-pre-keyless' } },
  { title: 'the pre hook\'s Secret lacks its label', make: async (host) => host.backup('pre-bare', { includes: [await host.files('pre-bare')], hooks: { pre: await host.hook('pre-bare', 'true', 'repository') } }), says: { phase: 'Failed', reason: 'HookUnreadable', message: 'a hook of source group <host>-pre-bare cannot be read, so nothing was backed up: Secret default/<host>-pre-bare (spec.hooks.pre.secretKeyRef) lacks the label restic-manager.io/use=hook', mend: 'SourceGroup/<host>-pre-bare' } },
  { title: 'the pre hook runs too long', make: async (host) => host.backup('pre-slow', { includes: [await host.files('pre-slow')], hooks: { pre: await host.hook('pre-slow', 'echo waiting for the database\nexec sleep 60\n'), timeoutSeconds: 1 } }), says: { phase: 'Failed', reason: 'HookFailed', message: 'nothing of source group <host>-pre-slow was backed up: the pre hook ran longer than 1 second and was ended; raise hooks.timeoutSeconds if it needs more', log: ['stdout: hook(pre): waiting for the database'], mend: 'SourceGroup/<host>-pre-slow' } },
  { title: 'the post hook fails after a good backup', make: async (host) => host.backup('post-fails', { includes: [await host.files('post-fails')], hooks: { post: await host.hook('post-fails', 'echo thawing\nexit 3\n') } }), says: { phase: 'Succeeded', reason: 'Completed', message: 'snapshot <id> of <host>-post-fails; the post hook exited with 3', exitCode: 0, warnings: 1, log: ['stdout: {"message_type":"summary",...}', 'stdout: hook(post): thawing', 'agent: warning: the post hook exited with 3'], mend: 'SourceGroup/<host>-post-fails' } },
  { title: 'the post hook fails after a failed backup', make: async (host) => host.backup('both-fail', { includes: [await host.files('both-fail')], hooks: { pre: await host.hook('both-fail-pre', 'exit 1'), post: await host.hook('both-fail', 'exit 3') } }), says: { phase: 'Failed', reason: 'HookFailed', message: 'nothing of source group <host>-both-fail was backed up: the pre hook exited with 1; the post hook exited with 3', warnings: 1, log: ['agent: warning: the post hook exited with 3'], mend: 'SourceGroup/<host>-both-fail' } },
  { title: 'the command whose output is saved fails', anyOrder: true, make: (host) => host.backup('dump-fails', { stdin: { command: ['sh', '-c', 'echo half a dump; echo pg_dump: no route to database >&2; exit 4'], filename: 'dump.sql' } }), says: { phase: 'Failed', reason: 'StdinCommandFailed', message: 'stdin.command of source group <host>-dump-fails (sh) failed, so nothing was saved: restic backup exited with 1 (restic: unable to save snapshot: failed to save /dump.sql: Fatal: command failed: exit status 4)', exitCode: 1, log: ['stderr: subprocess /bin/sh: pg_dump: no route to database', 'stderr: {"message_type":"error","error":{"message":"failed to save /dump.sql: Fatal: command failed: exit status 4"},"during":"archival","item":"/dump.sql"}', 'stderr: {"message_type":"exit_error","code":1,"message":"Fatal: unable to save snapshot: failed to save /dump.sql: Fatal: command failed: exit status 4"}'], mend: 'SourceGroup/<host>-dump-fails' },
    old: { reason: 'ResticTooOld', message: 'stdin.command of source group <host>-dump-fails needs restic 0.17 or newer on this host, which has 0.14.<n>', mend: 'Host/<host>', exitCode: undefined, log: undefined } },
  { title: 'the command whose output is saved is not there', anyOrder: true, make: (host) => host.backup('dump-missing', { stdin: { command: ['no-such-dump', '--all'], filename: 'dump.sql' } }), says: { phase: 'Failed', reason: 'StdinCommandFailed', message: 'stdin.command of source group <host>-dump-missing (no-such-dump) failed, so nothing was saved: it was not found, or a command that it runs; restic backup exited with 1 (restic: unable to save snapshot: failed to save /dump.sql: Fatal: command failed: exit status 127)', exitCode: 1, log: ['stderr: subprocess /bin/sh: no-such-dump: not found', 'stderr: {"message_type":"error","error":{"message":"failed to save /dump.sql: Fatal: command failed: exit status 127"},"during":"archival","item":"/dump.sql"}', 'stderr: {"message_type":"exit_error","code":1,"message":"Fatal: unable to save snapshot: failed to save /dump.sql: Fatal: command failed: exit status 127"}'], mend: 'SourceGroup/<host>-dump-missing' },
    old: { reason: 'ResticTooOld', message: 'stdin.command of source group <host>-dump-missing needs restic 0.17 or newer on this host, which has 0.14.<n>', mend: 'Host/<host>', exitCode: undefined, log: undefined } },
  { title: 'skipIfUnchanged with an old restic', only: 'old', make: async (host) => host.backup('skip', { includes: [await host.files('skip')], skipIfUnchanged: true }), says: { phase: 'Failed', reason: 'ResticTooOld', message: 'skipIfUnchanged of source group <host>-skip needs restic 0.17 or newer on this host, which has 0.14.<n>', mend: 'Host/<host>' } },
  { title: 'a failure that may pass is tried again, and failed again', make: async (host) => host.backup('again', { includes: [await host.files('again')], requireMount: [join(host.world.dir, 'never')], retry: { maxAttempts: 2, backoffSeconds: 1 } }), says: { phase: 'Failed', reason: 'MountMissing', message: 'nothing is mounted at <dir>/never, which source group <host>-again requires (requireMount); nothing was backed up', attempts: 2, log: ['agent: attempt 1 of 2 failed (MountMissing): nothing is mounted at <dir>/never, which source group <host>-again requires (requireMount); nothing was backed up; trying again in 1 s'], mend: 'SourceGroup/<host>-again' } },
];

/** Long enough to be stopped: what is uploaded is held back, and costs no processor. */
async function slow(host: FailingHost, name: string, job: object = {}): Promise<string> {
  host.host.bare('unlock', '--remove-all');
  return host.backup(name, { includes: [await host.files(name, { 'noise.bin': randomBytes(4 * 1024 * 1024) })] }, { bandwidth: { uploadKiBps: 40 }, ...job });
}

/** Ended from outside while they run. */
export const endedRows: Row[] = [
  {
    title: 'cancelled while it runs',
    async make(host) {
      const job = await slow(host, 'cancelled');
      await host.resticOf('cancelled');
      await host.world.patch('ResticJob', job, { spec: { cancel: true } });
      return job;
    },
    says: { phase: 'Cancelled', reason: 'Cancelled', message: 'cancelled' }, restless: true,
  },
  { title: 'runs longer than its activeDeadlineSeconds', make: (host) => slow(host, 'late', { activeDeadlineSeconds: 1 }), says: { phase: 'Failed', reason: 'DeadlineExceeded', message: 'stopped: it ran longer than activeDeadlineSeconds (1)' }, restless: true },
  {
    title: 'restic is killed by somebody',
    async make(host) {
      const job = await slow(host, 'killed');
      process.kill(await host.resticOf('killed'), 'SIGKILL');
      return job;
    },
    says: { phase: 'Failed', reason: 'ResticKilled', message: 'restic backup was killed by SIGKILL: by hand, or by the system when memory ran out', mend: 'Host/<host>' },
  },
  {
    title: 'the pre hook is running when the job is cancelled',
    async make(host) {
      const job = await host.backup('hook-cancelled', { includes: [await host.files('hook-cancelled')], hooks: { pre: await host.hook('hook-cancelled', 'exec sleep 60') } });
      await host.isRunning(job);
      await host.world.patch('ResticJob', job, { spec: { cancel: true } });
      return job;
    },
    says: { phase: 'Cancelled', reason: 'Cancelled', message: 'cancelled' },
  },
  {
    title: 'the agent is killed, and started again',
    async make(host) {
      const job = await slow(host, 'agentless');
      await host.resticOf('agentless');
      await host.killAgent();
      return job;
    },
    says: { phase: 'Failed', reason: 'AgentRestarted', message: 'the agent ended during the run and was started again, so the run did not complete; unless restic had finished it made no snapshot, and the next one goes on from what is stored already; the lock it left was removed', mend: 'Host/<host>' }, restless: true,
  },
];

/** Of this host: program, disk. One after the other, as they change what the others need. */
export const hostRows: Row[] = [
  {
    title: 'restic is not there',
    make: (host) => host.withoutRestic(async () => {
      const job = await host.job('Backup', {}, 'resticless');
      await host.world.ended(job);
      return job;
    }),
    says: { phase: 'Failed', reason: 'ResticMissing', message: "there is no program <dir>/bin-<host>/restic on this host (RM_RESTIC); install it with the system's package manager (apt install restic, dnf install restic, apk add restic), or name the binary in RM_RESTIC", mend: 'Host/<host>' },
  },
  {
    title: 'the disk of the host is full: no room for restic\'s temporary files',
    async make(host) {
      const dir = await host.files('no-room', { 'noise.bin': randomBytes(4 * 1024 * 1024) });
      return mounted(['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs'], host.tmp, async () => {
        const job = await host.backup('no-room', { includes: [dir] });
        await host.world.ended(job);
        return job;
      });
    },
    says: { phase: 'Failed', reason: 'DiskFull', message: "this host's disk is full: restic needs room for its cache and temporary files (restic: unable to save snapshot: Write: write <dir>/tmp-<host>/restic-temp-pack-<id>: no space left on device)", exitCode: 1, log: ['stderr: {"message_type":"error","error":{"message":"failed to save <dir>/<host>-no-room/noise.bin: Write: write <dir>/tmp-<host>/restic-temp-pack-<id>: no space left on device"},"during":"archival","item":"<dir>/<host>-no-room/noise.bin"}', 'stderr: {"message_type":"exit_error","code":1,"message":"Fatal: unable to save snapshot: Write: write <dir>/tmp-<host>/restic-temp-pack-<id>: no space left on device"}'], mend: 'Host/<host>' },
    old: { log: ['stderr: Fatal: unable to save snapshot: Write: write <dir>/tmp-<host>/restic-temp-pack-<id>: no space left on device'] },
  },
  {
    title: 'the storage of the repository is full',
    async make(host) {
      const dir = await host.files('no-storage', { 'noise.bin': randomBytes(4 * 1024 * 1024) });
      return mounted(['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs'], join(host.repositoryFiles, 'data'), async () => {
        await mkdir(join(host.repositoryFiles, 'data/00'), { recursive: true });
        const job = await host.backup('no-storage', { includes: [dir] });
        await host.world.ended(job);
        return job;
      });
    },
    says: { phase: 'Failed', reason: 'RepositoryFull', message: 'the storage of the repository at <storage>/data/<host> is full; give it more room (forget and prune need a little themselves) (restic: unable to save snapshot: error flushing repository: write <storage>/data/<host>/data/<2>/<id>-tmp-<id>: no space left on device)', exitCode: 1, log: ['stderr: Save(<data/<id>>) failed: write <storage>/data/<host>/data/<2>/<id>-tmp-<id>: no space left on device', 'stderr: {"message_type":"exit_error","code":1,"message":"Fatal: unable to save snapshot: error flushing repository: write <storage>/data/<host>/data/<2>/<id>-tmp-<id>: no space left on device"}'], mend: 'Repository/<host>' },
    old: { message: 'the storage of the repository at <storage>/data/<host> is full; give it more room (forget and prune need a little themselves) (restic: unable to save snapshot: write <storage>/data/<host>/data/<2>/<id>-tmp-<id>: no space left on device)', log: ['stderr: Fatal: unable to save snapshot: write <storage>/data/<host>/data/<2>/<id>-tmp-<id>: no space left on device'] },
  },
];
