/** A real agent against the server's end of the wire: a source, a local repository, a plan, and the means to start, kill and ask. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startAgent, type Agent, type AgentOptions } from '#agent/agent.js';
import type { AgentConfig } from '#agent/config.js';
import { createLog } from '#agent/log.js';
import { openRules } from '#agent/policy/policy.js';
import { ResticProbe } from '#agent/restic/capabilities.js';
import { init } from '#agent/restic/init.js';
import { Restic } from '#agent/restic/restic.js';
import { processStartTime } from '#agent/platform/proc.js';
import type { JobIdentity, JobRun, Plan, PlanGroup, PlanSet } from '#crds/wire/agentProtocol.gen.js';
import { linesOf } from '#crds/wire/logLines.js';
import { planGroup, planOf, restics, Scratch, until } from './agentParts.js';
import { WireServer, type AgentSession } from './wireServer.js';

export const BED_PASSWORD = 'canary-4711-secret';

export class AgentBed {
  readonly #scratch = new Scratch();
  readonly #agents: Agent[] = [];
  readonly #processes: ChildProcess[] = [];
  readonly server: WireServer;
  readonly dir: string;
  readonly source: string;
  /** What agents printed. */
  readonly said: string[] = [];
  /** Path of the restic to use. */
  restic: string = restics[0].path;
  #generation = 0;
  #id: string | undefined;

  private constructor(scratch: Scratch, dir: string, server: WireServer) {
    this.#scratch = scratch;
    this.dir = dir;
    this.source = join(dir, 'source');
    this.server = server;
  }

  static async make(): Promise<AgentBed> {
    const scratch = new Scratch();
    const dir = await scratch.dir('bed');
    const bed = new AgentBed(scratch, dir, await WireServer.start());
    await mkdir(bed.source);
    await writeFile(join(bed.source, 'a'), 'hello');
    return bed;
  }

  async clean(): Promise<void> {
    await this.stop();
    for (const child of this.#processes.splice(0)) child.kill('SIGKILL');
    await this.server.close();
    await this.#scratch.clean();
  }

  get stateDir(): string {
    return join(this.dir, 'state');
  }

  get repository(): string {
    return join(this.dir, 'repo');
  }

  get log(): string {
    return this.said.join('');
  }

  async start(change: Partial<AgentConfig> = {}, options: Partial<AgentOptions> = {}): Promise<Agent> {
    const config: AgentConfig = { stateDir: this.stateDir, server: this.server.url, token: 'token-1', agentToken: undefined, hostname: 'web1', restic: this.restic, pins: [], configFile: join(this.dir, 'etc', 'agent.yaml'), logLevel: 'debug', ...openRules, ...change };
    const agent = await startAgent({ config, log: createLog('debug', (line) => this.said.push(line)), openLimitMs: 1_000, ...options });
    this.#agents.push(agent);
    return agent;
  }

  /** Ends the agents that start() began. */
  async stop(): Promise<void> {
    for (const agent of this.#agents.splice(0)) await agent.stop(0);
  }

  /** The agent as its own process, to be killed. */
  launch(env: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, ['--conditions=source', '--import=tsx', fileURLToPath(new URL('../../agent/main.ts', import.meta.url)), 'run'], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { PATH: process.env['PATH'], HOME: this.dir, RM_STATE_DIR: this.stateDir, RM_SERVER: this.server.url, RM_TOKEN: 'token-1', RM_HOSTNAME: 'web1', RM_RESTIC: this.restic, RM_LOG_LEVEL: 'debug', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => this.said.push(chunk.toString('utf8')));
    this.#processes.push(child);
    return child;
  }

  group(change: Partial<PlanGroup> = {}): PlanGroup {
    return planGroup({ includes: [this.source], ...change });
  }

  /** Its id. */
  async makeRepository(): Promise<string> {
    return (this.#id ??= (await init(await this.bare(), () => undefined)).id);
  }

  /** A repository of this id in the plan; made when it is not there yet. */
  async setPlan(session: AgentSession, change: Partial<Plan> = {}, repository: Partial<NonNullable<Plan['repository']>> = {}): Promise<PlanSet> {
    const id = await this.makeRepository();
    this.#generation++;
    const set = { revision: `rev-${this.#generation}`, generation: this.#generation, plan: planOf({ repository: { name: 'web1', url: this.repository, password: BED_PASSWORD, runner: true, id, ...repository }, groups: [this.group()], ...change }) };
    const before = session.of('plan.applied').length;
    this.server.setPlan(session, set);
    await until('the plan', () => session.of('plan.applied').length > before);
    return set;
  }

  /** Enrolled, connected, with a repository and its plan applied. */
  async ready(change: Partial<Plan> = {}, repository: Partial<NonNullable<Plan['repository']>> = {}): Promise<AgentSession> {
    const session = await this.server.session(1);
    await this.setPlan(session, change, repository);
    return session;
  }

  /** The repository by restic alone, as a person would look at it. */
  async bare(program: string = this.restic): Promise<Restic> {
    return new Restic({ program: await new ResticProbe(program).program(), repository: { name: 'web1', url: this.repository, password: BED_PASSWORD }, cacheDir: join(this.dir, 'cache') });
  }

  job(name: string, change: Partial<JobIdentity> = {}): JobIdentity {
    const { type = 'Backup' } = change;
    return { job: name, runID: `uid-${name}`, type, startedBy: 'Server', ...(type === 'Backup' ? { sourceGroup: 'docs' } : {}), ...change };
  }

  run(name: string, identity: Partial<JobIdentity> = {}, change: Partial<JobRun> = {}): JobRun {
    return { identity: this.job(name, identity), planGeneration: this.#generation, ...change };
  }

  /** Much to read, nothing to store: a backup that takes its time. */
  async slow(): Promise<void> {
    await writeFile(join(this.source, 'big'), '');
    await truncate(join(this.source, 'big'), 200 * 2 ** 30);
  }

  async quick(): Promise<void> {
    await writeFile(join(this.source, 'big'), '');
  }

  logOf(name: string): string[] {
    return this.server.of('job.log').filter(({ job }) => job === name).flatMap(linesOf).map(({ payload }) => payload);
  }

  async locks(): Promise<string[]> {
    return readdir(join(this.repository, 'locks'));
  }

  /** Pids of live processes whose command line names this bed's directory; the agent itself is not among them. */
  async alive(word = 'restic'): Promise<number[]> {
    const found: number[] = [];
    const own = new Set([process.pid, ...this.#processes.map(({ pid }) => pid)]);
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)) {
      if (own.has(pid)) continue;
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.includes(this.dir) && command.includes(word) && processStartTime(pid) !== undefined) found.push(pid);
    }
    return found;
  }
}
