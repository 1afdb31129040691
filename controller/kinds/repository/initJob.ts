/**
 * The Init job of a repository. Its name is made of what it is for, so that making it twice is a harmless conflict:
 * `<repository>-init-<8 hex of hash(credentialsHash, request)>`. Type Init means open, and create only while the id was never known.
 */
import { createHash } from 'node:crypto';
import { API_VERSION, labels, newObject, type Host, type Repository, type ResticJob } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';

/** On an Init job: which credentials and request it opens with. */
export const OPEN_LABEL = 'restic-manager.io/open';
/** On a Repository: any new value asks for another open. */
export const PROBE_ANNOTATION = 'restic-manager.io/probe';
export const WEEK_SECONDS = 7 * 86_400;

/** First hex digits of the SHA-256 over JSON.stringify of the parts. */
export function hashOf(digits: number, ...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, digits);
}

/** A job's name: the repository's, cut to what a name has room for, and a suffix that begins with '-'. */
export function jobNameOf(repository: string, suffix: string): string {
  const room = 63 - suffix.length;
  return `${repository.length <= room ? repository : repository.slice(0, room).replace(/-+$/, '')}${suffix}`;
}

export function requestOf(repository: Pick<Repository, 'metadata'>): string {
  return repository.metadata.annotations?.[PROBE_ANNOTATION] ?? '';
}

/** What the present credentials and request are opened under: the value of OPEN_LABEL. */
export function openKey(credentialsHash: string, request: string): string {
  return hashOf(8, credentialsHash, request);
}

/** @param again what tells a further open with the same credentials and request from those before */
export function initJobName(repository: string, credentialsHash: string, request: string, again: readonly string[] = []): string {
  return jobNameOf(repository, `-init-${hashOf(8, credentialsHash, request, ...again)}`);
}

export function newInitJob(name: string, key: string, repository: Stored<Repository>, host: Stored<Host>): ResticJob {
  return newObject('ResticJob', {
    name,
    namespace: repository.metadata.namespace,
    labels: { [labels.host]: host.metadata.name, [labels.origin]: 'System', [OPEN_LABEL]: key },
    ownerReferences: [{ apiVersion: API_VERSION, kind: 'Host', name: host.metadata.name, uid: host.metadata.uid }],
  }, {
    spec: {
      hostRef: { name: host.metadata.name },
      repositoryRef: { name: repository.metadata.name },
      type: 'Init',
      startedBy: 'Server',
      ttlSecondsAfterFinished: WEEK_SECONDS,
      origin: { type: 'System', name: repository.metadata.name },
    },
  });
}
