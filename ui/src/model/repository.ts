/** A repository's phase in words. */
import { nobodyMayDelete } from '#crds/deletion.js';
import type { Repository, ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { StateWord } from './hostRow.js';

export function repositoryState(repository: Repository | undefined): StateWord {
  if (!repository) return { tone: 'idle', label: 'None' };
  switch (repository.status?.phase) {
    case 'Ready': return { tone: 'ok', label: 'Ready' };
    case 'Initializing': return { tone: 'run', label: 'Initializing' };
    case 'InitFailed': return { tone: 'bad', label: 'Not usable' };
    case 'Replaced': return { tone: 'bad', label: 'Replaced' };
    case 'Suspended': return { tone: 'idle', label: 'Suspended' };
    case 'Unknown': case undefined: return { tone: 'idle', label: 'Unknown' };
  }
}

/** Why nothing can be deleted (E16), as the server would say it; empty: it can be tried. */
export function deletionRefusal(repository: Repository): string {
  const ready = repository.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.reason.startsWith('AdminSecret')) return ready.message;
  return nobodyMayDelete(repository) ? 'The storage refuses deletion to the everyday credential, and no account that may delete is known: set adminCredentialsSecretRef of the Repository.' : '';
}

/** Whether the everyday credential can delete (E34), and what can. */
export function protectionText(repository: Repository): string {
  const { spec, status } = repository;
  const admin = spec.runner?.adminCredentials === 'OnRunner' ? 'by a credential on the runner alone' : spec.adminCredentialsSecretRef ? 'by an own credential, on the runner' : 'by nobody known here';
  switch (status?.deletionProtection) {
    case 'Enforced': return `refused to backups; ${admin}`;
    case 'NotEnforced': return 'the everyday credential can delete';
    case 'Unknown': case undefined: return spec.adminCredentialsSecretRef || spec.runner?.adminCredentials === 'OnRunner' ? `${admin}; not known of backups` : 'not known yet';
  }
}

type LastRun = NonNullable<NonNullable<Repository['status']>['lastCheck']>;

/** The newest run of each kind of maintenance that there was one of. */
export function lastRuns({ status }: Repository): { label: string; run: LastRun }[] {
  const all: [string, LastRun | undefined][] = [['Last forget', status?.lastForget], ['Last prune', status?.lastPrune], ['Last check', status?.lastCheck]];
  return all.flatMap(([label, run]) => (run ? [{ label, run }] : []));
}

/** What maintenance does next, and when. */
export function nextMaintenance({ status }: Repository): { what: string; at?: string } | undefined {
  const text = status?.nextMaintenance;
  const [, what, at] = /^(.+) (\d{4}-\S+)$/.exec(text ?? '') ?? [];
  if (what !== undefined && at !== undefined) return { what, at };
  return text === undefined ? undefined : { what: text };
}

const reasonWords: Record<string, string> = {
  RemovesTooMuch: 'more than the guard lets go at once',
  FutureSnapshots: 'some snapshots are dated in the future',
  UnknownSnapshots: 'some snapshots are known from no backup',
};

export interface HeldForget { job: Stored<ResticJob>; hash: string; sentence: string }

/** The newest forget of this repository, when the guard holds it: what an approval carries out. */
export function heldForget({ status }: Repository, jobs: Iterable<Stored<ResticJob>>): HeldForget | undefined {
  for (const job of jobs) {
    const plan = job.status?.forgetPlan;
    if (job.metadata.name !== status?.lastForget?.jobName || plan?.hash === undefined) continue;
    return { job, hash: plan.hash, sentence: `Retention would remove ${String(plan.remove)} of ${String(plan.of)} snapshots: ${(plan.reasons ?? []).map((reason) => reasonWords[reason] ?? reason).join('; ')}.` };
  }
  return undefined;
}
