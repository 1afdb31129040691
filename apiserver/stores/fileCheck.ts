/**
 * LMDB maps its file and trusts it: a file that is not one, or was cut, ends the process with a signal instead of an
 * error. So the header is read before. The newest of the two meta pages says where the trees begin; those pages must be
 * in the file. (Not all pages up to the last: LMDB does not write those it freed in the transaction that took them.)
 * Source: LMDB mdb.c, MDB_meta and MDB_db, 64 bit, as lmdb 3 writes it.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';

const MAGIC = 0xbeefc0de;
const VERSION = 2;
const HEADER = 24;
const NO_PAGE = 0xffffffffffffffffn;

/** What is wrong with a data.mdb, or undefined: nothing seen, or no file yet. */
export function damageOf(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size === 0) return undefined;
    const first = readMeta(file, 0);
    if (first === undefined) return 'it is not a database';
    const second = readMeta(file, first.pageSize);
    if (second === undefined) return 'its second meta page is missing or damaged';
    const { roots, pageSize } = second.transaction > first.transaction ? second : first;
    const cut = roots.some((root) => root !== NO_PAGE && (root + 1n) * BigInt(pageSize) > BigInt(size));
    return cut ? `it is cut: ${size} bytes are left` : undefined;
  } finally {
    closeSync(file);
  }
}

interface Meta { pageSize: number; roots: bigint[]; transaction: bigint }

function readMeta(file: number, at: number): Meta | undefined {
  const page = Buffer.alloc(160);
  if (readSync(file, page, 0, page.length, at) < page.length) return undefined;
  if (page.readUInt32LE(HEADER) !== MAGIC || page.readUInt32LE(HEADER + 4) !== VERSION) return undefined;
  const pageSize = page.readUInt32LE(HEADER + 24);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  return { pageSize, roots: [page.readBigUInt64LE(HEADER + 64), page.readBigUInt64LE(HEADER + 112)], transaction: page.readBigUInt64LE(HEADER + 128) };
}
