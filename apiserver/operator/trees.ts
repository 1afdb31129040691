/**
 * What is in a snapshot, asked of an agent and kept for half an hour: a snapshot never changes, and somebody who browses comes
 * back to the same directories. An error is never kept (E25). Bounded by entries, the oldest page goes first.
 */
import type { TreeEntry } from '#crds/wire/agentProtocol.gen.js';
import type { Clock } from '#controller/ports.js';
import { RpcError, type HostCall } from '../sessions/index.js';
import { Problem } from './problem.js';

export interface TreePage {
  entries: TreeEntry[];
  more: boolean;
  /** Name of the host that read it. */
  listedBy: string;
  /** RFC 3339. */
  listedAt: string;
}

export interface TreeQuestion { repositoryID: string; reader: string; snapshot: string; path: string; after: string | undefined }

export interface Trees {
  /** @throws Problem 503 host_offline or busy, 504 timeout, 404 not_found, 409 agent_too_old, 502 with the agent's own code */
  list(question: TreeQuestion): Promise<TreePage>;
}

const KEPT_MS = 30 * 60_000;
const MOST_ENTRIES = 100_000;

interface Kept { page: TreePage; until: number }

export function createTrees(ask: HostCall, clock: Clock): Trees {
  const kept = new Map<string, Kept>();
  let entries = 0;
  const weight = ({ page }: Kept): number => page.entries.length + 1;
  const drop = (key: string): void => {
    const found = kept.get(key);
    if (found && kept.delete(key)) entries -= weight(found);
  };
  const keep = (key: string, found: Kept): void => {
    drop(key);
    kept.set(key, found);
    entries += weight(found);
    for (const oldest of kept.keys()) {
      if (entries <= MOST_ENTRIES) return;
      drop(oldest);
    }
  };
  return {
    async list({ repositoryID, reader, snapshot, path, after }) {
      const key = JSON.stringify([repositoryID, snapshot, path, after]);
      const found = kept.get(key);
      if (found && found.until > clock.now()) return found.page;
      drop(key);
      const { entries: listed, more } = await ask(reader, 'tree.list', { snapshot, path, ...(after === undefined ? {} : { after }) }).catch((error: unknown) => { throw problemOf(error); });
      const page = { entries: listed, more, listedBy: reader, listedAt: new Date(clock.now()).toISOString() };
      // Of a repository without an id, or by a short id, it is not certain that it is the same tomorrow.
      if (repositoryID !== '' && snapshot.length === 64) keep(key, { page, until: clock.now() + KEPT_MS });
      return page;
    },
  };
}

const missing = new Set(['SnapshotNotFound', 'PathNotFound', 'NoRepository']);

function problemOf(error: unknown): unknown {
  if (!(error instanceof RpcError)) return error;
  const { code, message } = error;
  if (missing.has(code)) return new Problem(404, 'not_found', message, { details: { reason: code } });
  switch (code) {
    case 'host_offline': return new Problem(503, 'host_offline', message);
    case 'busy': return new Problem(503, 'busy', message, { retryAfterSeconds: 5 });
    case 'timeout': return new Problem(504, 'timeout', message);
    case 'unknown_method': return new Problem(409, 'agent_too_old', `${message}: update the agent to browse snapshots there`);
    default: return new Problem(502, 'agent_failed', message, { details: { reason: code } });
  }
}
