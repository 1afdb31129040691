/** Absolute paths of the fetched tools, for tests and scripts. Filled by `npm run tools` (which `npm test` and the quickstart call). */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { inRoot } from '../lib/root.js';
import type { ToolName } from './tools.js';

export const toolsFolder: string = inRoot('.tools/bin');

/** @throws Error naming the command that brings the tool, when it is not there */
export function toolPath(name: ToolName): string {
  const path = join(toolsFolder, name);
  if (!existsSync(path)) throw new Error(`${name} is missing: run \`npm run tools -- ${name}\``);
  return path;
}

/** The first executable of that name on PATH (`.tools/bin` itself left out) or where daemons are, or undefined. */
export function onPath(name: string): string | undefined {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    if (folder === '' || folder === toolsFolder) continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch { /* not in this folder */ }
  }
  return undefined;
}

/** The browser of the e2e suites: TEST_CHROMIUM or a system package. Undefined when there is none. */
export function chromiumPath(): string | undefined {
  return process.env.TEST_CHROMIUM ?? onPath('chromium') ?? onPath('chromium-browser') ?? onPath('google-chrome');
}
