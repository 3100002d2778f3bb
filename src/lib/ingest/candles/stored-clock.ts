import { bucketStart, type CandleInterval } from '../../candles/interval.js';
import { formatDate } from '../../model/time.js';
import { sqlText } from '../../storage/duckdb.js';
import type { Partition } from '../../storage/partition.js';
import { expandSegments } from '../../storage/segments.js';
import type { StoreSnapshot } from '../../storage/store-snapshot.js';
import { CLOCKS } from './batch-tables.js';
import { consumedSegments } from './stored-inputs.js';
import type { MarketName } from './stored-trades.js';

/**
 * Creates the table of clocks with the clock of one market and returns it: the greatest arrival of its trades, since
 * `clock` records are not stored. What was known when candles were last built is remembered, so that only the last day
 * and days with something new are looked at.
 */
export async function createStoredClock(
  snapshot: StoreSnapshot,
  market: MarketName,
  intervals: readonly CandleInterval[],
): Promise<number> {
  const condition = `"exchange" = ${sqlText(market.exchange)} AND "market" = ${sqlText(market.market)}`;
  const arrival = `epoch_us(max(coalesce("local_timestamp", "timestamp")))`;
  let now = Number(snapshot.state.settings.get(settingOf(market)) ?? 0);
  for (const date of newDates(snapshot, market, intervals)) {
    const select = `SELECT ${arrival} FROM ${snapshot.relation('trade', date)} WHERE ${condition}`;
    now = Math.max(now, await snapshot.database.number(select));
  }
  const row = `SELECT ${sqlText(market.exchange)} AS "exchange", ${sqlText(market.market)} AS "market", ${now}::BIGINT AS now`;
  await snapshot.database.run(`CREATE OR REPLACE TEMP TABLE ${CLOCKS} AS ${row}`);
  return now;
}

/** Returns the setting by which a store remembers the clock of a market. */
export function clockSetting(market: MarketName, now: number): Record<string, string> {
  return { [settingOf(market)]: String(now) };
}

function settingOf({ exchange, market }: MarketName): string {
  return `candles.clock.${exchange}.${market}`;
}

function newDates(snapshot: StoreSnapshot, market: MarketName, intervals: readonly CandleInterval[]): string[] {
  const own = snapshot
    .partitions('trade')
    .filter((partition) => partition.exchange === market.exchange && partition.market === market.market);
  const last = own
    .map(({ date }) => date)
    .sort()
    .at(-1);
  const isNew = (partition: Partition) =>
    partition.date === last ||
    snapshot.state.partition(partition).some(({ min, segments }) =>
      intervals.some((interval) => {
        const known = new Set(
          expandSegments(consumedSegments(snapshot, market, interval, formatDate(bucketStart(interval.size, min)))),
        );
        return expandSegments(segments).some((id) => !known.has(id));
      }),
    );
  return [...new Set(own.filter(isNew).map(({ date }) => date))];
}

/**
 * Returns a relation `(exchange, market, arrived)`: the time of the last trade that a store has of each market, whatever
 * was selected. A candle of the past is closed, also when only its own trades are looked at.
 */
export function arrivalsOf({ state }: StoreSnapshot): string {
  const rows = [...state.partitions(new Set(['trade']))].map(({ partition: { exchange, market }, files }) => {
    const last = Math.max(...files.map(({ max }) => max));
    const built = Number(
      state.settings.get(settingOf({ exchange: exchange ?? '', market: market as MarketName['market'] })) ?? 0,
    );
    return `(${sqlText(exchange ?? '')}, ${sqlText(market ?? '')}, ${Math.max(last, built)})`;
  });
  return `(VALUES ${rows.join(', ') || "('', '', 0)"}) AS arrivals("exchange", "market", arrived)`;
}
