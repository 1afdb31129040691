/**
 * A server with an admin, an operator and hosts that are connected: for tests of what /api answers to people. The agents say
 * nothing by themselves; each test plays their part.
 */
import { createPasswords } from '#apiserver/auth/passwords.js';
import { secretName } from '#apiserver/auth/users.js';
import type { Principal } from '#crds/objectStore.js';
import { ADMIN, firstUser, newPerson, type Person, type Reply } from './person.js';
import { dialAgent, newAgentKey, signedHello, type ScriptedAgent } from './scriptedAgent.js';
import { startServer, type TestServer } from './server.js';
import { until } from './until.js';

export const items = (reply: Reply): Record<string, unknown>[] => reply.body['items'] as Record<string, unknown>[];
export const refused = (reply: Reply): Record<string, unknown> => ({ status: reply.status, code: reply.body['code'] });

export interface OperatorBed {
  server: TestServer;
  admin: Person;
  operator: Person;
  viewer: Person;
  /** Enrols a host with repository and group; it is connected unless told otherwise. */
  addHost(name: string, options?: { repo_url?: string; initial_paths?: string[]; away?: boolean }): Promise<{ id: string; agent: ScriptedAgent | undefined }>;
  /** GET of a resource of the Kubernetes dialect. */
  kube(resource: string, name?: string): Promise<Reply>;
  declare(kind: string, plural: string, name: string, spec: object, labels?: Record<string, string>): Promise<Reply>;
  /** Merge patch, by the admin, of an object or of its status. */
  patch(path: string, body: object): Promise<Reply>;
  stop(): Promise<void>;
}

/** Somebody with this role, logged in. */
export async function newUser(server: TestServer, admin: Person, username: string, role: Principal['role']): Promise<Person> {
  const passwords = createPasswords();
  const data = { username, role, passwordHash: await passwords.hash(ADMIN.password), sessionEpoch: '1' };
  await passwords.close();
  const made = await admin.call('POST', '/api/v1/namespaces/default/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { name: secretName(username), labels: { 'restic-manager.io/use': 'user' } }, type: 'restic-manager.io/user', stringData: data });
  if (made.status !== 201) throw new Error(`user ${username}: ${made.text}`);
  const person = newPerson(server);
  const login = await person.call('POST', '/api/auth/login', { username, password: ADMIN.password });
  if (login.status !== 200) throw new Error(`login of ${username}: ${login.text}`);
  return person;
}

const ROOT = '/apis/restic-manager.io/v1alpha1/namespaces/default';

export async function startOperatorBed(env: Record<string, string> = {}): Promise<OperatorBed> {
  const server = await startServer({ env });
  const admin = await firstUser(server);
  const agents: ScriptedAgent[] = [];
  return {
    server, admin,
    operator: await newUser(server, admin, 'otto', 'operator'),
    viewer: await newUser(server, admin, 'vera', 'viewer'),
    async addHost(name, { away = false, repo_url: url = `/srv/repo/${name}`, initial_paths: paths = ['/srv'] } = {}) {
      const key = newAgentKey();
      const minted = await admin.call('POST', '/api/enrollment-tokens', { hostname: name, repo_url: url, repo_password: 'canary-password', initial_paths: paths });
      const enrolled = await newPerson(server).call('POST', '/api/agents/enroll', { token: minted.body['token'], hostname: name, os: 'linux', arch: 'amd64', agent_version: '1.0.0', restic_version: '0.19.1', public_key: key.publicKey });
      if (enrolled.status !== 200) throw new Error(`enrolment of ${name}: ${enrolled.text}`);
      const id = String(enrolled.body['host_id']);
      if (away) return { id, agent: undefined };
      const agent = await dialAgent(Number(new URL(server.url).port), String(enrolled.body['agent_token']), signedHello(key, { hostname: name, resticVersion: '0.19.1' }));
      agents.push(agent);
      await until(`host ${name} to be online`, async () => (await admin.call('GET', `/api/hosts/${name}`)).body['status'] === 'online');
      return { id, agent };
    },
    kube: (resource, name = '') => admin.call('GET', `${ROOT}/${resource}/${name}`),
    declare: (kind, plural, name, spec, labels = {}) => admin.call('POST', `${ROOT}/${plural}`, { apiVersion: 'restic-manager.io/v1alpha1', kind, metadata: { name, labels }, spec }),
    patch: (path, body) => admin.send('PATCH', `${ROOT}/${path}`, JSON.stringify(body), { 'content-type': 'application/merge-patch+json' }),
    async stop() {
      for (const agent of agents) await agent.kill();
      await server.stop();
    },
  };
}
