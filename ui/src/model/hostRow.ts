/** One host as the dashboard sees it: state, trouble and what to do, derived from Host, Repository, groups and jobs. Pure. */
import type { Host, Repository, ResticJob, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { condition } from './conditions.js';
import { relative, time, words } from './format.js';
import { isFinished, jobDoing, nextStep } from './jobs.js';
import type { Tone } from './tone.js';

export type HostPhase = 'Pending' | 'Online' | 'Offline' | 'Asleep' | 'Suspended';

export interface Trouble {
  severity: 'bad' | 'warn';
  /** Kind of trouble, for sorting and keys. */
  reason: string;
  message: string;
  /** Name of the job that shows it, when there is one. */
  job?: string;
}

export interface HostRow {
  uid: string;
  name: string;
  title: string;
  host: Stored<Host>;
  repository?: Stored<Repository>;
  groups: Stored<SourceGroup>[];
  phase: HostPhase;
  platform: string;
  labels: string[];
  running?: Stored<ResticJob>;
  trouble: Trouble[];
  lastBackupAt?: number;
  nextBackupAt?: number;
  sizeBytes?: number;
  snapshotCount?: number;
}

export interface RowParts {
  host: Stored<Host>;
  repository?: Stored<Repository>;
  groups: Stored<SourceGroup>[];
  /** Newest first. */
  jobs: readonly Stored<ResticJob>[];
}

export function hostRow({ host, repository, groups, jobs }: RowParts): HostRow {
  const { agent, lastBackup } = host.status ?? {};
  return {
    uid: host.metadata.uid,
    name: host.metadata.name,
    title: host.spec.displayName ?? host.metadata.name,
    host, repository, groups,
    phase: phaseOf(host),
    platform: [agent?.os, agent?.arch].filter(Boolean).join('/'),
    labels: labelTexts(host),
    running: jobs.find((job) => job.status?.phase === 'Running') ?? jobs.find((job) => !isFinished(job)),
    trouble: troubleOf(host, repository),
    lastBackupAt: time(lastBackup?.time),
    nextBackupAt: time(host.status?.nextBackup),
    sizeBytes: repository?.status?.sizeBytes,
    snapshotCount: repository?.status?.snapshotCount,
  };
}

export function phaseOf(host: Host): HostPhase {
  if (host.spec.suspend) return 'Suspended';
  return host.status?.phase ?? 'Pending';
}

/** Name of the repository a host uses. */
export function repositoryName(host: Host): string {
  return host.spec.repositoryRef?.name ?? host.metadata.name;
}

/** Labels as chips: `env=prod` as "env=prod", a tag without a value as its key. Labels of our own group are not for people. */
export function labelTexts(host: Host): string[] {
  return Object.entries(host.metadata.labels ?? {})
    .filter(([key]) => !key.includes('restic-manager.io/') && !key.includes('kubernetes.io/'))
    .map(([key, value]) => (value === '' || value === 'true' ? key : `${key}=${value}`))
    .sort();
}

const notTrouble = new Set(['NeverOpened', 'Initializing', 'CredentialsChanged', 'Progressing']);

/** Everything wrong with one host, worst first. Waiting for something that comes by itself is not trouble. */
export function troubleOf(host: Host, repository: Repository | undefined): Trouble[] {
  const list: Trouble[] = [];
  const add = (severity: Trouble['severity'], reason: string, message: string, job?: string): void => { list.push({ severity, reason, message, job }); };
  const phase = phaseOf(host);
  const { agent, lastBackup } = host.status ?? {};

  const ready = condition(host, 'Ready');
  if (ready?.status === 'False' && !notTrouble.has(ready.reason)) add(ready.reason === 'RepositoryNotFound' ? 'warn' : 'bad', ready.reason, ready.message || words(ready.reason));
  const repositoryReady = condition(host, 'RepositoryReady');
  if (repositoryReady?.status === 'False' && !notTrouble.has(repositoryReady.reason) && repositoryReady.reason !== ready?.reason) {
    const known = repositoryReady.reason !== 'RepositoryNotFound';
    add(known ? 'bad' : 'warn', repositoryReady.reason, repositoryReady.message || condition(repository, 'Available')?.message || words(repositoryReady.reason));
  }
  if (agent && agent.resticVersion === undefined) add('bad', 'ResticMissing', `No restic on this host. ${nextStep('ResticMissing')}`);
  if (lastBackup?.result === 'Failed') add('bad', 'LastBackupFailed', 'The last backup failed.', lastBackup.jobName);
  if (phase === 'Offline') add('warn', 'Offline', 'Its own schedules keep running there; reports arrive when it is back.');
  const synced = condition(host, 'Synced');
  if (phase === 'Online' && synced?.status === 'False' && synced.reason !== 'PlanPending' && synced.reason !== 'NoPlan') add('warn', synced.reason, synced.message || 'The agent has not applied its plan.');
  if (lastBackup?.result === 'Partial') add('warn', 'LastBackupPartial', 'The last backup skipped files it could not read.', lastBackup.jobName);
  list.sort((a, b) => (a.severity === b.severity ? 0 : a.severity === 'bad' ? -1 : 1));
  return list;
}

/** The sentence beside a trouble; says for how long a host is away. */
export function troubleText(trouble: Trouble, host: Host, now: number): string {
  const seen = time(host.status?.lastSeenTime);
  return trouble.reason === 'Offline' && seen !== undefined ? `Offline, last seen ${relative(seen, now)}. ${trouble.message}` : trouble.message;
}

export interface StateWord { tone: Tone; label: string }

/** The state cell: what the host is doing, else whether it is there. */
export function hostState(row: Pick<HostRow, 'phase' | 'running'>): StateWord {
  if (row.running?.status?.phase === 'Running') return { tone: 'run', label: jobDoing(row.running) };
  return phaseWord(row.phase);
}

export function phaseWord(phase: HostPhase): StateWord {
  switch (phase) {
    case 'Online': return { tone: 'ok', label: 'Online' };
    case 'Offline': return { tone: 'warn', label: 'Offline' };
    case 'Asleep': return { tone: 'hollow', label: 'Asleep' };
    case 'Suspended': return { tone: 'idle', label: 'Suspended' };
    case 'Pending': return { tone: 'hollow', label: 'Not connected yet' };
  }
}

/** Why work cannot be asked of this host now (the server would refuse it: host_offline), or ''. */
export function refusalToRun(host: Host): string {
  const phase = phaseOf(host);
  switch (phase) {
    case 'Online': return '';
    case 'Suspended': return 'The host is suspended: no job is offered to it.';
    case 'Pending': return 'No agent has connected as this host yet.';
    case 'Asleep': return 'The host is asleep; it catches up when it returns.';
    case 'Offline': return 'The host is offline; its own schedules go on there.';
  }
}
