/** `restic prune`: gives the space of forgotten snapshots back. */
import type { CommandIo, CommandOutcome } from './outcome.js';
import type { Restic } from './restic.js';

export interface PruneOptions extends CommandIo {
  dryRun?: boolean;
}

/**
 * Succeeded/Completed with summary.bytesFreed (what was, or with dryRun would be, freed).
 * @throws ResticError AppendOnly (the storage refuses to delete), RepositoryLocked, RepositoryFull, RepositoryDamaged, ...; ResticAborted
 */
export async function prune(restic: Restic, { dryRun, onLine, signal }: PruneOptions): Promise<CommandOutcome> {
  let bytesFreed: number | undefined;
  const { code } = await restic.run('prune', dryRun ? ['--dry-run'] : [], {
    signal,
    onLine: (stream, line) => {
      bytesFreed ??= freedBy(line);
      if (line !== '' && !line.startsWith('[')) onLine(stream, line); // progress has no place in the log
    },
  });
  const freed = bytesFreed === undefined ? '' : `: ${bytesFreed} bytes`;
  return { phase: 'Succeeded', reason: 'Completed', message: dryRun ? `dry run: what would be freed${freed}` : `freed what no snapshot needs${freed}`, exitCode: code, ...(bytesFreed === undefined ? {} : { summary: { bytesFreed } }) };
}

const units: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/** restic says it in words only, and rounded: `total prune:  5 blobs / 1.370 KiB`. */
function freedBy(line: string): number | undefined {
  const [, amount, unit] = /^total prune:\s+\d+ blobs \/ ([\d.]+) (B|KiB|MiB|GiB|TiB)$/.exec(line) ?? [];
  return amount === undefined || unit === undefined ? undefined : Math.round(Number(amount) * (units[unit] ?? 1));
}
