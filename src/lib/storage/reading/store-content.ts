import { RECORD_TYPES, type RecordType } from '../../model/records.js';
import { type Database, sqlName, withDatabase } from '../database/duckdb.js';
import { storedFiles } from '../database/record-load.js';
import { type Partition, partitionOf } from '../files/partition.js';
import { absolutePath, type StoreContext } from '../log/store-context.js';
import type { StoredFile } from '../log/store-state.js';

/** What the sealed files of a store can be summed up by. */
export const CONTENT_KEYS = ['type', 'day', 'exchange', 'market', 'symbol'] as const;
export type ContentKey = (typeof CONTENT_KEYS)[number];

/** The sealed records with the same keys. Times are microseconds. */
export type Content = Partial<Record<ContentKey, string>> & {
  readonly files: number;
  readonly records: number;
  /** Of a symbol: the share of its files that its records have. */
  readonly bytes: number;
  readonly oldest: number;
  readonly newest: number;
};

/** Part of a file: all of it, or one of its symbols. */
type Piece = Pick<StoredFile, 'path' | 'rows' | 'bytes' | 'min' | 'max'> & { readonly symbol?: string };

/**
 * Returns what a store has, summed up by some keys, in the order of types, then of the keys. The log knows it; only the symbols of
 * a file with several are counted in the file.
 */
export async function contentBy(context: StoreContext, keys: readonly ContentKey[]): Promise<Content[]> {
  const { files } = await context.log.read();
  const groups = new Map<string, Piece[]>();
  for (const piece of keys.includes('symbol') ? await symbolsOf(context, [...files.values()]) : files.values()) {
    const id = JSON.stringify(keys.map((key) => keyOf(piece, key)));
    groups.set(id, [...(groups.get(id) ?? []), piece]);
  }
  return [...groups.values()].map((pieces) => summed(pieces, keys)).sort(inOrder(keys));
}

function keyOf(piece: Piece, key: ContentKey): string {
  const partition = partitionOf(piece.path);
  if (key === 'day') return partition.date;
  return (key === 'symbol' ? piece.symbol : partition[key as keyof Partition]) ?? '';
}

function summed(pieces: readonly Piece[], keys: readonly ContentKey[]): Content {
  const [first] = pieces as [Piece];
  return {
    ...Object.fromEntries(keys.map((key) => [key, keyOf(first, key)])),
    files: new Set(pieces.map(({ path }) => path)).size,
    records: pieces.reduce((sum, { rows }) => sum + rows, 0),
    bytes: Math.round(pieces.reduce((sum, { bytes }) => sum + bytes, 0)),
    oldest: pieces.reduce((least, { min }) => Math.min(least, min), Number.POSITIVE_INFINITY),
    newest: pieces.reduce((most, { max }) => Math.max(most, max), Number.NEGATIVE_INFINITY),
  };
}

function inOrder(keys: readonly ContentKey[]): (a: Content, b: Content) => number {
  const rank = ({ type }: Content) => RECORD_TYPES.indexOf(type as RecordType);
  const textOf = (content: Content) => keys.map((key) => content[key]).join('\n');
  return (a, b) => rank(a) - rank(b) || (textOf(a) < textOf(b) ? -1 : 1);
}

/** Returns the files by symbol. */
async function symbolsOf(context: StoreContext, files: readonly StoredFile[]): Promise<Piece[]> {
  return await withDatabase({ threads: 1 }, async (database) => {
    const pieces: Piece[] = [];
    for (const file of files)
      if (file.symbols?.length === 1) pieces.push({ ...file, symbol: file.symbols[0] as string });
      else pieces.push(...(await countSymbols(database, context, file)));
    return pieces;
  });
}

async function countSymbols(database: Database, context: StoreContext, file: StoredFile): Promise<Piece[]> {
  const { type } = partitionOf(file.path);
  const rows = await database.rows(
    `SELECT "symbol", count(*) AS n, epoch_us(min(${sqlName('timestamp')})) AS min, epoch_us(max(${sqlName('timestamp')})) AS max
     FROM ${storedFiles(type, [absolutePath(context, file)])} GROUP BY 1`,
  );
  return rows.map(({ symbol, n, min, max }) => ({
    path: file.path,
    rows: Number(n),
    bytes: (file.bytes * Number(n)) / file.rows,
    min: Number(min),
    max: Number(max),
    ...(symbol === null ? {} : { symbol: String(symbol) }),
  }));
}
