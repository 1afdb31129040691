/** Where the checkout is. Everything under hack/ takes its paths from here, never from the current directory. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const inRoot = (...parts: string[]): string => join(root, ...parts);
