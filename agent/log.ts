/**
 * The agent's own journal: one JSON object a line on stdout, which systemd keeps. A logger of twenty lines, because a library
 * would cost memory on every host. Secrets never enter it: callers log names, never values.
 */
export const levels = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof levels)[number];
export type Log = Record<Level, (fields: Record<string, unknown>, message: string) => void>;

export function createLog(level: Level, write: (line: string) => void = (line) => { process.stdout.write(line); }): Log {
  const from = levels.indexOf(level);
  const at = (own: Level) => (fields: Record<string, unknown>, message: string): void => {
    if (levels.indexOf(own) < from) return;
    write(`${JSON.stringify({ time: new Date().toISOString(), level: own, msg: message, ...fields })}\n`);
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export const silentLog: Log = createLog('error', () => undefined);

/** The words of an error of any make. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `ENOSPC`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
