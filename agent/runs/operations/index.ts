/** What one job does with restic and how it is told: every way out is an Outcome, nothing throws past here. */
import { catConfig } from '../../restic/catConfig.js';
import { ResticError } from '../../restic/exitCodes.js';
import { goneError, requirePinned } from '../../restic/init.js';
import { pastLocks } from '../../restic/lockWait.js';
import type { Restic } from '../../restic/restic.js';
import { backupWithHooks } from './backup.js';
import { runCheck } from './check.js';
import { runDiff } from './diff.js';
import { failed } from './failed.js';
import { runForget } from './forget.js';
import { runInit } from './init.js';
import { openRestic, settingOf } from './open.js';
import type { Operation, Outcome, Setting } from './operation.js';
import { runPrune } from './prune.js';
import { runRestore } from './restore.js';
import { runUnlock } from './unlock.js';

export type { JobArguments, Operation, Outcome, StopReason } from './operation.js';

export async function operate(op: Operation): Promise<Outcome> {
  let restic: Restic | undefined;
  try {
    const setting = settingOf(op);
    restic = await openRestic(op, setting);
    return await perform(op, setting, restic);
  } catch (error) {
    return await failed(op, restic, error);
  }
}

/** Backup and Init look themselves. Everything else would delete, read or check in a stranger's repository. @throws ResticError NoRepository, RepositoryReplaced, ... */
async function requireOwn(restic: Restic, { signal, onLine }: Operation): Promise<void> {
  const { id } = restic.repository;
  if (id === undefined) throw new ResticError('NoRepository', `the repository at ${restic.address} is not initialised yet`);
  try {
    requirePinned(await catConfig(restic, signal, onLine), id, restic.address);
  } catch (error) {
    throw error instanceof ResticError && error.reason === 'NoRepository' ? goneError(restic.address) : error;
  }
}

async function perform(op: Operation, setting: Setting, restic: Restic): Promise<Outcome> {
  /** A lock in the way is waited for, or removed where the rule allows it; only then is the work done again. */
  const locked = async (work: (restic: Restic) => Promise<Outcome>): Promise<Outcome> => pastLocks(restic, { facts: op.unlockFacts, signal: op.signal, onLine: op.onLine }, work);
  const pinned = (work: (restic: Restic) => Promise<Outcome>) => async (own: Restic): Promise<Outcome> => {
    await requireOwn(own, op);
    return work(own);
  };
  switch (op.identity.type) {
    case 'Backup': return backupWithHooks(op, setting, restic, locked);
    case 'Init': return locked(async (own) => runInit(op, own));
    case 'Forget': return locked(pinned(async (own) => runForget(op, setting, own)));
    case 'Prune': return locked(pinned(async (own) => runPrune(op, setting, own)));
    case 'Check': return locked(pinned(async (own) => runCheck(op, own)));
    case 'Unlock': return pinned(async (own) => runUnlock(op, own))(restic);
    case 'Restore': return locked(pinned(async (own) => runRestore(op, own)));
    case 'Diff': return locked(pinned(async (own) => runDiff(op, own)));
  }
}
