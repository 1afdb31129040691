/** What the agent's tests share: temporary directories, the real restic binaries, a plan, and waiting for a condition. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan, PlanGroup } from '#crds/wire/agentProtocol.gen.js';
import { toolPath } from '../../hack/tools/paths.js';

/** Both restics that must work. */
export const restics = [
  { name: 'newest restic', path: toolPath('restic') },
  { name: 'restic 0.14', path: toolPath('restic-0.14') },
] as const;

/** Directories of one test, all removed by `clean`. */
export class Scratch {
  readonly #dirs: string[] = [];

  async dir(name = 'agent'): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), `rm-${name}-`));
    this.#dirs.push(path);
    return path;
  }

  async clean(): Promise<void> {
    for (const path of this.#dirs.splice(0)) await rm(path, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function planGroup(change: Partial<PlanGroup> & { includes: string[] }): PlanGroup {
  return { uid: 'group-uid', name: 'docs', tag: 'docs', ...change };
}

export function planOf(change: Partial<Plan> = {}): Plan {
  return { hostName: 'web1', hostUID: 'host-uid', snapshotHost: 'web1', presence: 'AlwaysOn', groups: [], schedules: [], ...change };
}

/** Resolves with the first truthy answer. @throws when there is none in time */
export async function until<T>(what: string, ask: () => T | Promise<T>, timeoutMs = 15_000): Promise<NonNullable<T>> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer as NonNullable<T>;
    if (Date.now() > end) throw new Error(`did not happen within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
