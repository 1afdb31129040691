/**
 * Scripts around backups, resolved for the plan: a group's own block, else its host's. A script that cannot be read is in the
 * plan as the problem it is, so that the backup which needs it fails by name (E14) and all others go on.
 */
import type { ReadyReason } from '#crds/conditions.js';
import { SECRET_USE_LABEL, type Host, type SourceGroup } from '#crds/kinds.js';
import type { PlanHook, PlanHooks } from '#crds/wire/agentProtocol.gen.js';
import { textOf, type CredentialsInput } from './credentials.js';

type Hooks = NonNullable<Host['spec']['hooks']>;
type HookRef = NonNullable<Hooks['pre']>['secretKeyRef'];
type HookReason = Extract<ReadyReason, `HookSecret${string}`>;
type Script = { ok: true; body: string } | { ok: false; reason: HookReason; message: string };

const TIMEOUT_SECONDS = 600;
/** Characters the wire takes. */
const MAX_BODY = 65_536;

/** Reads one script. Messages name Secret and key, never a line of it. */
function readScript(phase: 'pre' | 'post', { name, key }: HookRef, { cache, namespace }: CredentialsInput): Script {
  const at = `Secret ${namespace}/${name}`;
  const named = `(spec.hooks.${phase}.secretKeyRef)`;
  const secret = cache.get('Secret', { namespace, name });
  if (!secret) return { ok: false, reason: 'HookSecretNotFound', message: `${at} ${named} does not exist` };
  if (secret.metadata.labels?.[SECRET_USE_LABEL] !== 'hook') return { ok: false, reason: 'HookSecretNotLabelled', message: `${at} ${named} lacks the label ${SECRET_USE_LABEL}=hook` };
  const encoded = secret.data?.[key];
  if (encoded === undefined) return { ok: false, reason: 'HookSecretNotFound', message: `${at} ${named} has no key ${key}` };
  const body = textOf(encoded);
  const why = body === undefined ? 'is not UTF-8 text' : body.trim() === '' ? 'is empty' : body.length > MAX_BODY ? `is longer than ${MAX_BODY} characters` : undefined;
  return body === undefined || why !== undefined ? { ok: false, reason: 'HookSecretNotFound', message: `key ${key} of ${at} ${named} ${why ?? ''}` } : { ok: true, body };
}

/** What is wrong with the scripts of a host or group, the first of them. */
export function hookProblem(hooks: Hooks | undefined, input: CredentialsInput): { reason: HookReason; message: string } | undefined {
  for (const phase of ['pre', 'post'] as const) {
    const ref = hooks?.[phase]?.secretKeyRef;
    const script = ref && readScript(phase, ref, input);
    if (script && !script.ok) return { reason: script.reason, message: script.message };
  }
  return undefined;
}

/** The scripts of one group on one host, or undefined when there are none. */
export function planHooks(group: Pick<SourceGroup, 'spec'>, host: Pick<Host, 'spec'>, input: CredentialsInput): PlanHooks | undefined {
  const hooks = group.spec.hooks ?? host.spec.hooks;
  if (!hooks?.pre && !hooks?.post) return undefined;
  const planned = (phase: 'pre' | 'post'): PlanHook | undefined => {
    const ref = hooks[phase]?.secretKeyRef;
    if (!ref) return undefined;
    const script = readScript(phase, ref, input);
    return script.ok ? { body: script.body } : { problem: script.message.slice(0, 1024) };
  };
  const [pre, post] = [planned('pre'), planned('post')];
  return { ...(pre ? { pre } : {}), ...(post ? { post } : {}), timeoutSeconds: hooks.timeoutSeconds ?? TIMEOUT_SECONDS };
}
