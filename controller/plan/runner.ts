/** The runner of a repository: the host that initialises and looks after it. Default its only host; must be named once two share it. */
import type { Host, Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { repositoryOf } from '../runtime/indexes.js';
import type { Cache } from '../runtime/types.js';

export type Runner = { ok: true; host: Stored<Host> } | { ok: false; reason: 'NoHost' | 'HostNotFound' | 'RunnerRequired'; message: string };

export function resolveRunner(repository: Stored<Repository>, { cache, namespace }: { cache: Cache; namespace: string }): Runner {
  const named = repository.spec.runner?.hostRef.name;
  if (named !== undefined) {
    const host = cache.get('Host', { namespace, name: named });
    if (!host) return { ok: false, reason: 'HostNotFound', message: `runner: Host ${namespace}/${named} (spec.runner.hostRef) does not exist` };
    // A host's plan holds the credentials of one repository only.
    if (repositoryOf(host) !== repository.metadata.name) return { ok: false, reason: 'RunnerRequired', message: `runner: Host ${named} (spec.runner.hostRef) uses repository ${repositoryOf(host)}, not this one` };
    return { ok: true, host };
  }
  const hosts = cache.byIndex('Host', 'repository', repository.metadata.name);
  const [only] = hosts;
  if (!only) return { ok: false, reason: 'NoHost', message: 'no host uses this repository yet' };
  if (hosts.length > 1) return { ok: false, reason: 'RunnerRequired', message: `${hosts.length} hosts share this repository: name the one that looks after it in spec.runner.hostRef` };
  return { ok: true, host: only };
}
