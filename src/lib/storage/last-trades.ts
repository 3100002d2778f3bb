import type { Market, RecordType } from '../model/records.js';
import { DAY, HOUR, WEEK } from '../model/time.js';
import { sqlText } from './duckdb.js';
import { openSnapshot } from './store-snapshot.js';

/** A stored trade, as far as it says where a capture goes on. */
export type LastTrade = { readonly id: string; readonly timestamp: number; readonly sequence?: string | undefined };

export type LastTradesQuery = {
  readonly exchange: string;
  readonly market: Market;
  readonly symbols: readonly string[];
  /** Looked at back from here, microseconds. */
  readonly until: number;
};

/** First the last hour, which nearly always has them; older files are opened for thin symbols only. */
const STEPS = [HOUR, DAY, WEEK];
/** What is given of a symbol: so many seconds before its last trade, and no more than so many trades. */
const SECONDS = 10;
const MOST = 250;
const TYPES: readonly RecordType[] = ['trade'];

/**
 * Returns, by symbol, the last stored trades of the past week in their order; a symbol without any is left out. Only files
 * of the time and symbols in question are opened. Throws as `openSnapshot`.
 */
export async function lastTrades(directory: string, query: LastTradesQuery): Promise<Map<string, LastTrade[]>> {
  const found = new Map<string, LastTrade[]>();
  for (const step of STEPS) {
    const symbols = query.symbols.filter((symbol) => !found.has(symbol));
    if (symbols.length === 0) break;
    await findWithin(directory, { ...query, symbols }, query.until - step, found);
  }
  return found;
}

async function findWithin(
  directory: string,
  { exchange, market, symbols }: LastTradesQuery,
  since: number,
  found: Map<string, LastTrade[]>,
): Promise<void> {
  const selection = { types: TYPES, exchanges: [exchange], markets: [market], symbols, since };
  const snapshot = await openSnapshot(directory, selection);
  try {
    if (snapshot.dates('trade').length === 0) return;
    const trades = `(SELECT "symbol", "id", "timestamp", "sequence" FROM ${snapshot.relation('trade')}
      WHERE "symbol" IN (${symbols.map(sqlText).join(', ')}))`;
    const rows = await snapshot.database.rows(
      `SELECT "symbol", "id", epoch_us("timestamp") AS time, "sequence"::VARCHAR AS sequence FROM ${trades}
       JOIN (SELECT "symbol", max("timestamp") AS last FROM ${trades} GROUP BY ALL) USING ("symbol")
       WHERE "timestamp" >= last - INTERVAL ${SECONDS} SECOND
       QUALIFY row_number() OVER (PARTITION BY "symbol" ORDER BY "timestamp" DESC, "sequence" DESC NULLS LAST, "id" DESC) <= ${MOST}
       ORDER BY "symbol", "timestamp", "sequence" NULLS FIRST, "id"`,
    );
    for (const row of rows) {
      const symbol = String(row.symbol);
      const trade = { id: String(row.id), timestamp: Number(row.time) };
      const known = found.get(symbol) ?? [];
      known.push(row.sequence === null ? trade : { ...trade, sequence: String(row.sequence) });
      found.set(symbol, known);
    }
  } finally {
    await snapshot.close();
  }
}
