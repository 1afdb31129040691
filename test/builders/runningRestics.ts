/** Restic processes at work in one repository, whoever started them, as the kernel lists them. */
import { readdirSync, readFileSync } from 'node:fs';

export interface RunningRestic { pid: number; /** Its command is argv[1]. */ argv: string[] }

/** @param repository how RESTIC_REPOSITORY ends: the whole address, or the directory it leads to */
export function runningRestics(repository: string): RunningRestic[] {
  const end = repository.replace(/\/$/, '');
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).flatMap((pid) => {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
      const zombie = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') ?? false;
      if (zombie || !/restic/.test(argv[0] ?? '')) return [];
      const address = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').find((variable) => variable.startsWith('RESTIC_REPOSITORY='));
      return address?.replace(/\/$/, '').endsWith(end) ? [{ pid, argv }] : [];
    } catch {
      return []; // it ended in between
    }
  });
}
