import type { HistoryRecord } from '../exchanges/history.js';
import type { Span } from '../model/span.js';
import { sqlText } from '../storage/database/duckdb.js';
import { storePaths } from '../storage/files/store-directory.js';
import { openSnapshot, readFailure } from '../storage/reading/store-snapshot.js';
import type { Topic } from './topic.js';

/** Times of a topic's stored records, by key. */
export type StoredKeys = Map<string | number, number>;

/**
 * Returns the keys of a topic's stored records: ids of trades, times of closed candles, and times of fetched records of
 * other types. Throws a `FailureError` that names an unreadable file.
 */
export async function readStoredKeys(directory: string, topic: Topic, { from, until }: Span): Promise<StoredKeys> {
  const { exchange, market, symbol, type, interval } = topic;
  const snapshot = await openSnapshot(directory, {
    types: [type],
    exchanges: [exchange.id],
    markets: [market],
    symbols: [symbol],
    since: from,
    until,
    sources: ['exchange'],
    ...(interval !== undefined && { intervals: [interval] }),
  });
  try {
    if (snapshot.partitions(type).length === 0) return new Map();
    const key = type === 'trade' ? '"id"' : 'epoch_us("timestamp")::DOUBLE';
    const condition = type === 'trade' ? 'true' : type === 'candle' ? '"closed"' : '"local_timestamp" IS NULL';
    const settled = type === 'funding' ? ' AND "settled"' : '';
    const result = await snapshot.database.read(
      `SELECT ${key}, epoch_us("timestamp")::DOUBLE FROM ${snapshot.relation(type)}
       WHERE "symbol" = ${sqlText(symbol)} AND ${condition}${settled}`,
    );
    return new Map(result.getRows().map(([id, at]) => [id as string | number, at as number]));
  } catch (error) {
    throw readFailure(error, storePaths(directory).location);
  } finally {
    await snapshot.close();
  }
}

export function keyOf(record: HistoryRecord): string | number {
  return record.type === 'trade' ? record.id : record.timestamp;
}
