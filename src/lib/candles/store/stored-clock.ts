import { join } from 'node:path';
import { bucketStart, type CandleInterval } from '../../model/interval.js';
import type { MarketName } from '../../model/series.js';
import { formatDate } from '../../model/time.js';
import { ofMarket } from '../../storage/database/conditions.js';
import { type Database, sqlList, sqlText } from '../../storage/database/duckdb.js';
import type { Partition } from '../../storage/files/partition.js';
import { expandSegments } from '../../storage/files/segments.js';
import type { StoredFile } from '../../storage/log/store-state.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import { CLOCKS } from './batch-tables.js';
import { consumedSegments } from './stored-inputs.js';

/**
 * Creates the table of clocks with the clock of one market and returns it: the latest arrival of its trades, since
 * `clock` records are not stored. The store remembers the clock of the last build, so that only days with new records
 * are read.
 */
export async function createStoredClock(
  snapshot: StoreSnapshot,
  root: string,
  market: MarketName,
  intervals: readonly CandleInterval[],
): Promise<number> {
  let now = Number(snapshot.state.metadata.get(clockKey(market)) ?? 0);
  for (const partition of newPartitions(snapshot, market, intervals))
    now = Math.max(now, await arrivalIn(snapshot, root, partition));
  const isOwn = ({ exchange, market: name }: Partition) => exchange === market.exchange && name === market.market;
  for (const { partition, max } of snapshot.open('trade')) {
    if (!isOwn(partition)) continue;
    const select = `SELECT epoch_us(max(coalesce("local_timestamp", "timestamp"))) FROM ${snapshot.relation('trade', partition.date)}`;
    now = Math.max(now, max, await snapshot.database.number(`${select} WHERE ${ofMarket(market)}`));
  }
  await createClock(snapshot.database, market, now);
  return now;
}

/** Creates the table of clocks with a known clock of one market, microseconds. */
export async function createClock(database: Database, { exchange, market }: MarketName, now: number): Promise<void> {
  const row = `SELECT ${sqlText(exchange)} AS "exchange", ${sqlText(market)} AS "market", ${now}::BIGINT AS now`;
  await database.run(`CREATE OR REPLACE TEMP TABLE ${CLOCKS} AS ${row}`);
}

/** Returns the metadata key under which a store remembers the clock of a market. */
export function clockMetadata(market: MarketName, now: number): Record<string, string> {
  return { [clockKey(market)]: String(now) };
}

function clockKey({ exchange, market }: MarketName): string {
  return `candles.clock.${exchange}.${market}`;
}

/** Partitions of sealed trades that candles of one of the intervals have not been built from. */
function newPartitions(snapshot: StoreSnapshot, market: MarketName, intervals: readonly CandleInterval[]): Partition[] {
  const isNew = ({ min, segments }: StoredFile) =>
    intervals.some((interval) => {
      const known = new Set(
        expandSegments(consumedSegments(snapshot, market, interval, formatDate(bucketStart(interval.size, min)))),
      );
      return expandSegments(segments).some((id) => !known.has(id));
    });
  return [...snapshot.state.partitions(new Set(['trade']))]
    .filter(
      ({ partition, files }) => partition.exchange === market.exchange && partition.market === market.market && files.some(isNew),
    )
    .map(({ partition }) => partition);
}

/** The latest arrival in sealed files, from the row group statistics of Parquet: nothing is decoded. */
async function arrivalIn({ state, database }: StoreSnapshot, root: string, partition: Partition): Promise<number> {
  const files = state.partition(partition);
  const last = Math.max(...files.map(({ max }) => max));
  const paths = sqlList(files.map(({ path }) => join(root, path)));
  const select = `SELECT coalesce(epoch_us(max(stats_max_value::TIMESTAMPTZ)), 0) FROM parquet_metadata(${paths})`;
  return Math.max(last, await database.number(`${select} WHERE path_in_schema = 'local_timestamp'`));
}

/**
 * Returns a relation `(exchange, market, arrived)`: the time of the last stored trade of each market, whatever is selected.
 * Without it, a past candle would look open when only its own trades are read.
 */
export function arrivalsOf({ state }: StoreSnapshot): string {
  const rows = [...state.partitions(new Set(['trade']))].map(({ partition: { exchange, market }, files }) => {
    const last = Math.max(...files.map(({ max }) => max));
    const built = Number(state.metadata.get(clockKey({ exchange: exchange ?? '', market: market as MarketName['market'] })) ?? 0);
    return `(${sqlText(exchange ?? '')}, ${sqlText(market ?? '')}, ${Math.max(last, built)})`;
  });
  return `(VALUES ${rows.join(', ') || "('', '', 0)"}) AS arrivals("exchange", "market", arrived)`;
}
