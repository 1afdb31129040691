/** From a job to the repository it works in, opened as this job may: which credential, which limits, which cache. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AdminCredentials, Plan, PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import type { Policy } from '../../policy/policy.js';
import type { ResticProbe } from '../../restic/capabilities.js';
import { ResticError } from '../../restic/exitCodes.js';
import { cacheDirFor } from '../../restic/pinnedCache.js';
import { effectiveBandwidth, Restic, type ResticOptions } from '../../restic/restic.js';
import { adminFile, readAdminFile } from './adminFile.js';
import type { Operation, Setting } from './operation.js';

/** @throws ResticError NoCredentials, NotRunner */
export function settingOf({ plan, args, identity }: Operation): Setting {
  if (!plan && !args.repository) throw new ResticError('NoCredentials', 'this agent has no plan yet; it comes from the server once its repository and groups are declared');
  const repository = args.repository ?? plan?.repository;
  if (!repository) throw new ResticError('NoCredentials', 'the plan names no repository; set spec.repositoryRef of the Host, or make a Repository of its name');
  if (isRunnersWork(identity.type) && (args.repository !== undefined || plan?.repository?.runner !== true)) {
    throw new ResticError('NotRunner', `this host does not look after repository ${repository.name}: ${identity.type} runs on the host of spec.runner.hostRef of that Repository`);
  }
  return { plan, repository };
}

function isRunnersWork(type: Operation['identity']['type']): boolean {
  return type === 'Forget' || type === 'Prune' || type === 'Check' || type === 'Unlock';
}

/** @throws ResticError ResticMissing, AdminCredentialsRequired, PolicyRefused */
export async function openRestic(op: Operation, { plan, repository }: Setting): Promise<Restic> {
  const restic = await openRepository(op, repository, {
    bandwidth: effectiveBandwidth(plan?.bandwidth, op.args.bandwidth),
    resources: plan?.resources,
    noLock: op.args.noLock,
    admin: mayDelete(op) ? await adminOf(op, repository) : undefined,
    onChild: op.onChild,
    onNote: (line) => { op.onLine('agent', line); },
    openLimitMs: op.openLimitMs,
  });
  for (const notice of restic.notices) op.onLine('agent', notice);
  return restic;
}

/** What a repository is opened with on this host. */
export interface Opener {
  probe: ResticProbe;
  stateDir: string;
  policy: Policy;
}

/**
 * The one door to a repository, for jobs, looks and questions alike: here the host's owner is asked whether it may be used,
 * with the account that will be.
 * @throws ResticError PolicyRefused, ResticMissing, Unsupported
 */
export async function openRepository({ probe, stateDir, policy }: Opener, repository: PlanRepository, options: Omit<ResticOptions, 'program' | 'repository' | 'cacheDir' | 'environment'> = {}): Promise<Restic> {
  const { id, name } = repository;
  // it becomes a part of paths
  if (id !== undefined && !/^[0-9a-f]{64}$/.test(id)) throw new ResticError('Unsupported', `the server sent ${JSON.stringify(id)} for the id of repository ${name}, which is none of restic's`);
  const cacheDir = cacheDirFor(join(stateDir, 'cache'), id);
  const restic = new Restic({ ...options, program: await probe.program(), repository, cacheDir, environment: policy.environment });
  await policy.requireRepository(restic.repository);
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  return restic;
}

/** The plan's repository with its everyday credential, for a question that takes no lock. @throws ResticError NoCredentials, NoRepository, PolicyRefused, ResticMissing */
export async function openForReading({ plan, ...opener }: Opener & { plan: Plan | undefined }): Promise<Restic> {
  const repository = plan?.repository;
  if (!repository) throw new ResticError('NoCredentials', 'this host has no repository in its plan');
  if (repository.id === undefined) throw new ResticError('NoRepository', `repository ${repository.name} is not initialised yet`);
  return openRepository(opener, repository, { bandwidth: plan.bandwidth, resources: plan.resources });
}

/** A dry run deletes nothing: it needs no more than the everyday credential. */
function mayDelete({ identity, args }: Operation): boolean {
  return (identity.type === 'Forget' || identity.type === 'Prune') && args.dryRun !== true;
}

/** The account that may delete; undefined: the everyday one may, or it is tried and told. */
async function adminOf(op: Operation, repository: PlanRepository): Promise<AdminCredentials | undefined> {
  if (op.args.adminCredentials) return op.args.adminCredentials;
  switch (repository.adminCredentials ?? 'None') {
    case 'OnRunner': return readAdminFile(adminFile(op.policy.ownerDir, repository.name));
    case 'FromServer': throw new ResticError('AdminCredentialsRequired', `the server sent no admin credential with this job; look at the Secret that spec.adminCredentialsSecretRef of Repository ${repository.name} names`);
    case 'None':
      if (repository.id !== undefined && op.deletionProtection(repository.id) === 'Enforced') throw new ResticError('AdminCredentialsRequired', `the storage of repository ${repository.name} does not let its everyday credential delete, so nothing was tried; set spec.adminCredentialsSecretRef, or runner.adminCredentials: OnRunner with a file on the runner`);
      return undefined;
  }
}
