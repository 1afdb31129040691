/** The server's log: JSON lines on stderr, so that stdout holds only what scripts read. Secrets never enter it. */
import { pino } from 'pino';
import type { Log } from '#controller/ports.js';
import type { ServerConfig } from './config.js';

export type ServerLog = Log;

/** Members that hold secrets by their name, wherever they turn up. */
const REDACTED = ['password', 'token', 'authorization', 'cookie', 'bearer', 'secret'].flatMap((name) => [name, `*.${name}`]);

export function createLog(level: ServerConfig['logLevel']): ServerLog {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) }, redact: { paths: REDACTED, censor: '(hidden)' } }, pino.destination({ dest: 2, sync: true }));
}
