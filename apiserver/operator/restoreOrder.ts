/**
 * A restore as a person asks for it (R3, R4): a snapshot, what of it, and where to. Data of another host, and files put back in
 * place, need the name of the host that receives them, typed; a wrong one starts nothing (E11).
 */
import type { Host, Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { RestoreArgs } from '#crds/operator/operator.gen.js';
import { repositoryOf, snapshotHostOf } from '#controller/runtime/indexes.js';
import { repositoryFor, requireRepository } from './hostRepository.js';
import { commonSpec, type Order } from './makeJob.js';
import { invalid } from './problem.js';
import type { Call } from './route.js';
import { findSnapshot } from './snapshotIds.js';

const overwrites = { never: 'Never', if_changed: 'IfChanged', if_newer: 'IfNewer', always: 'Always' } as const;
const ABSOLUTE = /^(\/|[A-Za-z]:[\\/])/;
const TARGET = /^(\/|~\/|\$HOME\/|\$\{HOME\}\/|[A-Za-z]:[\\/])/;
const PARENT = /(^|[/\\])\.\.([/\\]|$)/;

/** @throws Problem 422 naming the field, 403 without the right restoreinplace or restorefrom */
export async function restoreOrder(call: Call<unknown>, args: RestoreArgs): Promise<Order> {
  const { host, objects, services } = call;
  const repository = await sourceOf(call, args);
  const foreign = repository.metadata.name !== repositoryOf(host);
  if (foreign) objects.require('restorefrom', 'ResticJob', args.source_repository_id ? 'source_repository_id' : 'source_host_id');
  if (args.in_place) objects.require('restoreinplace', 'ResticJob', 'in_place');
  const paths = pathsOf(args.paths);
  const target = targetOf(args);
  const snapshot = findSnapshot(services, repository, args.snapshot_id, 'snapshot_id');
  const ofAnother = foreign || (snapshot.hostname !== undefined && snapshot.hostname !== snapshotHostOf(host));
  confirm(host, args, ofAnother ? `the data of ${snapshot.hostname ?? `repository ${repository.metadata.name}`} will be readable on ${host.metadata.name}` : args.in_place ? `files of ${host.metadata.name} will be overwritten` : undefined);
  return {
    type: 'Restore', host, spec: {
      ...commonSpec(args),
      restore: {
        snapshot: snapshot.id, overwrite: overwrites[args.overwrite ?? 'never'],
        ...(foreign ? { repositoryRef: { name: repository.metadata.name } } : {}), ...(paths ? { paths } : {}),
        ...(args.in_place ? { inPlace: true, confirmHostName: host.metadata.name } : {}), ...(target === undefined ? {} : { targetDirectory: target }), ...(args.verify ? { verify: true } : {}),
      },
    },
  };
}

/** @throws Problem 422 when there is no such host or repository */
async function sourceOf({ host, objects }: Call<unknown>, { source_host_id: hostId, source_repository_id: repositoryId }: RestoreArgs): Promise<Stored<Repository>> {
  if (hostId && repositoryId) throw invalid('source_repository_id', 'and source_host_id exclude each other');
  if (repositoryId) return await objects.find('Repository', repositoryId) ?? refuse('source_repository_id', `there is no repository ${JSON.stringify(repositoryId)}`);
  if (!hostId) return requireRepository(host, objects.cache);
  const source = await objects.find('Host', hostId) ?? refuse('source_host_id', `there is no host ${JSON.stringify(hostId)}; name the repository of a deleted one in source_repository_id`);
  return repositoryFor(source, objects.cache) ?? refuse('source_host_id', `host ${source.metadata.name} has no repository`);
}

function refuse(field: string, message: string): never {
  throw invalid(field, message);
}

/** Undefined: everything. */
function pathsOf(paths: readonly string[]): string[] | undefined {
  const relative = paths.findIndex((path) => !ABSOLUTE.test(path));
  if (relative >= 0) throw invalid(`paths[${String(relative)}]`, 'must be absolute, as the snapshot shows it');
  return paths.includes('/') ? undefined : [...new Set(paths)];
}

function targetOf({ in_place: inPlace, target_directory: target }: RestoreArgs): string | undefined {
  if (!target) return undefined;
  if (inPlace) throw invalid('target_directory', 'and in_place exclude each other');
  if (!TARGET.test(target)) throw invalid('target_directory', 'must be absolute, or begin with ~/, $HOME/ or ${HOME}/');
  if (PARENT.test(target)) throw invalid('target_directory', "must not contain '..'");
  return target;
}

function confirm(host: Stored<Host>, { confirm_host_name: typed }: RestoreArgs, why: string | undefined): void {
  const { name } = host.metadata;
  if (why !== undefined && typed !== name) throw invalid('confirm_host_name', `type ${JSON.stringify(name)}, the host that gets the files: ${why}. Nothing was started`);
}
