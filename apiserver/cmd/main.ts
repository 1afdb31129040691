/** restic-manager: the command line of the server. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { commit, version } from '#crds/version.js';
import { writeAtomic } from './atomicFile.js';
import { ConfigError, loadConfig, type ServerConfig } from './config.js';

const STOP_WITHIN_MS = 15_000;

const program = new Command('restic-manager').description('Declarative restic backups across a fleet').showHelpAfterError();

program.command('server').description('run the standalone server (configured by RM_* variables)').action(async () => {
  const config = readConfig();
  // Loaded only here: the other commands need none of it.
  const [{ createLog }, { startStandalone }] = await Promise.all([import('./log.js'), import('./standalone.js')]);
  const log = createLog(config.logLevel);
  process.on('unhandledRejection', (error) => { log.error({ error: error instanceof Error ? error.stack : String(error) }, 'an error nobody waited for'); });
  const starting = startStandalone(config, log, (line) => { process.stdout.write(`${line}\n`); });
  const server = await starting.catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => { process.exit(1); }, STOP_WITHIN_MS).unref();
    server.stop().then(() => { process.exit(0); }, (error: unknown) => fail(`the stop failed: ${error instanceof Error ? error.message : String(error)}`));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
});

program.command('kubeconfig').description('print the kubeconfig of system:admin, as the running server wrote it').option('-o, --output <file>', 'write it there instead (0600)').action(async ({ output }: { output?: string }) => {
  const file = join(readConfig().dataDir, 'admin.kubeconfig');
  const text = await readFile(file, 'utf8').catch(() => fail(`${file} is not there or cannot be read: start the server once, or set RM_DATA_DIR`));
  if (output === undefined) process.stdout.write(text);
  else await writeAtomic(output, text);
});

program.command('version').description('print the version').action(() => { process.stdout.write(`restic-manager ${version} (${commit})\n`); });

function readConfig(): ServerConfig {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) fail(error.message);
    throw error;
  }
}

/** One clear line for each problem, then the end. */
function fail(message: string): never {
  for (const line of message.split('\n')) process.stderr.write(`restic-manager: ${line}\n`);
  process.exit(1);
}

await program.parseAsync();
