/** Where a restore may write: the target directory, and why one is refused. */
import type { RestoreArgs } from '#crds/wire/agentProtocol.gen.js';
import { ResticError } from './exitCodes.js';

/** Absolute target of these arguments; `/` in place. Nothing is created. For agent.yaml's policy. @throws ResticError TargetRefused */
export function restoreTarget(_args: RestoreArgs, _job: string, _home?: string): string {
  throw new ResticError('TargetRefused', 'not yet');
}
