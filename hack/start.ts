/** `npm start`: builds what is stale, then runs the server with its data in .data until it is told to stop. */
import { spawn } from 'node:child_process';
import { buildAll } from './build.js';
import { inRoot } from './lib/root.js';
import { messageOf } from './lib/step.js';

try {
  await buildAll();
  const server = spawn(process.execPath, [inRoot('bin/restic-manager'), 'server', ...process.argv.slice(2)], { stdio: 'inherit', env: { ...process.env, RM_DATA_DIR: process.env.RM_DATA_DIR ?? inRoot('.data') } });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { server.kill(signal); });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    server.on('error', reject);
    server.on('exit', (code, signal) => { resolve(code ?? (signal ? 1 : 0)); });
  });
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
