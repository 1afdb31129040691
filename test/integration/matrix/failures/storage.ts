/** Storage that refuses: an append-only server with the everyday credential, an account that is wrong, one that is away. */
import { createLog } from '#agent/log.js';
import { startAgent } from '#agent/agent.js';
import { readConfig } from '#agent/config.js';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { toolPath } from '../../../../hack/tools/paths.js';
import type { TestAgent } from '../../../builders/agent.js';
import { until } from '../../../builders/until.js';
import type { World } from '../../../builders/world.js';
import type { FailingHost } from './bed.js';
import type { Row } from './row.js';

/** The same world, whose agents run in this process: what takes an agent minutes to give up takes them a moment. */
export function impatient(world: World): World {
  return Object.assign(Object.create(world) as World, {
    async agent(name: string): Promise<TestAgent> {
      const stateDir = join(world.dir, `agent-${name}`);
      await mkdir(stateDir, { recursive: true, mode: 0o700 });
      const said: string[] = [];
      const config = await readConfig({ RM_STATE_DIR: stateDir, RM_SERVER: world.server.url, RM_HOSTNAME: name, RM_RESTIC: toolPath('restic') });
      const agent = await startAgent({ config, log: createLog('info', (line) => said.push(line)), openLimitMs: 1_000, stuckAfterMs: 3_000 });
      const test: TestAgent = {
        pid: process.pid, stateDir, log: () => said.join(''), exited: new Promise(() => undefined),
        async stop() { await agent.stop(0); return 0; },
        kill: () => agent.stop(0),
        async says(text) { await until(`agent to say ${String(text)}`, () => (typeof text === 'string' ? said.join('').includes(text) : text.test(said.join('')))); },
      };
      world.agents.push(test);
      return test;
    },
  });
}

/** On a host of an append-only server without an admin credential. */
export const appendOnlyRows: Row[] = [
  { title: 'a prune without a credential that may delete', async make(host) {
    await until('the storage to be known', async () => (await host.world.get('Repository', host.host.repository))?.status?.deletionProtection === 'Enforced', 20_000);
    return host.job('Prune', { startingDeadlineSeconds: 1 });
  }, says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): the storage of repository <host> refuses deletion to the everyday credential; name an account that may delete in spec.adminCredentialsSecretRef, or set spec.runner.adminCredentials: OnRunner' } },
  { title: 'a prune whose credential should be in a file of the runner', async make(host) {
    await host.world.patch('Repository', host.host.repository, { spec: { runner: { adminCredentials: 'OnRunner' } } });
    const job = await host.job('Prune');
    await host.world.ended(job);
    await host.world.patch('Repository', host.host.repository, { spec: { runner: { adminCredentials: null } } });
    return job;
  }, says: { phase: 'Failed', reason: 'AdminCredentialsRequired', message: '/etc/restic-manager/admin-credentials/<host>.env: there is no such file, but runner.adminCredentials of the Repository is OnRunner; put lines KEY=VALUE (password, username, AWS_...) into it, mode 0600', mend: 'Repository/<host>' } },
  { title: 'a storage account with a wrong password', async make(host) {
    const { repository, backend } = host.host;
    await host.world.patch('Secret', repository, { stringData: { RESTIC_REST_PASSWORD: 'wrong' } });
    const job = await host.job('Backup');
    await host.world.ended(job);
    await host.world.patch('Secret', repository, { stringData: backend.secret(repository) });
    await host.mended();
    return job;
  }, says: { phase: 'Failed', reason: 'RepositoryUnreachable', message: 'the storage at rest:http://127.0.0.1:<port>/<host>/ refused the user name, key or password; correct the credentials in the Secret of the repository (spec.credentialsSecretRef) (restic: unable to open config file: unexpected HTTP response (401): 401 Unauthorized)', exitCode: 1, log: ['stderr: Stat(<config/>) failed: unexpected HTTP response (401): 401 Unauthorized', 'stderr: {"message_type":"exit_error","code":1,"message":"Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized\\nrest:http://<host>:***@127.0.0.1:<port>/<host>/"}'], mend: 'Repository/<host>' },
    old: { log: undefined } },
];

const refused = new Map<FailingHost, Promise<string>>();

/** Its admin credential is the everyday account once more. restic 0.14 tries for most of a minute: begun early, looked at late. */
export function beginRefusedForget(host: FailingHost): void {
  refused.set(host, refusedForget(host));
}

async function refusedForget(host: FailingHost): Promise<string> {
  const { repository, backend } = host.host;
  await host.world.create('Secret', `${repository}-admin`, { stringData: backend.secret(repository) }, { 'restic-manager.io/use': 'repository-admin' });
  await host.world.patch('Repository', repository, { spec: { adminCredentialsSecretRef: { name: `${repository}-admin` } } });
  return host.job('Forget', { forget: { snapshotIDs: [host.snapshot] } }, 'refused-forget');
}

export const refusedRows: Row[] = [
  { title: 'a forget whose credential may not delete either', make: (host) => refused.get(host) ?? refusedForget(host), says: { phase: 'Failed', reason: 'AppendOnly', message: '1 of 1 snapshots are still there: the storage at rest:http://127.0.0.1:<port>/<host>/ refuses deletion to this account; the admin credential of the repository (spec.adminCredentialsSecretRef, or the file on its runner) must be of an account that may', log: ['stderr: Remove(<snapshot/<id>>) failed: unexpected HTTP response (403): 403 Forbidden', 'stderr: unable to remove snapshot/<id> from the repository', 'stderr: failed to remove one or more snapshots'], mend: 'Repository/<host>' },
    old: { message: '1 of 1 snapshots are still there: the storage at rest:http://127.0.0.1:<port>/<host>/ refuses deletion to this account; the admin credential of the repository (spec.adminCredentialsSecretRef, or the file on its runner) must be of an account that may (restic: blob not removed, server response: 403 Forbidden (403))', exitCode: 1, log: ['stderr: Remove(<snapshot/<id>>) returned error, retrying after <while>: blob not removed, server response: 403 Forbidden (403)', 'stderr: unable to remove <snapshot/<id>> from the repository', 'stderr: blob not removed, server response: 403 Forbidden (403)'] } },
];

/** On an impatient host of a rest-server. */
export const impatientRows: Row[] = [
  {
    title: 'nobody listens at the address of the repository',
    async make(host) {
      await host.host.backend.away();
      const job = await host.job('Backup');
      await host.world.ended(job);
      await host.host.backend.back();
      return job;
    },
    says: { phase: 'Failed', reason: 'RepositoryUnreachable', message: 'the repository at rest:http://127.0.0.1:<port>/<host>/ cannot be reached; check the address, the network and that the storage is running (restic: Head "http://:***@127.0.0.1:<port>/<host>/config": dial tcp 127.0.0.1:<port>: connect: connection refused)', exitCode: 130, log: ['stderr: Stat(<config/>) returned error, retrying after <while>: Head "http://:***@127.0.0.1:<port>/<host>/config": dial tcp 127.0.0.1:<port>: connect: connection refused', 'stderr: \rsignal interrupt received, cleaning up ', 'stderr: {"message_type":"exit_error","code":130,"message":"Fatal: unable to open config file: context canceled\\nrest:http://127.0.0.1:<port>/<host>/"}'], mend: 'Repository/<host>' },
  },
  {
    title: 'restic stands still',
    async make(host) {
      const job = await host.backup('still', { includes: [await host.files('still', { 'noise.bin': randomBytes(4 * 1024 * 1024) })] }, { bandwidth: { uploadKiBps: 40 } });
      process.kill(await host.resticOf('still'), 'SIGSTOP');
      return job;
    },
    says: { phase: 'Failed', reason: 'Stuck', message: 'stopped: for an hour it printed nothing new, made no progress and used no processor time; look for a mount, a disk or a network that hangs', mend: 'Host/<host>' }, restless: true,
  },
  { title: 'an init where nobody listens', make: (host) => initOf(host, 'nowhere', 'rest:http://127.0.0.1:1/'), says: { phase: 'Failed', reason: 'RepositoryUnreachable', message: 'the repository at rest:http://127.0.0.1:<port>/ cannot be reached; check the address, the network and that the storage is running (restic: Head "http://:***@127.0.0.1:<port>/config": dial tcp 127.0.0.1:<port>: connect: connection refused)', exitCode: 130, log: ['stderr: Stat(<config/>) returned error, retrying after <while>: Head "http://:***@127.0.0.1:<port>/config": dial tcp 127.0.0.1:<port>: connect: connection refused', 'stderr: \rsignal interrupt received, cleaning up ', 'stderr: Fatal: unable to open config file: context canceled', 'stderr: rest:http://127.0.0.1:<port>/'], mend: 'Repository/nowhere' } },
  { title: 'an init where no directory can be made', make: (host) => initOf(host, 'nodir', '/dev/null/repository'), says: { phase: 'Failed', reason: 'RepositoryUnreachable', message: 'the repository at /dev/null/repository cannot be reached; check the path, and that its disk is mounted (restic: stat /dev/null/repository/config: not a directory)', exitCode: 130, log: ['stderr: Stat(<config/>) returned error, retrying after <while>: stat /dev/null/repository/config: not a directory', 'stderr: \rsignal interrupt received, cleaning up ', 'stderr: Fatal: unable to open config file: context canceled', 'stderr: /dev/null/repository'], mend: 'Repository/nodir' } },
  { title: 'an init where the repository has another password', async make(host) {
    host.host.backend.restic('others', ['init'], { env: { RESTIC_PASSWORD: 'of somebody else' } });
    return initOf(host, 'others', host.host.backend.url('others'));
  }, says: { phase: 'Failed', reason: 'WrongPassword', message: 'restic refused the repository password; set key password in the Secret of the repository (spec.credentialsSecretRef) (restic: wrong password or no key found)', exitCode: 12, log: ['stderr: Fatal: wrong password or no key found'], mend: 'Repository/others' } },
];

/** The host's repository is another one from now on. Resolves with the job that opens it. */
async function initOf(host: FailingHost, name: string, url: string): Promise<string> {
  const { world } = host;
  await world.create('Secret', name, { stringData: { password: 'some password' } }, { 'restic-manager.io/use': 'repository' });
  await world.create('Repository', name, { spec: { url, credentialsSecretRef: { name }, runner: { hostRef: { name: host.name } } } });
  await world.patch('Host', host.name, { spec: { repositoryRef: { name } } });
  return until('its Init job', async () => (await world.list('ResticJob')).find(({ spec }) => spec.type === 'Init' && spec.repositoryRef?.name === name)?.metadata.name, 20_000);
}
