/** restic-manager-agent: the command line. Exit codes: 0 well, 1 failed, 2 wrong configuration, 4 the server sent this agent away. */
import { Command } from 'commander';
import { commit, version } from '#crds/version.js';
import { startAgent } from './agent.js';
import { ConfigError, readConfig, type AgentConfig } from './config.js';
import { NotPrivate, privateDirectory, privateState } from './files.js';
import { enroll } from './install/enroll.js';
import { announce, Denied } from './install/announce.js';
import { describeMachine } from './install/machine.js';
import { fingerprintOf } from './install/keys.js';
import { Identity } from './install/state.js';
import { lockState, StateInUse } from './install/stateLock.js';
import { AddressRefused, serverAddress, ServerRefused } from './link/server.js';
import { createLog, messageOf } from './log.js';
import { platform } from './platform/here.js';
import { redactUrl } from './restic/redact.js';
import { ResticProbe } from './restic/capabilities.js';
import { selfTest } from './selfTest.js';
import { readStatus, statusText } from './status.js';

const program = new Command('restic-manager-agent').description('Runs restic on this host as its restic-manager server plans it').version(version, '-V, --version');

program.command('run', { isDefault: true }).description('the agent; not enrolled yet: enrols with RM_SERVER (and RM_TOKEN), or announces itself').action(async () => {
  const config = await readConfig(process.env);
  const log = createLog(config.logLevel);
  log.info(resolved(config), 'restic-manager-agent starts');
  const agent = await startAgent({ config, log });
  for (const signal of platform.stopSignals) {
    process.on(signal, () => {
      log.info({ signal }, 'stopping: no new runs, a running one may end');
      void agent.stop();
    });
  }
  const { end, message } = await agent.ended;
  if (end === 'stopped') log.info({}, 'stopped');
  else log.error({ end }, message);
  process.exit(end === 'stopped' ? 0 : end === 'failed' ? 1 : 4);
});

program.command('enroll').description('makes this machine a host, then exits').option('--server <url>', 'the server (RM_SERVER)').option('--token <token>', 'enrolment token; without it the agent announces itself and waits (RM_TOKEN)').action(async (options: { server?: string; token?: string }) => {
  const config = await readConfig(process.env);
  const log = createLog(config.logLevel, (line) => { process.stderr.write(line); });
  const url = options.server ?? config.server;
  if (url === undefined) throw new ConfigError('name the server: --server https://backup.example.org');
  const address = serverAddress(url, config.pins, config.allowPlaintext);
  await privateDirectory(config.stateDir);
  const release = await lockState(config.stateDir);
  try {
    await privateState(config.stateDir);
    const identity = await Identity.open(config.stateDir, log);
    if (config.pins.length > 0) await identity.update({ pins: config.pins });
    const machine = describeMachine(config.hostname);
    const restic = (await new ResticProbe(config.restic).find())?.version;
    const token = options.token ?? config.token;
    if (token !== undefined) await enroll(address, token, machine, restic, identity);
    else {
      process.stdout.write(`fingerprint ${fingerprintOf(identity.key.publicKey)}\nwaiting to be accepted on ${address.base.origin}\n`);
      await announce(address, machine, restic, identity, log, new AbortController().signal);
    }
    process.stdout.write(`enrolled as ${machine.hostname} (${identity.credentials.hostID ?? ''}); start the agent with: restic-manager-agent run\n`);
  } finally {
    await release();
  }
  process.exit(0);
});

program.command('status').description('what the agent of this machine is doing').option('--json', 'as JSON').action(async (options: { json?: boolean }) => {
  const config = await readConfig(process.env);
  const found = await readStatus(config.stateDir);
  if (!found) throw new Error(`no agent ever ran with ${config.stateDir}`);
  process.stdout.write(options.json ? `${JSON.stringify({ ...found.status, alive: found.alive }, undefined, 2)}\n` : `${statusText(found)}\n`);
  process.exitCode = found.alive ? 0 : 1;
});

program.command('self-test').description('proves that this binary works here').action(async () => {
  const config = await readConfig(process.env);
  const checks = await selfTest(config.restic);
  for (const { name, ok, detail, optional } of checks) process.stdout.write(`${ok ? 'ok  ' : optional ? 'warn' : 'FAIL'}  ${name.padEnd(14)}${detail}\n`);
  process.exitCode = checks.every(({ ok, optional }) => ok || optional) ? 0 : 1;
});

program.command('version').description('version and commit').action(() => {
  process.stdout.write(`restic-manager-agent ${version} (${commit})\n`);
});

/** The configuration as it is used, without secrets. */
function resolved(config: AgentConfig): Record<string, unknown> {
  const { token, agentToken, server, environment, ...rest } = config;
  return { version, ...rest, environment: Object.keys(environment), server: server === undefined ? undefined : redactUrl(server), token: token === undefined ? 'none' : 'given', agentToken: agentToken === undefined ? 'none' : 'given' };
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError || error instanceof AddressRefused || error instanceof NotPrivate || error instanceof StateInUse) return 2;
  return error instanceof Denied ? 4 : 1;
}

program.parseAsync().catch((error: unknown) => {
  const hint = error instanceof ServerRefused && error.status === 410 ? ': the enrolment token is wrong, used or older than an hour; make a new one' : '';
  process.stderr.write(`restic-manager-agent: ${messageOf(error)}${hint}\n`);
  process.exit(exitCodeOf(error));
});
