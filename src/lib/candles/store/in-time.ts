import { parseInterval } from '../../model/interval.js';
import { mergeInTime, type TimeOrdered } from '../../model/merge-in-time.js';
import type { AnyRecord, Candle, RecordType } from '../../model/records.js';
import { type Database, sqlName } from '../../storage/database/duckdb.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { recordOrder } from '../../storage/database/record-table.js';
import { intervalSeconds } from './batch-tables.js';

/** Tables or other relations, to be used after FROM. */
export type CandleTables = { readonly candle: string; readonly gap: string; readonly clock: string };

/**
 * Orders candles by their end, the shorter first, with gaps before and clocks after the candles of their time. A stream
 * emits them in this order, so the next step can read both alike.
 */
export async function* inTime(database: Database, tables: CandleTables): AsyncGenerator<AnyRecord[]> {
  const seconds = intervalSeconds('"interval"');
  const ends = `"timestamp" + to_seconds(${seconds}), ${seconds}, ${recordOrder('candle')}`;
  yield* mergeInTime([
    await openTable(database, 'gap', tables.gap, recordOrder('gap')),
    { ...(await openTable(database, 'candle', tables.candle, ends)), time: endOf },
    await openTable(database, 'clock', tables.clock, recordOrder('clock')),
  ]);
}

const sizes = new Map<string, number>();

function endOf(record: AnyRecord): number {
  const { interval, timestamp } = record as Candle;
  let size = sizes.get(interval);
  if (size === undefined) {
    size = parseInterval(interval).size;
    sizes.set(interval, size);
  }
  return timestamp + size;
}

async function openTable(database: Database, type: RecordType, relation: string, order: string): Promise<TimeOrdered> {
  const table = `ordered_${type}`;
  await database.run(`CREATE OR REPLACE TEMP TABLE ${sqlName(table)} AS SELECT * FROM ${relation} ORDER BY ${order}`);
  return { batches: tableRecords(database, type, table) };
}
