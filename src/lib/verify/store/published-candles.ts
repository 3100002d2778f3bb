import type { Exchange } from '../../exchanges/exchange.js';
import { EXCHANGES } from '../../exchanges/index.js';
import { fetchHistory } from '../../history/fetch.js';
import { RefusedError, type RestClient } from '../../history/rest-client.js';
import { UnreachableError } from '../../model/errors.js';
import type { Candle, Market } from '../../model/records.js';
import type { Span } from '../../model/span.js';
import { DAY, MINUTE } from '../../model/time.js';
import { sqlText } from '../../storage/database/duckdb.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { tableColumns, tableDefinition } from '../../storage/database/record-table.js';
import type { Partition } from '../../storage/files/partition.js';
import type { StoreInspection } from '../../storage/reading/store-inspection.js';
import { checkFiles } from './file-findings.js';
import type { Published, PublishedSource } from './own-candles.js';

/** The source of candles that were not captured. */
const FETCHED_INTERVAL = '1m';

export type FetchOptions = {
  readonly client: RestClient;
  /** Microseconds. */
  readonly now: () => number;
  /** Receives the reason why an exchange served no candles; it is not asked again. */
  readonly onUnreachable: (reason: string) => void;
  /** Receives the reason why the candles of one symbol were not served. */
  readonly onRefused: (reason: string) => void;
};

/**
 * Returns the exchanges' closed candles: captured ones from the store, and by REST for the symbols of a day without
 * captured ones.
 */
export function publishedCandles(inspection: StoreInspection, options: FetchOptions): PublishedSource {
  const unreachable = new Set<string>();
  return async (day, spans) => {
    const published = await captured(inspection, day, spans);
    for (const [symbol, span] of spans) {
      if (published.has(symbol) || unreachable.has(day.exchange ?? '')) continue;
      const candles = await fetched(day, symbol, span, options, () => unreachable.add(day.exchange ?? ''));
      if (candles.length > 0) published.set(symbol, [{ interval: FETCHED_INTERVAL, candles }]);
    }
    return published;
  };
}

async function captured(
  inspection: StoreInspection,
  { exchange, market, date }: Partition,
  spans: ReadonlyMap<string, Span>,
): Promise<Map<string, Published[]>> {
  const partitions = (await inspection.partitions(['candle'])).filter(
    (one) => one.source === 'exchange' && one.exchange === exchange && one.market === market && one.date === date,
  );
  const published = new Map<string, Published[]>();
  for (const partition of partitions) {
    const inspected = await inspection.partition(partition);
    const { readable } = await checkFiles(inspection, inspected);
    if (readable.length === 0 && !inspected.open) continue;
    const symbols = [...spans.keys()].map(sqlText).join(', ') || 'NULL';
    const columns = tableColumns('candle').map(({ name }) => `"${name}"`);
    const rows = `SELECT ${columns.join(', ')} FROM ${inspection.relation({ ...inspected, files: readable })}`;
    await inspection.database.run(`CREATE OR REPLACE TEMP TABLE published_candles (${tableDefinition('candle')})`);
    await inspection.database.run(
      `INSERT INTO published_candles ${rows} WHERE "closed" AND "symbol" IN (${symbols}) ORDER BY "symbol", "timestamp"`,
    );
    const candles = new Map<string, Candle[]>();
    for await (const batch of tableRecords(inspection.database, 'candle', 'published_candles')) {
      for (const candle of batch as Candle[]) {
        const own = candles.get(candle.symbol) ?? [];
        own.push(candle);
        candles.set(candle.symbol, own);
      }
    }
    for (const [symbol, list] of candles) {
      const own = published.get(symbol) ?? [];
      published.set(symbol, [...own, { interval: partition.interval ?? '', candles: list }]);
    }
  }
  return published;
}

async function fetched(
  { exchange: id, market, date }: Partition,
  symbol: string,
  span: Span,
  options: FetchOptions,
  giveUp: () => void,
): Promise<Candle[]> {
  const exchange: Exchange | undefined = EXCHANGES.find((candidate) => candidate.id === id);
  const start = Date.parse(`${date}T00:00:00Z`) * 1000;
  const from = Math.ceil(Math.max(span.from, start) / MINUTE) * MINUTE;
  const until = Math.floor(Math.min(span.until, start + DAY) / MINUTE) * MINUTE;
  if (!exchange || from >= until) return [];
  const query = { type: 'candle', market: market as Market, symbol, interval: FETCHED_INTERVAL, from, until } as const;
  const candles = new Map<number, Candle>();
  try {
    for await (const { records } of fetchHistory(options.client, exchange, query, options.now, { confirmsEmpty: true }))
      for (const record of records) if (record.type === 'candle' && record.closed) candles.set(record.timestamp, record);
  } catch (error) {
    if (error instanceof RefusedError) options.onRefused(`${symbol}: ${error.message}`);
    else if (error instanceof UnreachableError) {
      options.onUnreachable(error.message);
      giveUp();
    } else throw error;
  }
  return [...candles.values()].sort((a, b) => a.timestamp - b.timestamp);
}
