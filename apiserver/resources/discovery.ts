/** What kubectl asks first: versions, groups and resources, in the legacy form and as apidiscovery.k8s.io/v2. */
import { version } from '#crds/version.js';
import { groupVersion, served } from './served.js';
import type { Served } from './served.js';

/** The dialect spoken; kubectl warns when it is far from its own. */
const DIALECT = { major: '1', minor: '34' };
/** In the order of the API server: its core kinds and its custom resources differ in it. */
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const CRD_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

interface Entry {
  name: string;
  singularName: string;
  namespaced: boolean;
  kind: string;
  /** When it is not that of the path. */
  group?: string;
  version?: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
}

interface Group { group: string; version: string; entries: Entry[] }

const entriesOf = (each: Served): Entry[] => [
  {
    name: each.plural, singularName: each.singular, namespaced: true, kind: each.kind, verbs: each.crd ? CRD_VERBS : VERBS,
    ...(each.shortNames.length === 0 ? {} : { shortNames: each.shortNames }), ...(each.categories.length === 0 ? {} : { categories: each.categories }),
  },
  ...(each.status ? [{ name: `${each.plural}/status`, singularName: '', namespaced: true, kind: each.kind, verbs: ['get', 'patch', 'update'] }] : []),
];

const review = (name: string, kind: string): Entry => ({ name, singularName: kind.toLowerCase(), namespaced: false, kind, verbs: ['create'] });

function makeGroups(): Group[] {
  const groups: Group[] = [
    { group: '', version: 'v1', entries: [{ name: 'namespaces', singularName: 'namespace', namespaced: false, kind: 'Namespace', verbs: ['get', 'list', 'watch'], shortNames: ['ns'] }] },
    { group: 'authentication.k8s.io', version: 'v1', entries: [review('selfsubjectreviews', 'SelfSubjectReview')] },
    { group: 'authorization.k8s.io', version: 'v1', entries: [review('selfsubjectaccessreviews', 'SelfSubjectAccessReview'), review('selfsubjectrulesreviews', 'SelfSubjectRulesReview')] },
  ];
  for (const each of served) {
    let group = groups.find((known) => known.group === each.group && known.version === each.version);
    if (!group) groups.push((group = { group: each.group, version: each.version, entries: [] }));
    group.entries.push(...entriesOf(each));
  }
  return groups;
}

export const groups: readonly Group[] = makeGroups();
const named = groups.filter(({ group }) => group !== '');

export const versionInfo = (): object => ({
  ...DIALECT, gitVersion: `v${DIALECT.major}.${DIALECT.minor}.0+restic-manager.${version}`, gitCommit: '', gitTreeState: 'clean', buildDate: '1970-01-01T00:00:00Z',
  goVersion: '', compiler: '', platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
});

export const coreVersions = (): object => ({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] });

function apiGroup({ group, version: name }: Group): object {
  const entry = { groupVersion: groupVersion({ group, version: name }), version: name };
  return { name: group, versions: [entry], preferredVersion: entry };
}

export const groupList = (): object => ({ kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(apiGroup) });

export function groupOf(name: string): object | undefined {
  const group = named.find((each) => each.group === name);
  return group && { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group) };
}

export function resourceList(group: string, name: string): object | undefined {
  const found = groups.find((each) => each.group === group && each.version === name);
  return found && { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: groupVersion(found), resources: found.entries };
}

/** @param version v2 or v2beta1: the same shape */
export function aggregated(which: 'core' | 'named', version: string): object {
  return {
    kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {},
    items: (which === 'core' ? groups.filter(({ group }) => group === '') : named).map(({ group, version: name, entries }) => ({
      metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
      versions: [{ version: name, freshness: 'Current', resources: entries.filter((entry) => !entry.name.includes('/')).map((entry) => aggregatedResource(entry, entries, group, name)) }],
    })),
  };
}

function aggregatedResource(entry: Entry, all: readonly Entry[], group: string, version: string): object {
  const responseKind = { group, version, kind: entry.kind };
  const below = all.filter((each) => each.name.startsWith(`${entry.name}/`));
  return {
    resource: entry.name, responseKind, scope: entry.namespaced ? 'Namespaced' : 'Cluster', singularResource: entry.singularName, verbs: entry.verbs,
    ...(entry.shortNames ? { shortNames: entry.shortNames } : {}), ...(entry.categories ? { categories: entry.categories } : {}),
    ...(below.length === 0 ? {} : { subresources: below.map((each) => ({ subresource: each.name.slice(entry.name.length + 1), responseKind, verbs: each.verbs })) }),
  };
}
