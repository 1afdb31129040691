/** Path parameters: what each name stands for. An object of another host is not found, whoever asks. */
import type { Host, Schedule, SourceGroup } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { tagOf } from '#controller/plan/policies.js';
import type { Objects } from './objects.js';
import { notFound } from './problem.js';
import { coversHost, groupsOf } from './reach.js';

/** @throws Problem 404 */
export type Scope = (idOrName: string, found: Record<string, unknown>, objects: Objects) => Promise<unknown>;

export const scopes: Record<string, Scope> = {
  async host(id, _found, objects) {
    return await objects.find('Host', id) ?? missing('host', id);
  },
  async group(id, { host }, objects) {
    const group = await objects.find('SourceGroup', id) ?? byTag(objects, host as Stored<Host>, id);
    return group && coversHost(group, host as Stored<Host>) ? group : missing('source group', id);
  },
  async schedule(id, { host }, objects) {
    const schedule = await objects.find('Schedule', id);
    return schedule && reaches(objects, schedule, host as Stored<Host>) ? schedule : missing('schedule', id);
  },
  async job(id, _found, objects) {
    return await objects.find('ResticJob', id) ?? missing('job', id);
  },
  snapshot: (id) => (/^[0-9a-f]{8,64}$/.test(id) ? Promise.resolve(id) : missing('snapshot', id)),
  /** A place where nothing is any more. */
  retired: (id) => Promise.resolve(id),
  async pending(id, _found, objects) {
    return await objects.find('EnrollmentRequest', id) ?? missing('pending host', id);
  },
};

/** The name people gave a group is its tag; its object's name carries the host's too. */
function byTag(objects: Objects, host: Stored<Host>, tag: string): Stored<SourceGroup> | undefined {
  return groupsOf(objects.cache, host).find((group) => tagOf(group) === tag);
}

function reaches(objects: Objects, schedule: Stored<Schedule>, host: Stored<Host>): boolean {
  const names = new Set(groupsOf(objects.cache, host).map((group) => group.metadata.name));
  return schedule.spec.sourceGroupRefs.some((ref) => names.has(ref.name));
}

function missing(what: string, id: string): never {
  throw notFound(`${what} ${JSON.stringify(id.slice(0, 64))}`);
}
