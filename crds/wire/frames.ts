/** The frames of /ws/agent by type, the version range, limits and close codes: what both ends must agree on. */
import type * as wire from './agentProtocol.gen.js';

/** Protocol versions this build speaks, both ends included. */
export const protocol = { min: 1, max: 1 } as const;

export const MAX_FRAME_BYTES = 1024 * 1024;
export const HEARTBEAT_SECONDS = 30;
/** A host is offline after this long without a heartbeat. */
export const OFFLINE_AFTER_SECONDS = 90;
export const HELLO_TIMEOUT_SECONDS = 10;

/** WebSocket close codes of our own (RFC 6455, 4000-4999). */
export const closeCodes = { denied: 4001, replaced: 4002, duplicateAgent: 4003, helloTimeout: 4004, refused: 4005, revoked: 4006, expired: 4007 } as const;

/** Frames the agent sends. Those marked spooled carry seq and are kept on disk until acknowledged. */
export interface AgentFrames {
  'hello': wire.Hello;
  'heartbeat': wire.Heartbeat;
  'plan.applied': wire.PlanApplied;
  'job.started': wire.JobStarted;          // spooled
  'job.progress': wire.JobProgress;
  'job.log': wire.JobLog;                  // spooled
  'job.finished': wire.JobFinished;        // spooled
  'snapshots.report': wire.SnapshotsReport; // spooled
  'repo.stats': wire.RepoStats;            // spooled
  'spool.dropped': wire.SpoolDropped;      // spooled
  'rpc.result': wire.RpcResult;
  'error': wire.Error;
}

export interface ServerFrames {
  'welcome': wire.Welcome;
  'refused': wire.Refused;
  'plan.set': wire.PlanSet;
  'job.run': wire.JobRun;
  'job.stop': wire.JobStop;
  'ack': wire.Ack;
  'rpc.request': wire.RpcRequest;
  'update': wire.Update;
  'revoked': wire.Revoked;
  'error': wire.Error;
}

type FrameOf<Map> = { [T in keyof Map]: { type: T; id?: string; seq?: number; payload: Map[T] } }[keyof Map];
export type AgentFrame = FrameOf<AgentFrames>;
export type ServerFrame = FrameOf<ServerFrames>;
export type SpooledType = 'job.started' | 'job.log' | 'job.finished' | 'snapshots.report' | 'repo.stats' | 'spool.dropped';

/** Name of the schema definition of a frame type's payload. */
export const payloadDefinition: Record<keyof AgentFrames | keyof ServerFrames, string> = {
  'hello': 'Hello', 'heartbeat': 'Heartbeat', 'plan.applied': 'PlanApplied', 'job.started': 'JobStarted', 'job.progress': 'JobProgress', 'job.log': 'JobLog',
  'job.finished': 'JobFinished', 'snapshots.report': 'SnapshotsReport', 'repo.stats': 'RepoStats', 'spool.dropped': 'SpoolDropped', 'rpc.result': 'RpcResult',
  'welcome': 'Welcome', 'refused': 'Refused', 'plan.set': 'PlanSet', 'job.run': 'JobRun', 'job.stop': 'JobStop', 'ack': 'Ack', 'rpc.request': 'RpcRequest',
  'update': 'Update', 'revoked': 'Revoked', 'error': 'Error',
};

export const HELLO_CONTEXT = 'restic-manager/hello/1\n';
export const REVOKED_CONTEXT = 'restic-manager/revoked/1\n';

/** Canonical JSON for signatures and revisions: object keys sorted by code unit, no white space, undefined members left out (the spirit of RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}
