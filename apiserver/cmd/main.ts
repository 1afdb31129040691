/** restic-manager: the command line of the server. */
import { access, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Command } from 'commander';
import { commit, version } from '#crds/version.js';
import { writeAtomic } from './atomicFile.js';
import { ConfigError, loadConfig, type ServerConfig } from './config.js';
import type { KubeClient } from './kubeClient.js';

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

program.command('apply').description('apply manifests server-side, as kubectl apply --server-side does').requiredOption('-f, --filename <file|dir|->', 'file, directory with all below it, or - for stdin; may be repeated', (value: string, before: string[]) => [...before, value], [] as string[])
  .option('--force-conflicts', 'take over fields that other managers own', false)
  .option('--field-manager <name>', 'who owns what is applied', 'restic-manager')
  .option('--dry-run', 'the server checks everything and stores nothing', false)
  .option('--prune <no>', 'nothing is ever removed: that is for the manifest directory (RM_MANIFESTS_DIR)', 'no')
  .option('--kubeconfig <file>', 'default: $KUBECONFIG, else admin.kubeconfig in the data directory')
  .action(async (options: { filename: string[]; forceConflicts: boolean; fieldManager: string; dryRun: boolean; prune: string; kubeconfig?: string }) => {
    if (options.prune !== 'no') fail(`--prune ${options.prune}: only "no" is supported; objects whose manifest is gone are removed by the server's manifest directory (RM_MANIFESTS_DIR)`);
    await withClient(options.kubeconfig, async (client) => {
      const { applyManifests } = await import('./apply.js');
      return applyManifests(client, { files: options.filename, fieldManager: options.fieldManager, force: options.forceConflicts, dryRun: options.dryRun, stdin: process.stdin, print: (line) => { process.stdout.write(`${line}\n`); }, complain: (line) => { process.stderr.write(`${line}\n`); } });
    });
  });

program.command('manifests').description('the state of the manifest directory, as JSON').option('--confirm-prune <id>', 'allow the removal that waits under this id').option('--kubeconfig <file>', 'as for apply').action(async ({ confirmPrune, kubeconfig }: { confirmPrune?: string; kubeconfig?: string }) => {
  await withClient(kubeconfig, async (client) => {
    const { status, text } = confirmPrune === undefined ? await client.send('GET', '/api/manifests') : await client.send('POST', '/api/manifests/prune', JSON.stringify({ id: confirmPrune }));
    const body = JSON.parse(text) as { message?: string };
    if (status >= 300) fail(body.message ?? `the server answered ${String(status)}`);
    process.stdout.write(`${JSON.stringify(body, undefined, 2)}\n`);
    return 0;
  });
});

program.command('version').description('print the version').action(() => { process.stdout.write(`restic-manager ${version} (${commit})\n`); });

/** Runs a command against the server and ends with its exit code. */
async function withClient(kubeconfig: string | undefined, work: (client: KubeClient) => Promise<number>): Promise<void> {
  const { openKubeClient } = await import('./kubeClient.js');
  try {
    const client = await openKubeClient(kubeconfig ?? await kubeconfigPath());
    process.exitCode = await work(client).finally(() => { client.close(); });
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}

/** The first file of $KUBECONFIG that is there, as kubectl takes it; else the one of the data directory. */
async function kubeconfigPath(): Promise<string> {
  const listed = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  for (const path of listed) if (await access(path).then(() => true, () => false)) return path;
  return listed[0] ?? join(readConfig().dataDir, 'admin.kubeconfig');
}

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
