/** Objects as people write them, with what a test does not care about filled in. */
import { createHash } from 'node:crypto';
import { newObject, SECRET_USE_LABEL, type EnrollmentRequest, type Host, type Repository, type ResticJob, type Schedule, type Secret, type SecretUse, type SourceGroup } from '#crds/kinds.js';
import type { ObjectMeta } from '#crds/meta.js';

type Meta = Partial<ObjectMeta>;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

export const aHost = (name: string, spec: Host['spec'] = {}, meta: Meta = {}): Host => newObject('Host', { name, ...meta }, { spec });

export const aRepository = (name: string, spec: Partial<Repository['spec']> = {}, meta: Meta = {}): Repository =>
  newObject('Repository', { name, ...meta }, { spec: { url: `rest:https://backup.example/${name}/`, credentialsSecretRef: { name: `repo-${name}` }, ...spec } });

export const aRepositorySecret = (name: string, data: Record<string, string> = {}, meta: Meta = {}): Secret =>
  newObject('Secret', { name, labels: { [SECRET_USE_LABEL]: 'repository' }, ...meta }, { type: 'Opaque', data: Object.fromEntries(Object.entries({ password: 'correct horse', ...data }).map(([key, value]) => [key, base64(value)])) });

export const aSecret = (name: string, use: SecretUse, data: Record<string, string>): Secret =>
  newObject('Secret', { name, labels: { [SECRET_USE_LABEL]: use } }, { type: 'Opaque', data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])) });

export const aGroup = (name: string, spec: Partial<SourceGroup['spec']>, meta: Meta = {}): SourceGroup => newObject('SourceGroup', { name, ...meta }, { spec: { includes: ['/srv'], ...spec } });

export const aSchedule = (name: string, groups: string[], spec: Partial<Schedule['spec']> = {}, meta: Meta = {}): Schedule =>
  newObject('Schedule', { name, ...meta }, { spec: { schedule: '0 2 * * *', sourceGroupRefs: groups.map((group) => ({ name: group })), ...spec } });

export const aBackup = (name: string, host: string, group: string, spec: Partial<ResticJob['spec']> = {}, meta: Meta = {}): ResticJob =>
  newObject('ResticJob', { name, ...meta }, { spec: { hostRef: { name: host }, type: 'Backup', sourceGroupRef: { name: group }, ...spec } });

export const anInit = (name: string, host: string, repository: string, spec: Partial<ResticJob['spec']> = {}): ResticJob =>
  newObject('ResticJob', { name }, { spec: { hostRef: { name: host }, type: 'Init', repositoryRef: { name: repository }, ...spec } });

/** A job of any other type; on its host's repository unless the spec says so. */
export const aJob = (name: string, type: ResticJob['spec']['type'], host: string, spec: Partial<ResticJob['spec']> = {}, meta: Meta = {}): ResticJob =>
  newObject('ResticJob', { name, ...meta }, { spec: { hostRef: { name: host }, type, ...(type === 'Restore' ? { restore: { snapshot: 'cafecafe' } } : type === 'Diff' ? { diff: { a: 'cafecafe', b: 'beefbeef' } } : {}), ...spec } });

/** A public key of the right shape, the same for the same seed. */
export const publicKeyOf = (seed: string): string => createHash('sha256').update(seed).digest('base64');

export const anAnnouncement = (name: string, spec: Partial<EnrollmentRequest['spec']> = {}): EnrollmentRequest =>
  newObject('EnrollmentRequest', { name }, { spec: { hostname: name, os: 'linux', arch: 'amd64', publicKey: publicKeyOf(name), ...spec } });
