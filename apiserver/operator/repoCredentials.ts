/** Where a host backs up to and with what: shown without secrets, changed without repeating them (R7, E18, H5). */
import { newObject, type Host, type Repository } from '#crds/kinds.js';
import { keyOf, type Stored } from '#crds/meta.js';
import type { RepoCredentials } from '#crds/operator/operator.gen.js';
import { repositoryOf } from '#controller/runtime/indexes.js';
import type { Cache } from '#controller/runtime/types.js';
import { repositoryFor } from './hostRepository.js';
import { uniqueName } from './names.js';
import { ownedBy, randomHex, type Objects } from './objects.js';
import { inBodyTerms, invalid } from './problem.js';
import { route, type RouteTable } from './route.js';
import { redacted, secretOf, typed, writeSecret } from './secrets.js';
import * as shapes from './shapes.js';

const terms = { 'spec.url': 'repo_url' };

export const repoCredentials: RouteTable = {
  'GET /api/hosts/:host/repo-credentials': route({ may: 'get repositories', reply: shapes.RepoCredentials }, ({ host, objects: { cache } }) => shown(host, cache)),
  'PUT /api/hosts/:host/repo-credentials': route({ may: 'update repositories', body: shapes.RepoCredentialsInput, reply: shapes.RepoCredentials }, async ({ host, body, objects, principal, services: { log, turns } }) => {
    const asked = { url: typed(body.repo_url), username: typed(body.repo_username), password: typed(body.repo_password) };
    const given = (['repo_url', 'repo_username', 'repo_password'] as const).filter((field) => typed(body[field]) !== undefined);
    if (given.length === 0) throw invalid('repo_url', 'repo_username and repo_password are all blank: nothing was changed');
    for (const field of given) objects.require('bind', 'Repository', field);
    const repository = repositoryFor(host, objects.cache);
    await turns.take(`credentials ${repositoryOf(host)}`, () => inBodyTerms(terms, () => (repository ? change(repository, asked, objects) : make(host, asked, objects))));
    log.info({ host: host.metadata.name, repository: repositoryOf(host), changed: given, by: principal.name }, 'repository credentials changed');
    return shown(host, objects.cache);
  }),
};

interface Asked { url: string | undefined; username: string | undefined; password: string | undefined }

function shown(host: Stored<Host>, cache: Cache): RepoCredentials {
  const repository = repositoryFor(host, cache);
  const secret = secretOf(host.metadata.namespace, repository?.spec.credentialsSecretRef.name, cache);
  return {
    repository_id: repository?.metadata.uid ?? null, repository_name: repository?.metadata.name ?? null, url: repository?.spec.url ?? null, ...redacted(secret),
    hosts: repository ? cache.byIndex('Host', 'repository', repository.metadata.name).length : 0,
  };
}

/** The url is tried before anything is written: a bad one changes no password. */
async function change(repository: Stored<Repository>, { url, username, password }: Asked, objects: Objects): Promise<void> {
  const withUrl = (stored: Repository): Repository => ({ ...stored, spec: { ...stored.spec, ...(url === undefined ? {} : { url }) } });
  if (url !== undefined) await objects.edit('Repository', keyOf(repository), withUrl, { dryRun: true });
  const values = { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
  const { namespace } = repository.metadata;
  if (Object.keys(values).length > 0) await writeSecret(repository.spec.credentialsSecretRef.name, 'repository', values, namespace, objects);
  if (url !== undefined) await objects.edit('Repository', keyOf(repository), withUrl);
}

/** The first credentials of a host: Secret and Repository of the name it looks for. */
async function make(host: Stored<Host>, { url, username, password }: Asked, objects: Objects): Promise<void> {
  if (url === undefined) throw invalid('repo_url', 'is required: the host has no repository yet');
  if (password === undefined) throw invalid('repo_password', 'is required: the host has no repository yet');
  const name = repositoryOf(host);
  // rest-server's private repositories are found by user name, which is the host's unless said otherwise (E3).
  const user = username ?? (url.startsWith('rest:') ? host.metadata.name : undefined);
  const secretName = await objects.find('Secret', name) ? uniqueName(name, randomHex(6)) : name;
  const repository = newObject('Repository', { name, ownerReferences: [ownedBy(host)] }, { spec: { url, credentialsSecretRef: { name: secretName } } });
  await objects.create('Repository', repository, { dryRun: true });
  await writeSecret(secretName, 'repository', { password, ...(user === undefined ? {} : { username: user }) }, host.metadata.namespace, objects);
  await objects.create('Repository', repository);
}
