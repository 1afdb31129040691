/** What a log line is, so that errors stand out and can be shown alone. */
export interface Line { seq: number; ts: string; stream: string; payload: string }
export type LineKind = 'error' | 'warn' | 'agent' | 'plain';

export function lineKind(line: Line): LineKind {
  if (line.stream === 'agent') return /\b(lost|failed|dropped|refused|killed|cannot)\b/i.test(line.payload) ? 'warn' : 'agent';
  if (/"message_type":"(error|exit_error)"|^(Fatal|error|panic):/i.test(line.payload)) return 'error';
  if (line.stream === 'stderr') return /warning/i.test(line.payload) ? 'warn' : 'error';
  return 'plain';
}

export type LogFilter = 'all' | 'errors' | 'agent';

export function inFilter(line: Line, filter: LogFilter): boolean {
  if (filter === 'all') return true;
  return filter === 'agent' ? line.stream === 'agent' : lineKind(line) === 'error' || lineKind(line) === 'warn';
}

/** restic prints JSON; people read text. What is not known to be readable stays as it was printed. */
export function readable(payload: string): string {
  if (!payload.startsWith('{')) return payload;
  let message: Record<string, unknown>;
  try {
    message = JSON.parse(payload) as Record<string, unknown>;
  } catch {
    return payload;
  }
  const text = (name: string): string => { const value = message[name]; return typeof value === 'string' ? value : ''; };
  const nested = typeof message['error'] === 'object' && message['error'] !== null ? (message['error'] as Record<string, unknown>)['message'] : undefined;
  switch (message['message_type']) {
    case 'error': return `${text('during') ? `${text('during')}: ` : ''}${typeof nested === 'string' ? nested : payload}`;
    case 'exit_error': return text('message') || payload;
    case 'verbose_status': return `${text('action')} ${text('item')}`.trim() || payload;
    default: return payload;
  }
}
