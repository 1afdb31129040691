/**
 * The scripts around backups of a group, or of all groups of a host: kept in a Secret of that object, shown to admins, told in
 * the server's log by hash (E14). They run as root, so writing and reading them are admin rights.
 */
import { createHash } from 'node:crypto';
import { API_VERSION, newObject, SECRET_USE_LABEL, type Host, type Secret, type SourceGroup } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import type { HookScripts, HookScriptsInput } from '#crds/operator/operator.gen.js';
import { textOf } from '#controller/plan/credentials.js';
import { hookProblem } from '#controller/plan/hooks.js';
import type { Cache } from '#controller/runtime/types.js';
import { uniqueName } from './names.js';
import { randomHex, withSpec, type Objects } from './objects.js';
import { inBodyTerms, invalid, Problem } from './problem.js';
import { route, type Call, type RouteTable } from './route.js';
import { secretOf } from './secrets.js';
import * as shapes from './shapes.js';

type Owner = Stored<Host> | Stored<SourceGroup>;
type Hooks = NonNullable<Host['spec']['hooks']>;
const phases = ['pre', 'post'] as const;
const terms = { 'spec.hooks': 'hooks', 'stringData': 'pre' };

export const hooks: RouteTable = {
  'GET /api/hosts/:host/hooks': route({ may: 'get hooks', reply: shapes.HookScripts }, ({ host, ...call }) => read(host, call)),
  'PUT /api/hosts/:host/hooks': route({ may: 'sethooks hosts', body: shapes.HookScriptsInput, reply: shapes.HookScripts }, (call) => write('Host', call.host, call)),
  'GET /api/hosts/:host/source-groups/:group/hooks': route({ may: 'get hooks', reply: shapes.HookScripts }, ({ group, ...call }) => read(group, call)),
  'PUT /api/hosts/:host/source-groups/:group/hooks': route({ may: 'sethooks sourcegroups', body: shapes.HookScriptsInput, reply: shapes.HookScripts }, (call) => {
    if (call.group.spec.hostRef === undefined) throw new Problem(409, 'shared', `source group ${call.group.metadata.name} is for every host its hostSelector matches: change it where it is declared`);
    return write('SourceGroup', call.group, call);
  }),
};

function read(owner: Owner, { objects: { cache }, principal, services: { log } }: Pick<Call<unknown>, 'objects' | 'principal' | 'services'>): HookScripts {
  log.info({ kind: owner.kind, name: owner.metadata.name, by: principal.name }, 'hooks read');
  return shown(owner, cache);
}

function shown({ metadata: { namespace }, spec }: Owner, cache: Cache): HookScripts {
  const body = (phase: 'pre' | 'post'): string | null => {
    const ref = spec.hooks?.[phase]?.secretKeyRef;
    const encoded = secretOf(namespace, ref?.name, cache)?.data?.[ref?.key ?? ''];
    return encoded === undefined ? null : textOf(encoded) ?? null;
  };
  const names = [...new Set(phases.flatMap((phase) => spec.hooks?.[phase]?.secretKeyRef.name ?? []))];
  return { pre: body('pre'), post: body('post'), timeout_seconds: spec.hooks?.timeoutSeconds ?? null, secret: names.length > 0 ? names.join(', ') : null, problem: hookProblem(spec.hooks, { cache, namespace })?.message ?? null };
}

/** The Secret is written before what names it, and goes after: a crash in between leaves one that nothing uses. */
async function write(kind: 'Host' | 'SourceGroup', owner: Owner, { body, objects, principal, services: { log, turns } }: Call<HookScriptsInput>): Promise<HookScripts> {
  for (const phase of phases) if (typeof body[phase] === 'string' && (body[phase].includes('\0') || (body[phase] !== '' && body[phase].trim() === ''))) throw invalid(phase, 'is no script: it is blank or has a NUL character');
  return turns.take(`hooks ${owner.metadata.uid}`, async () => {
    const { namespace } = owner.metadata;
    const own = ownSecret(owner, objects.cache);
    const scripts = Object.fromEntries(phases.flatMap((phase) => (body[phase] ? [[phase, body[phase]]] : [])));
    const name = own?.metadata.name ?? uniqueName(`${owner.metadata.name}-hooks`, randomHex(6));
    const next = specOf(owner.spec.hooks, body, name);
    await inBodyTerms(terms, async () => {
      // Tried before a Secret is made for it: what Git declares is refused here.
      await put(kind, owner, next, objects, true);
      if (Object.keys(scripts).length > 0) await writeScripts(own, name, scripts, owner, objects);
      await put(kind, owner, next, objects, false);
    });
    const left = secretOf(namespace, own?.metadata.name, objects.cache);
    if (left && !phases.some((phase) => next?.[phase]?.secretKeyRef.name === left.metadata.name)) await objects.remove('Secret', left);
    log.info({ kind, name: owner.metadata.name, by: principal.name, ...Object.fromEntries(phases.flatMap((phase) => (body[phase] === undefined ? [] : [[phase, body[phase] ? `sha256:${createHash('sha256').update(body[phase]).digest('hex')}` : 'removed']]))) }, 'hooks changed');
    return shown(objects.cache.getByUid(kind, owner.metadata.uid) ?? owner, objects.cache);
  });
}

/** The one made here for this object: what others may share is never written into. */
function ownSecret({ metadata, spec }: Owner, cache: Cache): Stored<Secret> | undefined {
  return phases.map((phase) => secretOf(metadata.namespace, spec.hooks?.[phase]?.secretKeyRef.name, cache)).find((secret) => secret?.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid));
}

function specOf(stored: Hooks | undefined, body: HookScriptsInput, secret: string): Hooks | undefined {
  const next: Hooks = { ...stored };
  for (const phase of phases) {
    if (body[phase]) next[phase] = { secretKeyRef: { name: secret, key: phase } };
    else if (body[phase] !== undefined) Reflect.deleteProperty(next, phase);
  }
  if (body.timeout_seconds) next.timeoutSeconds = body.timeout_seconds;
  else if (body.timeout_seconds === null) Reflect.deleteProperty(next, 'timeoutSeconds');
  return next.pre || next.post ? next : undefined;
}

async function put(kind: 'Host' | 'SourceGroup', owner: Owner, next: Hooks | undefined, objects: Objects, dryRun: boolean): Promise<void> {
  await objects.edit(kind, keyOf(owner), (current) => {
    const { hooks: _before, ...spec } = current.spec;
    return withSpec(current as Stored<Host>, { ...spec, ...(next ? { hooks: next } : {}) }) as never;
  }, { dryRun });
}

async function writeScripts(own: Stored<Secret> | undefined, name: string, scripts: Record<string, string>, owner: Owner, objects: Objects): Promise<void> {
  if (own) {
    await objects.edit('Secret', keyOf(own), (secret) => ({ ...secret, data: { ...secret.data, ...Object.fromEntries(Object.entries(scripts).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')])) } }));
    return;
  }
  const { name: ownerName, uid } = owner.metadata;
  await objects.create('Secret', newObject('Secret', { name, labels: { [SECRET_USE_LABEL]: 'hook' }, ownerReferences: [{ apiVersion: API_VERSION, kind: owner.kind, name: ownerName, uid }] }, { type: 'Opaque', stringData: scripts }));
}
