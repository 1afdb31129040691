/** The system this agent runs on. */
import { linux } from './linux.js';
import type { Platform } from './platform.js';
import { windows } from './windows.js';

export const platform: Platform = process.platform === 'win32' ? windows(process.env) : linux;
