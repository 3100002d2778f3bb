import type { Span } from '../../model/span.js';
import { HOUR, SECOND } from '../../model/time.js';
import { sqlText } from '../../storage/database/duckdb.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import { Intervals, SHORTEST_SILENCE } from '../silence.js';
import { inRange, type SymbolRange } from './day-scan.js';

/**
 * Slot length: intervals within a slot are taken as equal, longer ones are exact. Nothing is lost by that, because 20 times
 * a median interval below 3 s is shorter than the minimum silence.
 */
const SLOT = 3 * SECOND;

/** A time without records of a symbol that is longer than the minimum silence. */
export type LongPause = Span & { readonly symbol: string };

/** The long pauses of a day, the intervals between records, and the median delay of arrival (microseconds). */
type DayRhythm = {
  readonly pauses: readonly LongPause[];
  /** Of the requested symbols, else of those with pauses. */
  readonly intervals: ReadonlyMap<string, Intervals>;
  readonly delays: ReadonlyMap<string, number>;
};

/** Reads the arrival of a day's records of some symbols. */
export async function rhythmOf(
  inspection: StoreInspection,
  inspected: InspectedPartition,
  range: SymbolRange,
): Promise<DayRhythm> {
  const { database } = inspection;
  await createSlots(inspection, inspected, inRange(range));
  const pauses = await database.rows(
    `SELECT "symbol", "before" AS start, first FROM ${STEPS} WHERE first - "before" > ${SHORTEST_SILENCE * SECOND} ORDER BY ALL`,
  );
  const delays = await database.rows('SELECT "symbol", median(delay) AS delay FROM slots WHERE delay IS NOT NULL GROUP BY ALL');
  return {
    pauses: pauses.map((row) => ({ symbol: String(row.symbol), from: Number(row.start), until: Number(row.first) })),
    intervals: await intervalsIn(
      inspection,
      `"symbol" IN (SELECT "symbol" FROM ${STEPS} WHERE first - "before" > ${SHORTEST_SILENCE * SECOND})`,
    ),
    delays: new Map(delays.map((row) => [String(row.symbol), Number(row.delay)])),
  };
}

/** Returns the intervals between the records of some symbols on a day. */
export async function intervalsOf(
  inspection: StoreInspection,
  inspected: InspectedPartition,
  symbols: readonly string[],
): Promise<Map<string, Intervals>> {
  await createSlots(inspection, inspected, `"symbol" IN (${symbols.map(sqlText).join(', ')})`);
  return await intervalsIn(inspection, 'true');
}

async function createSlots(inspection: StoreInspection, inspected: InspectedPartition, condition: string): Promise<void> {
  await inspection.database.run(
    `CREATE OR REPLACE TEMP TABLE slots AS
     SELECT "symbol", epoch_us("timestamp") // ${SLOT} AS slot, epoch_us(min("timestamp")) AS first, epoch_us(max("timestamp")) AS last,
       count(*) AS records, avg(epoch_us("local_timestamp") - epoch_us("timestamp")) AS delay
     FROM ${inspection.relation(inspected)} WHERE ${condition} GROUP BY ALL`,
  );
}

const STEPS = '(SELECT *, lag(last) OVER (PARTITION BY "symbol" ORDER BY slot) AS "before" FROM slots)';

async function intervalsIn(inspection: StoreInspection, condition: string): Promise<Map<string, Intervals>> {
  const rows = await inspection.database.rows(
    `SELECT "symbol", (start // ${HOUR}) % 24 AS hour, sum(count) AS count, sum(length * count) / ${SECOND} AS seconds FROM (
       SELECT "symbol", "before" AS start, (first - "before")::DOUBLE AS length, 1 AS count FROM ${STEPS} WHERE "before" IS NOT NULL AND ${condition}
       UNION ALL SELECT "symbol", first, (last - first) / (records - 1), records - 1 FROM ${STEPS} WHERE records > 1 AND ${condition})
     GROUP BY "symbol", hour, CASE WHEN length < ${SECOND} THEN -1 ELSE round(4 * log2(length / ${SECOND})) END
     ORDER BY ALL`,
  );
  const intervals = new Map<string, Intervals>();
  for (const { symbol, hour, count, seconds } of rows) {
    const own = intervals.get(String(symbol)) ?? new Intervals();
    own.add(Number(hour), Number(count), Number(seconds));
    intervals.set(String(symbol), own);
  }
  return intervals;
}
