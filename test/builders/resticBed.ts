/** One real repository with one real restic, for tests of single commands: opened with any options, filled, and every line kept. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlanGroup, PlanRepository } from '#crds/wire/agentProtocol.gen.js';
import { backup, type BackupResult, type Progress } from '#agent/restic/backup.js';
import { ResticProbe } from '#agent/restic/capabilities.js';
import { ResticError } from '#agent/restic/exitCodes.js';
import { init } from '#agent/restic/init.js';
import { cacheDirFor } from '#agent/restic/pinnedCache.js';
import { Restic, type ResticOptions } from '#agent/restic/restic.js';
import { planGroup } from './agentParts.js';
import { cheapenKey } from './resticKey.js';

export const PASSWORD = 'canary-password-4711';

export class ResticBed {
  readonly lines: string[] = [];
  readonly progress: Progress[] = [];
  readonly onLine = (stream: string, line: string): void => { this.lines.push(`${stream}: ${line}`); };
  readonly onProgress = (one: Progress): void => { this.progress.push(one); };
  id: string | undefined;

  readonly dir: string;
  readonly probe: ResticProbe;
  readonly url: string;

  private constructor(dir: string, probe: ResticProbe, url: string) {
    this.dir = dir;
    this.probe = probe;
    this.url = url;
  }

  /** Makes the repository, at `url` or in `<dir>/repo`. */
  static async make(dir: string, path: string, url = join(dir, 'repo'), change: Partial<PlanRepository> = {}): Promise<ResticBed> {
    const bed = new ResticBed(dir, new ResticProbe(path), url);
    const { id } = await init(await bed.open({ repository: change }), () => undefined);
    bed.id = id;
    if (url.startsWith('/')) await cheapenKey(url, change.password ?? PASSWORD);
    return bed;
  }

  async open({ repository, ...change }: Partial<Omit<ResticOptions, 'repository'>> & { repository?: Partial<PlanRepository> } = {}): Promise<Restic> {
    const whole: PlanRepository = { name: 'r', url: this.url, password: PASSWORD, id: this.id, ...repository };
    const cacheDir = cacheDirFor(join(this.dir, 'cache'), whole.id);
    await mkdir(cacheDir, { recursive: true });
    return new Restic({ program: await this.probe.program(), cacheDir, openLimitMs: 500, ...change, repository: whole });
  }

  async backup(includes: string[], { group, host = 'web1', dryRun, restic }: { group?: Partial<PlanGroup>; host?: string; dryRun?: boolean; restic?: Restic } = {}): Promise<BackupResult> {
    return backup(restic ?? await this.open(), { group: planGroup({ includes, ...group }), snapshotHost: host, dryRun, signal: new AbortController().signal, onLine: this.onLine, onProgress: this.onProgress });
  }

  /** What a command is given. */
  get io(): { signal: AbortSignal; onLine: ResticBed['onLine']; onProgress: ResticBed['onProgress'] } {
    return { signal: new AbortController().signal, onLine: this.onLine, onProgress: this.onProgress };
  }
}

/** The ResticError that `work` ends with. @throws Error when it does not */
export async function failure(work: Promise<unknown>): Promise<ResticError> {
  const error: unknown = await work.then((value) => new Error(`it did not fail: ${JSON.stringify(value)}`), (reason: unknown) => reason);
  if (error instanceof ResticError) return error;
  throw error instanceof Error ? error : new Error(String(error));
}
