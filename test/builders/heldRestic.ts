/**
 * A program to name in RM_RESTIC that is restic, and can be told to stand still (SIGSTOP) in the middle of its next call of a
 * command: once its lock is in the repository, or before it begins for a command that takes none. It is restic's own process
 * that stands still, so that who kills it or waits for it meets what it would meet in earnest.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toolPath } from '../../hack/tools/paths.js';
import { until } from './until.js';

export interface HeldRestic {
  path: string;
  /** Holds the next call of `command`. Resolves with its pid once it stands still. */
  hold(command: string, lockFolder: string | undefined): Promise<number>;
}

export async function heldRestic(dir: string): Promise<HeldRestic> {
  await mkdir(dir, { recursive: true });
  const [path, wanted, held] = [join(dir, 'restic'), join(dir, 'wanted'), join(dir, 'held')];
  // $$ stays the shell's number in the watcher, and becomes restic's by exec.
  await writeFile(path, `#!/bin/bash
if [ -e ${wanted} ]; then
  read -r command folder < ${wanted}
  if [ "$command" = "$1" ]; then
    rm ${wanted}
    if [ -z "$folder" ]; then echo $$ > ${held}; kill -STOP $$
    else ( exec >/dev/null 2>&1; before=$(ls "$folder"); for i in $(seq 1500); do [ "$(ls "$folder")" != "$before" ] && { kill -STOP $$; echo $$ > ${held}; exit; }; sleep 0.01; done ) &
    fi
  fi
fi
exec ${toolPath('restic')} "$@"
`, { mode: 0o755 });
  return {
    path,
    async hold(command, lockFolder = '') {
      rmSync(held, { force: true });
      writeFileSync(wanted, `${command} ${lockFolder}\n`);
      return until(`restic ${command} to stand still`, () => existsSync(held) && Number(readFileSync(held, 'utf8')) || undefined, 40_000);
    },
  };
}
