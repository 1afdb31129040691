/** The account that may delete: on the server, delivered for one job at a time, or only in a file of the runner. */
import type { Host, Repository } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import type { AdminCredentials, AdminCredentialsInput } from '#crds/operator/operator.gen.js';
import type { Cache } from '#controller/runtime/types.js';
import { requireRepository, requireRunner } from './hostRepository.js';
import { uniqueName } from './names.js';
import { randomHex, type Objects } from './objects.js';
import { invalid } from './problem.js';
import { route, type RouteTable } from './route.js';
import { redacted, secretOf, typed, writeSecret } from './secrets.js';
import * as shapes from './shapes.js';

export const adminCredentials: RouteTable = {
  'GET /api/hosts/:host/admin-credentials': route({ may: 'get admincredentials', reply: shapes.AdminCredentials }, ({ host, objects: { cache } }) => shown(requireRepository(host, cache), cache)),
  'PUT /api/hosts/:host/admin-credentials': route({ may: 'update admincredentials', body: shapes.AdminCredentialsInput, reply: shapes.AdminCredentials }, async ({ host, body, objects, principal, services: { log, turns } }) => {
    const { name } = requireRepository(host, objects.cache).metadata;
    await turns.take(`credentials ${name}`, async () => { await (body.location === 'runner' ? toRunner(host, body, objects) : toServer(host, body, objects)); });
    log.info({ repository: name, location: body.location ?? 'server', by: principal.name }, 'admin credentials changed');
    return shown(requireRepository(host, objects.cache), objects.cache);
  }),
  'DELETE /api/hosts/:host/admin-credentials': route({ may: 'delete admincredentials', status: 204 }, async ({ host, objects, principal, services: { log, turns } }) => {
    const { name } = requireRepository(host, objects.cache).metadata;
    await turns.take(`credentials ${name}`, () => dropSecret(requireRepository(host, objects.cache), objects, ({ runner }) => (runner ? { runner: { hostRef: runner.hostRef } } : {})));
    log.info({ repository: name, by: principal.name }, 'admin credentials removed');
  }),
};

function shown({ metadata, spec }: Stored<Repository>, cache: Cache): AdminCredentials {
  if (spec.runner?.adminCredentials === 'OnRunner') return { configured: true, location: 'runner', username: null, has_password: false, variables: [] };
  const view = redacted(secretOf(metadata.namespace, spec.adminCredentialsSecretRef?.name, cache));
  return { configured: view.has_password, location: spec.adminCredentialsSecretRef ? 'server' : 'none', ...view };
}

async function toServer(host: Stored<Host>, body: AdminCredentialsInput, objects: Objects): Promise<void> {
  const repository = requireRepository(host, objects.cache);
  const { adminCredentialsSecretRef: ref, runner } = repository.spec;
  const { namespace, name } = repository.metadata;
  const [username, password] = [typed(body.repo_username), typed(body.repo_password)];
  const stored = secretOf(namespace, ref?.name, objects.cache);
  const moves = runner?.adminCredentials === 'OnRunner';
  if (username === undefined && password === undefined && !(moves && stored)) throw invalid('repo_password', 'and repo_username are blank: nothing was changed');
  if (password === undefined && !redacted(stored).has_password) throw invalid('repo_password', 'is required: none is stored');
  const secretName = ref?.name ?? (await objects.find('Secret', `${name}-admin`) ? uniqueName(`${name}-admin`, randomHex(6)) : uniqueName(name, 'admin'));
  await writeSecret(secretName, 'repository-admin', { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) }, namespace, objects);
  await objects.edit('Repository', keyOf(repository), (current) => ({
    ...current, spec: { ...current.spec, adminCredentialsSecretRef: { name: secretName }, ...(current.spec.runner ? { runner: { ...current.spec.runner, adminCredentials: 'FromServer' as const } } : {}) },
  }));
}

/** What lies on the runner never comes here, and what was here goes. */
async function toRunner(host: Stored<Host>, body: AdminCredentialsInput, objects: Objects): Promise<void> {
  const repository = requireRepository(host, objects.cache);
  const { name } = repository.metadata;
  for (const field of ['repo_username', 'repo_password'] as const) if (typed(body[field]) !== undefined) throw invalid(field, `must not be sent: with location runner it stays in admin-credentials/${name}.env beside agent.yaml on that host`);
  const runner = requireRunner(repository, objects.cache);
  await dropSecret(repository, objects, () => ({ runner: { hostRef: { name: runner.metadata.name }, adminCredentials: 'OnRunner' as const } }));
}

/** The reference goes first: a crash in between leaves a Secret that nothing uses. One that others use stays. */
async function dropSecret(repository: Stored<Repository>, objects: Objects, more: (spec: Repository['spec']) => Pick<Repository['spec'], 'runner'>): Promise<void> {
  const secretName = repository.spec.adminCredentialsSecretRef?.name;
  await objects.edit('Repository', keyOf(repository), (current) => {
    const { adminCredentialsSecretRef: _dropped, runner: _runner, ...spec } = current.spec;
    return { ...current, spec: { ...spec, ...more(current.spec) } };
  });
  const secret = secretOf(repository.metadata.namespace, secretName, objects.cache);
  const isUsed = objects.cache.list('Repository').some(({ spec }) => spec.adminCredentialsSecretRef?.name === secretName || spec.credentialsSecretRef.name === secretName);
  if (secret && !isUsed) await objects.remove('Secret', secret);
}
