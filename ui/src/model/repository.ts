/** A repository's phase in words. */
import type { Repository } from '#crds/kinds.js';
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
