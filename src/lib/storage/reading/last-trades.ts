import type { Market, RecordType } from '../../model/records.js';
import { sqlText } from '../database/duckdb.js';
import { newestPartitions, type SearchDay } from './newest-partitions.js';
import { openSnapshot, type StoreSnapshot } from './store-snapshot.js';

/** The part of a stored trade that shows where a capture continues. */
type LastTrade = { readonly id: string; readonly timestamp: number; readonly sequence?: string | undefined };

type LastTradesQuery = {
  readonly exchange: string;
  readonly market: Market;
  readonly symbols: readonly string[];
};

/** Trades returned per symbol: those of the last minutes before its last trade, up to a maximum. */
const SECONDS = 300;
const MOST = 250;

/**
 * Returns, by symbol, the last stored trades in order. A symbol without trades on the last stored days is absent. Throws
 * as `openSnapshot`.
 */
export async function lastTrades(directory: string, query: LastTradesQuery): Promise<Map<string, LastTrade[]>> {
  const { exchange, market, symbols } = query;
  const types: RecordType[] = ['trade'];
  const snapshot = await openSnapshot(directory, { types, exchanges: [exchange], markets: [market], symbols });
  try {
    const found = new Map<string, LastTrade[]>();
    for (const day of newestPartitions(snapshot, 'trade')) {
      const left = symbols.filter((symbol) => !found.has(symbol));
      if (left.length > 0) await findIn(snapshot, { ...day, symbols: left }, found);
    }
    return found;
  } finally {
    await snapshot.close();
  }
}

type Part = SearchDay & { readonly symbols: readonly string[] };

async function findIn(snapshot: StoreSnapshot, { date, from, symbols }: Part, found: Map<string, LastTrade[]>): Promise<void> {
  const trades = `(SELECT "symbol", "id", "timestamp", "sequence", "local_timestamp" FROM ${snapshot.relation('trade', date)}
    WHERE "timestamp" >= make_timestamptz(${from}) AND "symbol" IN (${symbols.map(sqlText).join(', ')}))`;
  const rows = await snapshot.database.rows(
    `SELECT "symbol", "id", epoch_us("timestamp") AS time, "sequence"::VARCHAR AS sequence FROM ${trades}
     JOIN (SELECT "symbol", max("timestamp") AS last FROM ${trades} GROUP BY ALL) USING ("symbol")
     WHERE "timestamp" >= last - INTERVAL ${SECONDS} SECOND
     QUALIFY row_number() OVER (PARTITION BY "symbol" ORDER BY "timestamp" DESC, "sequence" DESC NULLS LAST, "local_timestamp" DESC NULLS LAST, "id" DESC) <= ${MOST}
     ORDER BY "symbol", "timestamp", "sequence" NULLS FIRST, "local_timestamp" NULLS FIRST, "id"`,
  );
  for (const row of rows) {
    const symbol = String(row.symbol);
    const trade = { id: String(row.id), timestamp: Number(row.time) };
    const known = found.get(symbol) ?? [];
    known.push(row.sequence === null ? trade : { ...trade, sequence: String(row.sequence) });
    found.set(symbol, known);
  }
}
