/** What the running agent says of itself: it writes `<state dir>/status.json` at each change, the `status` command reads it. */
import { join } from 'node:path';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { messageOf, type Log } from './log.js';
import { platform } from './platform/here.js';
import type { Policy } from './policy/policy.js';

export interface AgentStatus {
  pid: number;
  startTime: string | undefined;
  /** RFC 3339. */
  time: string;
  version: string;
  server: string | undefined;
  host: string | undefined;
  fingerprint: string;
  link: string;
  /** Why the link is not online. */
  linkMessage: string | undefined;
  restic: string | undefined;
  /** agent.yaml as it is in force; of the environment the names. Lists that are absent allow everything. */
  policy: Policy['told'] & { allowPlaintext: boolean };
  plan: { revision: string; generation: number; repository: string | undefined; stalled: { schedule: string; message: string }[] } | undefined;
  next: { schedule: string; at: string | undefined }[];
  /** Why a newer plan is not in force. */
  planProblem: string | undefined;
  /** Names of files in the state directory that could not be read once and were kept. */
  setAside: string[];
  /** Why what was missed has not begun yet. */
  catchUpWaits: string | undefined;
  running: string[];
  /** What is in line, and what each one waits for. */
  queued: { job: string; type: string; why: string }[];
  spool: { unacknowledged: number; bytes: number };
}

/** Writes the status at each change, at most twice a second. Not synced: it is worth nothing after a power cut. */
export class StatusWriter {
  readonly #path: string;
  readonly #status: () => AgentStatus;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(stateDir: string, status: () => AgentStatus, log: Log) {
    this.#path = join(stateDir, 'status.json');
    this.#status = status;
    this.#log = log;
  }

  now(): void {
    this.#timer ??= setTimeout(() => { this.#write(); }, 500).unref();
  }

  /** The last words; resolves when written. */
  async last(): Promise<void> {
    this.#write();
    await this.#writing;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = `${JSON.stringify(this.#status(), undefined, 2)}\n`;
    this.#writing = this.#writing.then(async () => {
      await writeFile(`${this.#path}.tmp`, text, { mode: 0o600 });
      await rename(`${this.#path}.tmp`, this.#path);
    }).catch((error: unknown) => { this.#log.debug({ error: messageOf(error) }, 'the status could not be written'); });
  }
}

/** The status and whether its agent still runs; undefined when none ever ran here. */
export async function readStatus(stateDir: string): Promise<{ status: AgentStatus; alive: boolean } | undefined> {
  let text: string;
  try {
    text = await readFile(join(stateDir, 'status.json'), 'utf8');
  } catch {
    return undefined;
  }
  const status = JSON.parse(text) as AgentStatus;
  return { status, alive: platform.isLive(status.pid, status.startTime) };
}

/** The status for people. */
export function statusText({ status, alive }: { status: AgentStatus; alive: boolean }): string {
  const lines = [
    `agent       ${alive ? `running (pid ${status.pid}), version ${status.version}` : `not running; this is what it said at ${status.time}`}`,
    `host        ${status.host ?? 'not enrolled'} (${status.fingerprint})`,
    `server      ${status.server ?? 'none'}: ${status.link}${status.linkMessage ? ` (${status.linkMessage})` : ''}`,
    `restic      ${status.restic ?? 'not installed'}`,
    ...policyLines(status.policy),
    `plan        ${status.plan ? `revision ${status.plan.revision.slice(0, 12)}, generation ${status.plan.generation}, repository ${status.plan.repository ?? 'none'}` : 'none yet'}`,
    ...(status.planProblem === undefined ? [] : [`  problem   ${status.planProblem}`]),
    ...(status.plan?.stalled ?? []).map(({ schedule, message }) => `  stalled   ${schedule}: ${message}`),
    ...status.next.map(({ schedule, at }) => `  next      ${schedule}: ${at ?? 'never'}`),
    ...(status.catchUpWaits === undefined ? [] : [`  catch-up  waits for the network: ${status.catchUpWaits}`]),
    `running     ${status.running.join(', ') || 'nothing'}`,
    ...status.queued.map(({ job, type, why }) => `waiting     ${type} ${job}: ${why}`),
    `spool       ${status.spool.unacknowledged} frames, ${status.spool.bytes} bytes not acknowledged`,
    ...status.setAside.map((name) => `set aside   ${name}: it could not be read; look at it, then remove it`),
  ];
  return lines.join('\n');
}

/** What an agent of an older version wrote has none. */
function policyLines(policy: AgentStatus['policy'] | undefined): string[] {
  if (!policy) return [];
  const list = (allowed: readonly string[] | undefined): string => (allowed === undefined ? 'any' : allowed.join(', ') || 'none');
  return [
    `policy      hooks: ${policy.hooks}, inPlaceRestore: ${policy.inPlaceRestore}, updates: ${policy.updates}, allowPlaintext: ${policy.allowPlaintext} (${policy.file})`,
    ...(['restoreRoots', 'includeRoots', 'repositoryURLs'] as const).map((key) => `  ${key.padEnd(16)}${list(policy[key])}`),
    `  ${'environment'.padEnd(16)}${list(policy.environment)}`,
  ];
}
