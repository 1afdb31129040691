/**
 * `npm run quickstart`: shows the whole product on this machine. A server with a fresh data directory, examples/quickstart applied by
 * real kubectl, a demo agent that announces itself and is approved by its fingerprint, a repository it initialises, a first backup
 * by Run now, a restore with bare restic compared byte for byte. Stays up until Ctrl-C; `--once` ends after the proof.
 * `--append-only` puts the repository behind a rest-server that refuses deletion.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { buildAll } from './build.js';
import { run } from './lib/exec.js';
import { inRoot } from './lib/root.js';
import { messageOf, step } from './lib/step.js';
import { Children, ownEnvironment, type Child } from './quickstart/children.js';
import { compareTrees, writeSampleFiles } from './quickstart/files.js';
import { freshFolder } from './quickstart/folder.js';
import { Kubectl } from './quickstart/kubectl.js';
import { writeManifests } from './quickstart/manifests.js';
import { Operator } from './quickstart/operator.js';
import { fetchTools } from './tools/fetch.js';
import { toolPath } from './tools/paths.js';

const options = new Set(process.argv.slice(2));
const unknown = [...options].find((option) => !['--once', '--append-only'].includes(option));

/** Polls a condition that only a text of another program tells. @throws Error when it does not come in time */
async function until<T>(what: string, seconds: number, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    lost.throwIfAborted();
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await wait(100);
  }
}

const abort = new AbortController();
const lost = abort.signal;
const children = new Children((why) => { abort.abort(new Error(why)); });

async function startServer(home: string): Promise<{ server: Child; url: string; token: string }> {
  const env = ownEnvironment({ RM_DATA_DIR: join(home, 'data'), RM_LISTEN: '127.0.0.1:0', RM_TLS_LISTEN: '127.0.0.1:0', RM_COOKIE_SECURE: 'false' });
  const server = children.start('the server', process.execPath, [inRoot('bin/restic-manager'), 'server'], env, join(home, 'server.log'));
  const port = await until('the server is ready', 30, () => /listening on http:\/\/\S+?:(\d+)/.exec(server.said())?.[1]);
  const token = await until('the server gives a bootstrap token', 10, () => /bootstrap token: (\S+)/.exec(server.said())?.[1]);
  return { server, url: `http://localhost:${port}`, token };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => { resolve(typeof address === 'object' && address ? address.port : 0); });
    });
  });
}

/** @returns the repository's URL behind an append-only rest-server */
async function startRestServer(home: string): Promise<string> {
  const port = await freePort();
  children.start('rest-server', toolPath('rest-server'), ['--path', join(home, 'rest'), '--listen', `127.0.0.1:${port}`, '--no-auth', '--append-only'], ownEnvironment({}), join(home, 'rest-server.log'));
  await until('rest-server answers', 15, () => fetch(`http://127.0.0.1:${port}/`).then(() => true, () => undefined));
  return `rest:http://127.0.0.1:${port}/demo/`;
}

/** What a GitOps approval is: the Host names the key of the agent that announced itself. */
async function approveAgent(kubectl: Kubectl): Promise<void> {
  const fingerprint = await until('the agent announces itself', 30, async () => (await kubectl.run('get', 'enrollmentrequests', '-o', 'jsonpath={.items[0].status.fingerprint}')) || undefined);
  await kubectl.run('patch', 'host', 'demo', '--type=merge', '-p', JSON.stringify({ spec: { enrollment: { fingerprint } } }));
}

async function restoreAndCompare(home: string, files: string, repository: string, password: string): Promise<number> {
  const target = join(home, 'restored');
  const env = ownEnvironment({ RESTIC_PASSWORD: password, RESTIC_REPOSITORY: repository, RESTIC_CACHE_DIR: join(home, 'restic-cache') });
  await run(toolPath('restic'), ['restore', 'latest', '--host', 'demo', '--tag', 'files', '--target', target], { env, timeoutMs: 120_000 });
  return compareTrees(files, join(target, files));
}

async function main(): Promise<void> {
  if (unknown) throw new Error(`unknown option ${unknown}; known: --once, --append-only`);
  const begin = Date.now();
  await fetchTools(options.has('--append-only') ? ['restic', 'kubectl', 'rest-server'] : ['restic', 'kubectl']);
  await buildAll();
  const ready = Date.now();
  const home = await freshFolder();
  const files = join(home, 'files');
  await mkdir(files);
  await writeSampleFiles(files);
  const { url, token } = await step('start the server', () => startServer(home));
  const kubeconfig = join(home, 'data/admin.kubeconfig');
  const kubectl = new Kubectl(kubeconfig, home);
  const login = { username: 'admin', password: randomBytes(12).toString('base64url') };
  const operator = new Operator(url);
  await step('create the first user', () => operator.bootstrap(token, login));
  const repository = options.has('--append-only') ? await step('start an append-only rest-server', () => startRestServer(home)) : join(home, 'repository');
  const password = await writeManifests(join(home, 'manifests'), home, repository);
  console.log(await step('kubectl apply -f examples/quickstart', () => kubectl.run('apply', '-f', join(home, 'manifests'))));
  await step('start a demo agent; it announces itself', async () => {
    children.start('the agent', process.execPath, [inRoot('bin/restic-manager-agent'), 'run'], ownEnvironment({ RM_SERVER: url, RM_STATE_DIR: join(home, 'agent'), RM_HOSTNAME: 'demo', RM_RESTIC: toolPath('restic') }), join(home, 'agent.log'));
    await until('the agent announces itself', 30, async () => (await kubectl.run('get', 'enrollmentrequests', '-o', 'name')) || undefined);
  });
  const approved = Date.now();
  await step('approve it: the Host names its key', () => approveAgent(kubectl));
  await step('the agent is online and has initialised the repository', async () => {
    await kubectl.waitFor('host/demo', 'condition=Online', 60);
    await kubectl.waitFor('host/demo', 'condition=RepositoryReady', 60);
  });
  await step('first backup, by Run now', async () => kubectl.waitFor(`resticjob/${await operator.runNow('demo', 'demo-files')}`, 'condition=Succeeded', 120));
  console.log(`  approved to backed up: ${((Date.now() - approved) / 1000).toFixed(1)} s`);
  const entries = await step('restore it with bare restic and compare', () => restoreAndCompare(home, files, repository, password));
  console.log(`  ${entries} files and folders are the same, byte for byte`);
  console.log(await kubectl.run('get', 'hosts,repositories,sourcegroups,schedules,resticjobs'));
  console.log(`\nproved in ${((Date.now() - ready) / 1000).toFixed(1)} s (${((Date.now() - begin) / 1000).toFixed(1)} s with tools and build)\n`);
  lost.throwIfAborted();
  if (options.has('--once')) return;
  console.log(`  page        ${url}\n  login       ${login.username} / ${login.password}\n  kubectl     export KUBECONFIG=${kubeconfig}\n  logs, data  ${home}\n\nCtrl-C ends it.`);
  await new Promise<void>((resolve) => { lost.addEventListener('abort', () => { resolve(); }, { once: true }); if (lost.aborted) resolve(); });
  lost.throwIfAborted();
}

/** What an interrupt aborts with: the ordinary end of a quickstart that stayed up. */
class Interrupted extends Error {}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { abort.abort(new Interrupted(signal)); });
try {
  await Promise.race([main(), new Promise<never>((_, reject) => { lost.addEventListener('abort', () => { reject(lost.reason as Error); }, { once: true }); })]);
} catch (error) {
  if (!(error instanceof Interrupted)) console.error(`quickstart failed: ${messageOf(error)}`);
  process.exitCode = error instanceof Interrupted ? (options.has('--once') ? 130 : 0) : 1;
} finally {
  if (!options.has('--once') || process.exitCode) console.log('ending the server and the agent ...');
  await children.end();
  // The pieces still under way (a wait of kubectl) have nobody left to tell.
  process.exit();
}
