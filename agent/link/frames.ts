/** What may come from the server: checked against the protocol's schemas before anything acts on it. */
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import type { ServerFrame, ServerFrames } from '#crds/wire/frames.js';
// by name, so that the bundle leaves the validators of the agent's own frames out
import { Ack, Envelope, Error as ErrorFrame, JobRun, JobStop, PlanSet, Refused, Revoked, RpcRequest, Update, Welcome } from '#crds/wire/agentProtocol.validate.gen.js';

type Validator = ((value: unknown) => boolean) & { errors?: { instancePath?: string; message?: string }[] | null };
const envelope = Envelope as Validator;
const validators = {
  'welcome': Welcome, 'refused': Refused, 'plan.set': PlanSet, 'job.run': JobRun, 'job.stop': JobStop, 'ack': Ack, 'rpc.request': RpcRequest, 'update': Update, 'revoked': Revoked, 'error': ErrorFrame,
} as Record<keyof ServerFrames, Validator>;

export type ReadFrame = { ok: true; frame: ServerFrame } | { ok: false; ignored: true; type: string } | { ok: false; ignored: false; type: string; message: string; /** Of a job.run: whose it is. */ job?: JobIdentity };

/** A frame of an unknown type is ignored (a newer server), a malformed one is told; neither ends the link. */
export function readFrame(text: string): ReadFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, ignored: false, type: '', message: 'the frame is not JSON' };
  }
  if (!envelope(value)) return { ok: false, ignored: false, type: '', message: problem('envelope', envelope) };
  const { type, payload } = value as { type: string; payload?: unknown };
  if (!Object.hasOwn(validators, type)) return { ok: false, ignored: true, type };
  const validator = validators[type as keyof ServerFrames];
  if (!validator(payload)) return { ok: false, ignored: false, type, message: problem(type, validator), ...(type === 'job.run' ? { job: namedJob(payload) } : {}) };
  return { ok: true, frame: value as ServerFrame };
}

/** The identity of a job.run as far as it names a job of the server's; its type may be one that a later version brought. */
function namedJob(payload: unknown): JobIdentity | undefined {
  const identity = (payload as { identity?: Partial<JobIdentity> } | null | undefined)?.identity;
  if (!identity) return undefined;
  const { job, runID, type } = identity;
  const isName = (value: unknown, most: number): value is string => typeof value === 'string' && value.length > 0 && value.length <= most;
  return isName(job, 63) && isName(runID, 64) && isName(type, 64) ? { job, runID, type, startedBy: 'Server' } : undefined;
}

function problem(what: string, validator: Validator): string {
  const error = validator.errors?.[0];
  return `${what}${error?.instancePath ?? ''} ${error?.message ?? 'is malformed'}`.slice(0, 1024);
}
