/** One good object of each kind with every field of its schema set, so that a row of the rule table changes one thing. */
import type { Kind } from '#crds/kinds.js';

export type CrdKind = Exclude<Kind, 'Secret' | 'Event' | 'Lease'>;
export type Loose = Record<string, unknown>;

const time = '2026-11-23T22:00:00Z';
const name = { name: 'web1' };
const conditions = [{ type: 'Ready', status: 'True', observedGeneration: 1, lastTransitionTime: time, reason: 'Reconciled', message: 'fine' }];
const key = `${'A'.repeat(43)}=`;
const fingerprint = `SHA256:${'A'.repeat(43)}`;
const locks = [{ hostname: 'web1', pid: 7, time, exclusive: false }];
const summary = {
  filesNew: 1, filesChanged: 1, filesUnmodified: 1, dirsNew: 1, dirsChanged: 1, dirsUnmodified: 1, filesProcessed: 3, bytesProcessed: 10, bytesAdded: 5, bytesStored: 4, durationSeconds: 1.5,
  filesRestored: 1, filesSkipped: 1, bytesRestored: 1, snapshotsRemoved: 1, snapshotsKept: 1, bytesFreed: 1, errorsFound: 1, locksRemoved: 1, locksLeft: 1, filesAdded: 1, filesRemoved: 1, bytesRemoved: 1,
};
const script = { secretKeyRef: { name: 'hooks', key: 'pre.sh' } };
const hooks = { pre: script, post: script, timeoutSeconds: 60 };
const done = { lastDueTime: time, schedule: '17 3 * * * Europe/Berlin' };
const task = { schedule: '0 3 * * *', timeZone: 'Europe/Berlin', suspend: false };
const last = { time, result: 'Succeeded', reason: 'Completed', message: 'm', jobName: 'job' };
const forgetPlan = { hash: 'abcd', remove: 1, of: 2, reasons: ['RemovesTooMuch'] };

const bodies: Record<CrdKind, { spec: Loose; status: Loose }> = {
  EnrollmentRequest: {
    spec: { hostname: 'web1', os: 'linux', arch: 'amd64', agentVersion: '1.0.0', resticVersion: '0.19.1', publicKey: key, denied: false },
    status: { phase: 'Pending', fingerprint, sourceIP: '192.0.2.7', hostnameCollision: false, expiresTime: time, hostRef: name, observedGeneration: 1, conditions },
  },
  Host: {
    spec: {
      displayName: 'Web 1', presence: 'AlwaysOn', suspend: false, repositoryRef: name, snapshotHost: 'web1.example.com',
      bandwidth: { uploadKiBps: 100, downloadKiBps: 100 }, hooks, resources: { nice: 10, ioNice: 'Idle' }, maxConcurrentJobs: 2, enrollment: { fingerprint },
    },
    status: {
      phase: 'Online',
      agent: { version: '1.0.0', protocolVersion: 1, os: 'linux', arch: 'amd64', hostname: 'web1', timeZone: 'Europe/Berlin', resticVersion: '0.19.1', capabilities: ['tree'], machineId: 'abc', publicKey: key },
      connection: { gateway: 'one', sessionID: 's1', since: time }, lastSeenTime: time,
      lastBackup: { time, result: 'Succeeded', jobName: 'job', snapshotID: 'abcd', bytesAdded: 10, durationSeconds: 1.5, lastSuccessfulTime: time },
      nextBackup: time, desiredRevision: 'r', planGeneration: 1, appliedRevision: 'r', appliedGeneration: 1, stalledSchedules: [{ name: 's', message: 'm' }], observedGeneration: 1, conditions,
    },
  },
  Repository: {
    spec: {
      displayName: 'Web', url: 'rest:https://backup.example.com/web1', credentialsSecretRef: name, adminCredentialsSecretRef: name, options: { 'rest.connections': '4' }, formatVersion: 2, compression: 'max', packSizeMiB: 64, suspend: false,
      maintenance: { forget: task, prune: task, check: { ...task, readDataSubsetPercent: 5 } }, retentionGuard: { maxRemovalPercent: 30, keepWithinFloor: '14d' }, runner: { hostRef: name, adminCredentials: 'FromServer' },
    },
    status: {
      phase: 'Ready', id: 'abcd', replacedTime: time, formatVersion: 2, hosts: 1, sharedTrust: false, sizeBytes: 1, uncompressedSizeBytes: 1, snapshotCount: 1, credentialsHash: 'h', locks,
      deletionProtection: 'Enforced', lastForget: last, lastPrune: last, lastCheck: last, nextMaintenance: 'forget at 03:00', maintenance: { forget: done, prune: done, check: done },
      observed: { repositoryID: 'abcd', formatVersion: 2, sizeBytes: 1, uncompressedSizeBytes: 1, snapshotCount: 1, locks, deletionProtection: 'Enforced', time }, observedGeneration: 1, conditions,
    },
  },
  ResticJob: {
    spec: {
      hostRef: name, repositoryRef: name, type: 'Backup', sourceGroupRef: name, bandwidth: { uploadKiBps: 0, downloadKiBps: 100 }, dryRun: true, cancel: false, startingDeadlineSeconds: 60, activeDeadlineSeconds: 60, ttlSecondsAfterFinished: 60,
      startedBy: 'Server', origin: { type: 'User', name: 'alice', dueTime: time },
    },
    status: {
      phase: 'Running', desiredRun: { id: 'run', planGeneration: 1, state: 'Run' },
      observed: {
        runID: 'run', phase: 'Running', startTime: time, completionTime: time, attempts: 1, exitCode: 0, reason: 'Done', message: 'm', warnings: 0, summary, snapshotID: 'abcd', repositoryID: 'abcd',
        skippedFiles: ['/etc/shadow'], targetDirectory: '/root/rm-restore/job', forgetPlan,
      },
      startTime: time, completionTime: time, duration: '1s', attempts: 1, exitCode: 0, reason: 'Done', message: 'm', warnings: 0, summary, snapshotID: 'abcd',
      skippedFiles: ['/etc/shadow'], targetDirectory: '/root/rm-restore/job', forgetPlan, observedGeneration: 1, conditions,
    },
  },
  Schedule: {
    spec: {
      schedule: '0 3 * * *', timeZone: 'Europe/Berlin', suspend: false, sourceGroupRefs: [{ name: 'etc' }, { name: 'srv' }], jitter: '15m', catchUp: { enabled: true, settleSeconds: 60 },
      blackout: [{ from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' }], startingDeadlineSeconds: 3600, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 3,
    },
    status: { hosts: { matched: 1, synced: 1 }, groups: 'etc,srv', lastRunTime: time, lastRunResult: 'Succeeded', nextRun: time, observedGeneration: 1, conditions },
  },
  SourceGroup: {
    spec: {
      hostSelector: { matchLabels: { env: 'prod' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['front'] }] }, tag: 'etc', includes: ['/etc', 'C:\\Data'], excludes: ['*.tmp', '*.bak'],
      excludeCaches: true, excludeIfPresent: ['.nobackup', '.skip'], excludeLargerThan: '1G', oneFileSystem: true, requireMount: ['/srv', '/home'], skipIfUnchanged: true, windows: { useFsSnapshot: true },
      retention: { keepLast: 1, keepHourly: 24, keepDaily: 7, keepWeekly: 4, keepMonthly: 12, keepYearly: 3, keepWithin: '2y5m7d3h', keepTags: ['kept', 'held'] }, retry: { maxAttempts: 3, backoffSeconds: 60 }, hooks, activeDeadlineSeconds: 60, suspend: false,
    },
    status: { matchedHosts: 1, tag: 'etc', retention: 'last 1', lastBackupTime: time, observedGeneration: 1, conditions },
  },
};

/** A fresh copy. */
export function goodObject(kind: CrdKind): Loose {
  return structuredClone({ apiVersion: 'restic-manager.io/v1alpha1', kind, metadata: { name: 'web1', namespace: 'default' }, ...bodies[kind] });
}
