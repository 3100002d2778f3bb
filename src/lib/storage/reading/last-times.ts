import { parseInterval } from '../../model/interval.js';
import type { Market, RecordType } from '../../model/records.js';
import { sqlText } from '../database/duckdb.js';
import { newestPartitions, type SearchDay } from './newest-partitions.js';
import { openSnapshot, type StoreSnapshot } from './store-snapshot.js';

/** Captured records of one type; of exchange candles one interval, of books the whole or the top-N ones. */
export type CapturedKind = {
  readonly type: RecordType;
  readonly interval?: string | undefined;
  readonly isWhole?: boolean | undefined;
};

/** A kind of records and the symbols to look up. */
type LastTimesQuery = CapturedKind & { readonly symbols: readonly string[] };

/**
 * Returns, for each query and by symbol, until when captured records are stored: the time of the last one; of candles the
 * end of the last closed one or the start of an open one. A symbol without records on the last days of the type is
 * absent. Throws as `openSnapshot`.
 */
export async function lastTimes(
  directory: string,
  { exchange, market }: { readonly exchange: string; readonly market: Market },
  queries: readonly LastTimesQuery[],
): Promise<Map<string, number>[]> {
  const snapshot = await openSnapshot(directory, {
    types: [...new Set(queries.map(({ type }) => type))],
    exchanges: [exchange],
    markets: [market],
    symbols: [...new Set(queries.flatMap(({ symbols }) => symbols))],
    sources: ['exchange'],
  });
  try {
    const found: Map<string, number>[] = [];
    for (const query of queries) found.push(await timesOf(snapshot, query));
    return found;
  } finally {
    await snapshot.close();
  }
}

async function timesOf(snapshot: StoreSnapshot, { symbols, ...kind }: LastTimesQuery): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const day of newestPartitions(snapshot, kind.type)) {
    const left = symbols.filter((symbol) => !found.has(symbol));
    if (left.length > 0) await findIn(snapshot, kind, { ...day, symbols: left }, found);
  }
  return found;
}

async function findIn(
  snapshot: StoreSnapshot,
  kind: CapturedKind,
  { date, from, symbols }: SearchDay & { readonly symbols: readonly string[] },
  found: Map<string, number>,
): Promise<void> {
  const [end, condition] = sqlOf(kind);
  const rows = await snapshot.database.rows(
    `SELECT "symbol", max(${end}) AS "end" FROM ${snapshot.relation(kind.type, date)}
     WHERE "timestamp" >= make_timestamptz(${from}) AND "symbol" IN (${symbols.map(sqlText).join(', ')}) AND ${condition}
     GROUP BY "symbol"`,
  );
  for (const { symbol, end } of rows) found.set(String(symbol), Number(end));
}

/** Returns SQL for the end of a record, and the condition that it was captured: fetched history has no arrival time. */
function sqlOf({ type, interval, isWhole = false }: CapturedKind): [end: string, condition: string] {
  const time = 'epoch_us("timestamp")';
  if (type === 'candle' && interval !== undefined)
    return [`${time} + if("closed", ${parseInterval(interval).size}, 0)`, `"interval" = ${sqlText(interval)}`];
  const captured = '"local_timestamp" IS NOT NULL';
  return [time, type === 'book_snapshot' ? `${captured} AND ("depth" IS NULL) = ${isWhole}` : captured];
}
