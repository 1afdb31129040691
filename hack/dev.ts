/**
 * `npm run dev`: the server straight from its sources, started again when one changes, and the page from Vite with hot reload.
 * The server's data are in .data, as with `npm start`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { inRoot } from './lib/root.js';

const tsx = inRoot('node_modules/tsx/dist/cli.mjs');
const env = { ...process.env, RM_DATA_DIR: process.env.RM_DATA_DIR ?? inRoot('.data'), RM_LISTEN: process.env.RM_LISTEN ?? '127.0.0.1:8080', RM_COOKIE_SECURE: 'false' };
// Vite is not the server: it must not see settings that only the server knows.
const pageEnv = { ...process.env, RM_DEV_SERVER: `http://localhost:${env.RM_LISTEN.split(':').at(-1) ?? '8080'}` };
const children: ChildProcess[] = [
  spawn(process.execPath, [tsx, 'watch', '--clear-screen=false', '--conditions=source', inRoot('apiserver/cmd/main.ts'), 'server'], { stdio: 'inherit', env }),
  spawn(process.execPath, [inRoot('node_modules/vite/bin/vite.js'), '--config', inRoot('ui/vite.config.ts')], { stdio: 'inherit', env: pageEnv }),
];
const endAll = (): void => { for (const child of children) child.kill('SIGTERM'); };
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, endAll);
for (const child of children) child.on('exit', (code) => { process.exitCode ||= code ?? 0; endAll(); });
