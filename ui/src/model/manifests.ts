/** The manifest directory in words. Pure. */
import type { ManifestsStatus } from '#crds/operator/operator.gen.js';
import { plural } from './format.js';
import type { Tone } from './tone.js';

export interface DeclaredObject {
  kind: string;
  name: string;
  /** Its page, where it has one. */
  to?: string;
}

export function manifestsState({ state, error_count, prune }: ManifestsStatus): { tone: Tone; label: string } {
  switch (state) {
    case 'off': return { tone: 'hollow', label: 'Off' };
    case 'pending': return { tone: 'info', label: 'Reading' };
    case 'failing': return { tone: 'bad', label: plural(error_count, 'error') };
    case 'synced': return prune.state === 'confirmation' ? { tone: 'warn', label: 'Waits for you' } : { tone: 'ok', label: 'Synced' };
  }
}

/** The one sentence for who does not look at the page of the directory; undefined: nothing needs anybody. */
export function manifestsTrouble(status: ManifestsStatus): { tone: 'bad' | 'warn'; text: string } | undefined {
  const { state, error_count, errors: [first], prune } = status;
  if (state === 'failing') return { tone: 'bad', text: `${plural(error_count, 'error')} in the manifests${first ? `: ${[first.file, first.message].filter(Boolean).join(': ')}` : ''}` };
  if (prune.state === 'confirmation') return { tone: 'warn', text: `The manifests of ${plural(prune.objects.length, 'object')} are gone. Their removal waits for a confirmation.` };
  return undefined;
}

/** `Host/default/web1` */
export function declaredObject(id: string): DeclaredObject {
  const [kind = '', , name = ''] = id.split('/');
  return { kind, name, ...(kind === 'Host' ? { to: `/hosts/${name}` } : {}) };
}

/** What makes an object that stays without its manifest go with it. */
export function allowRemoval(id: string): string {
  const { kind, name } = declaredObject(id);
  return `kubectl annotate ${kind === 'Secret' ? 'secret' : `${kind.toLowerCase()}.restic-manager.io`} ${name} restic-manager.io/prune=allowed`;
}
