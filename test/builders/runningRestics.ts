/** Restic processes at work in one repository, whoever started them, as the kernel lists them. */
import { readdirSync, readFileSync } from 'node:fs';

/** @param address as RESTIC_REPOSITORY says it; @param commands those that count, e.g. `backup` */
export function runningRestics(address: string, commands: readonly string[]): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const zombie = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') ?? false;
      return commands.includes(command[1] ?? '') && !zombie && readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`RESTIC_REPOSITORY=${address}`);
    } catch {
      return false; // it ended in between
    }
  });
}
