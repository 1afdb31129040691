/**
 * How a machine becomes a Host, by either way of enrolling: Secret, Repository and Host of one name, and the group "default"
 * from its first paths (S2). All in the name of whoever approved it. Everything is tried dry first; what was made before a
 * later step failed is taken back, and a crash in between leaves only what the next attempt finds and uses.
 */
import { labels, newObject, SECRET_USE_LABEL, type Host, type Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { addressOf } from '#controller/runtime/storageAddress.js';
import { childName, hostNameOf, uniqueName } from './names.js';
import { ownedBy, randomHex, type Objects } from './objects.js';
import { inBodyTerms, invalid, Problem } from './problem.js';

export interface Adoption {
  hostname: string;
  tags: readonly string[];
  fingerprint?: string;
  repository?: RepositoryInput;
  initialPaths: readonly string[];
}

export interface RepositoryInput { url: string; username?: string; password?: string }

/** The repository members of a body; blank ones count as absent. Setting them needs the right to bind. @throws Problem 403, 422 naming the field */
export function repositoryInput(body: { repo_url?: string; repo_username?: string; repo_password?: string }, objects: Objects): RepositoryInput | undefined {
  const fields = (['repo_url', 'repo_username', 'repo_password'] as const).filter((field) => (body[field] ?? '') !== '');
  for (const field of fields) objects.require('bind', 'Repository', field);
  const [url, username, password] = [body.repo_url?.trim() ?? '', body.repo_username ?? '', body.repo_password ?? ''];
  if (url === '' && fields[0] !== undefined) throw invalid(fields[0], 'needs repo_url beside it');
  return url === '' ? undefined : { url, ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

/** @throws Problem 422 when nothing of the hostname can be a name */
export function nameFor(hostname: string): string {
  const name = hostNameOf(hostname);
  if (name === '') throw invalid('hostname', `${JSON.stringify(hostname)} has no letter or digit to make a name of`);
  return name;
}

/** @throws Problem 409 hostname_collision */
export async function refuseTaken(name: string, objects: Objects): Promise<void> {
  if (await objects.find('Host', name)) throw new Problem(409, 'hostname_collision', `a host named ${name} is there already`, { details: [{ field: 'hostname', message: 'is taken' }] });
}

/** Would it work? Stores nothing. @throws Problem, StoreError */
export async function checkAdoption(adoption: Adoption, objects: Objects): Promise<void> {
  await inBodyTerms(FIELDS, () => tryDry(adoption, objects));
}

/** Where the fields of bodies end up. */
const FIELDS = { 'spec.url': 'repo_url', 'data': 'repo_password', 'stringData': 'repo_password', 'spec.includes': 'initial_paths', 'metadata.labels': 'tags' };

async function tryDry(adoption: Adoption, objects: Objects): Promise<void> {
  const plan = await planAdoption(adoption, objects);
  if (plan.secret) await objects.create('Secret', plan.secret, { dryRun: true });
  if (plan.repository) await objects.create('Repository', plan.repository, { dryRun: true });
  await objects.create('Host', plan.host, { dryRun: true });
  if (plan.group) await objects.create('SourceGroup', plan.group, { dryRun: true });
}

/** @throws Problem, StoreError: nothing is left of it then */
export async function adopt(adoption: Adoption, objects: Objects): Promise<Stored<Host>> {
  await checkAdoption(adoption, objects);
  const plan = await planAdoption(adoption, objects);
  const undo: (() => Promise<void>)[] = [];
  try {
    if (plan.secret) {
      const secret = await objects.create('Secret', plan.secret);
      undo.push(() => objects.undo('Secret', secret));
    }
    const repository = plan.repository && await objects.create('Repository', plan.repository);
    if (repository) undo.push(() => objects.undo('Repository', repository));
    const host = await objects.create('Host', plan.host);
    undo.push(() => objects.undo('Host', host));
    // The Secret stays without an owner: it may hold the only key to the data.
    if (repository) await objects.patchMeta('Repository', repository.metadata, { ownerReferences: [ownedBy(host)] });
    else if (plan.shared) await share(plan.shared, host, objects);
    if (plan.group) await objects.create('SourceGroup', { ...plan.group, metadata: { ...plan.group.metadata, ownerReferences: [ownedBy(host)] } });
    return host;
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw error;
  }
}

/** A repository made for one host and used by another goes when the last of them goes. One that nobody owns stays so. */
async function share({ metadata }: Stored<Repository>, host: Stored<Host>, objects: Objects): Promise<void> {
  const owners = metadata.ownerReferences ?? [];
  if (owners.some((owner) => owner.kind === 'Host')) await objects.patchMeta('Repository', metadata, { ownerReferences: [...owners, ownedBy(host)] });
}

async function planAdoption({ hostname, tags, fingerprint, repository, initialPaths }: Adoption, objects: Objects) {
  const name = nameFor(hostname);
  await refuseTaken(name, objects);
  if (fingerprint !== undefined && objects.cache.byIndex('Host', 'fingerprint', fingerprint).length > 0) throw new Problem(409, 'fingerprint_taken', 'another host has this key already');
  const existing = repository && objects.cache.byIndex('Repository', 'storage', addressOf(repository.url))[0];
  const made = repository && !existing ? await planRepository(name, repository, objects) : undefined;
  const host = newObject('Host', { name, labels: Object.fromEntries(tags.map((tag) => [tag, ''])) }, {
    spec: {
      ...(hostname === name ? {} : { displayName: hostname }),
      ...(existing && existing.metadata.name !== name ? { repositoryRef: { name: existing.metadata.name } } : {}),
      ...(made && made.repository.metadata.name !== name ? { repositoryRef: { name: made.repository.metadata.name } } : {}),
      ...(fingerprint === undefined ? {} : { enrollment: { fingerprint } }),
    },
  });
  const group = initialPaths.length === 0 ? undefined : newObject('SourceGroup', { name: childName(name, 'default'), labels: { [labels.host]: name } }, { spec: { hostRef: { name }, tag: 'default', includes: [...new Set(initialPaths)] } });
  return { ...made, host, ...(group ? { group } : {}), ...(existing ? { shared: existing } : {}) };
}

/** A name that is taken by something else gets a few digits more: nothing that is there is overwritten. */
async function planRepository(name: string, { url, username, password }: RepositoryInput, objects: Objects) {
  if (password === undefined) throw invalid('repo_password', 'is required for a repository that is not known yet');
  const free = async (kind: 'Secret' | 'Repository'): Promise<string> => (await objects.find(kind, name) ? uniqueName(name, randomHex(6)) : name);
  const secretName = await free('Secret');
  // rest-server's private repositories are found by user name, which is the host's unless said otherwise (E3).
  const user = username ?? (url.startsWith('rest:') ? name : undefined);
  const secret = newObject('Secret', { name: secretName, labels: { [SECRET_USE_LABEL]: 'repository' } }, { type: 'Opaque', stringData: { password, ...(user === undefined ? {} : { username: user }) } });
  const repository = newObject('Repository', { name: await free('Repository') }, { spec: { url, credentialsSecretRef: { name: secretName } } });
  return { secret, repository };
}
