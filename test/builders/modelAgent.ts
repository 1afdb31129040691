/**
 * A model of an agent for property tests: journal and spool survive its crashes and the loss of the link, a run is begun at
 * most once as far as the agent can know, and what it really did is remembered for the test to compare.
 */
import type { JobFinished, JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import type { AgentFrames, ServerFrame, SpooledType } from '#crds/wire/frames.js';
import { textOf } from '#crds/wire/logLines.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from './scriptedAgent.js';

interface Run { identity: JobIdentity; state: 'queued' | 'running' | 'done'; lines: number }
interface Spooled { seq: number; type: SpooledType; payload: AgentFrames[SpooledType] }

export class ModelAgent {
  readonly runs = new Map<string, Run>();
  /** How often each job was really begun. */
  readonly begun = new Map<string, number>();
  /** How each job really ended. */
  readonly ended = new Map<string, JobFinished>();
  /** Next acknowledgements are not heard. */
  deaf = false;
  readonly #key = newAgentKey();
  readonly #bearer: string;
  #spool: Spooled[] = [];
  #nextSeq = 1;
  #acked = 0;
  #epoch = '';
  #applied: { revision: string; generation: number } | undefined;
  #link: ScriptedAgent | undefined;
  #welcomed = false;

  constructor(bearer: string) {
    this.#bearer = bearer;
  }

  get connected(): boolean {
    return this.#link !== undefined && this.#link.closed === undefined;
  }

  async connect(port: number): Promise<void> {
    if (this.connected) return;
    const unfinished = [...this.runs.values()].filter(({ state }) => state !== 'done').map(({ identity }) => identity.runID);
    const hello = signedHello(this.#key, {
      runningJobs: unfinished, spool: { first: this.#acked + 1, last: this.#nextSeq - 1, id: 'model' }, storeEpoch: this.#epoch,
      ...(this.#applied ? { appliedRevision: this.#applied.revision, appliedGeneration: this.#applied.generation } : {}),
    });
    this.#welcomed = false;
    const pending: ServerFrame[] = [];
    const link = await dialAgent(port, this.#bearer, hello, (frame) => { if (this.#link === link) this.#take(frame); else pending.push(frame); });
    this.#link = link;
    for (const frame of pending) this.#take(frame);
  }

  async disconnect(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    if (link && link.closed === undefined) await link.kill();
  }

  /** The process dies and starts again: what waited is forgotten, what ran is reported. */
  async crash(): Promise<void> {
    await this.disconnect();
    for (const [runID, run] of this.runs) {
      if (run.state === 'queued') this.runs.delete(runID);
      if (run.state === 'running') this.#finish(run, 'Failed', 'AgentRestarted');
    }
  }

  /** Begins what waits. */
  start(): void {
    for (const run of this.runs.values()) {
      if (run.state !== 'queued') continue;
      run.state = 'running';
      this.begun.set(run.identity.job, (this.begun.get(run.identity.job) ?? 0) + 1);
      this.#append('job.started', { identity: run.identity, startTime: new Date().toISOString(), attempts: 1 });
      this.#log(run);
    }
  }

  /** Ends what runs. */
  finish(phase: 'Succeeded' | 'Failed'): void {
    for (const run of this.runs.values()) {
      if (run.state !== 'running') continue;
      this.#log(run);
      this.#finish(run, phase, phase === 'Succeeded' ? 'Completed' : 'ResticFailed');
    }
  }

  /** The scheduled run of a cron. */
  fire(identity: JobIdentity): void {
    if (!this.runs.has(identity.runID)) this.runs.set(identity.runID, { identity, state: 'queued', lines: 0 });
  }

  #log(run: Run): void {
    const firstSeq = run.lines + 1;
    run.lines += 2;
    const { job, runID } = run.identity;
    this.#append('job.log', { job, runID, firstSeq, lines: [firstSeq, firstSeq + 1].map((seq) => textOf({ ts: new Date().toISOString(), stream: 'stdout', payload: `${job} line ${String(seq)}` })) });
  }

  #finish(run: Run, phase: JobFinished['phase'], reason: string): void {
    run.state = 'done';
    const finished: JobFinished = {
      identity: run.identity, phase, reason, message: reason, completionTime: new Date().toISOString(), attempts: 1,
      ...(run.identity.type === 'Init' ? { repositoryID: 'a'.repeat(64) } : {}),
    };
    this.ended.set(run.identity.job, finished);
    this.#append('job.finished', finished);
  }

  #append<T extends SpooledType>(type: T, payload: AgentFrames[T]): void {
    const frame = { seq: this.#nextSeq++, type, payload };
    this.#spool.push(frame);
    this.#send(frame);
  }

  #send({ seq, type, payload }: Spooled): void {
    if (this.connected && this.#welcomed) this.#link?.send(type, payload as never, seq);
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#epoch = frame.payload.storeEpoch;
        this.#welcomed = true;
        for (const each of this.#spool) this.#send(each);
        return;
      case 'ack':
        if (this.deaf) return;
        this.#acked = Math.max(this.#acked, frame.payload.seq);
        this.#spool = this.#spool.filter(({ seq }) => seq > this.#acked);
        return;
      case 'plan.set':
        this.#applied = { revision: frame.payload.revision, generation: frame.payload.generation };
        this.#link?.send('plan.applied', this.#applied);
        return;
      case 'job.run': {
        const { identity } = frame.payload;
        if (this.runs.has(identity.runID)) return;
        const run: Run = { identity, state: 'queued', lines: 0 };
        this.runs.set(identity.runID, run);
        if (identity.type !== 'Init') return;
        run.state = 'running';
        this.#append('job.started', { identity, startTime: new Date().toISOString() });
        this.#finish(run, 'Succeeded', 'Initialized');
        return;
      }
      case 'job.stop': {
        const run = this.runs.get(frame.payload.runID);
        if (run && run.state !== 'done') this.#finish(run, 'Cancelled', 'Cancelled');
        return;
      }
      default:
    }
  }
}
