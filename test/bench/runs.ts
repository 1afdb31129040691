/** A backup of one agent of a fleet, started as a person would, over the resource API. */
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { FLEET, type LightAgent } from '../builders/fleet.js';
import type { Connection } from './connection.js';

/** @returns its identity once the agent has job.run, and the moments of the server's answer and of job.run (performance.now()) */
export async function startRun(connection: Connection, agent: LightAgent, name: string): Promise<{ identity: JobIdentity; accepted: number; received: number }> {
  const got = new Promise<{ identity: JobIdentity; received: number }>((resolve) => { agent.onRun = ({ identity }) => { resolve({ identity, received: performance.now() }); }; });
  const { status, text } = await connection.request('POST', '/apis/restic-manager.io/v1alpha1/namespaces/default/resticjobs', JSON.stringify({
    apiVersion: 'restic-manager.io/v1alpha1', kind: 'ResticJob', metadata: { name, namespace: 'default' }, spec: { hostRef: { name: agent.host.name }, type: 'Backup', sourceGroupRef: { name: FLEET.group } },
  }), 'application/json', true);
  const accepted = performance.now();
  if (status !== 201) throw new Error(`a job was not taken: ${status} ${text.slice(0, 300)}`);
  return { accepted, ...await got };
}
