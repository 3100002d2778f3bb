import { parseInterval } from '../../model/interval.js';
import type { AnyRecord, Candle } from '../../model/records.js';
import { type Database, sqlName } from '../../storage/database/duckdb.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { recordOrder } from '../../storage/database/record-table.js';
import { intervalSeconds } from './batch-tables.js';

/** Records handed on at a time, at least, but for the last. */
const BATCH = 2048;

/** Tables or other relations, to be used after FROM. */
export type CandleTables = { readonly candle: string; readonly gap: string; readonly clock: string };

type Cursor = {
  readonly batches: AsyncGenerator<AnyRecord[]>;
  readonly time: (record: AnyRecord) => number;
  batch: AnyRecord[];
  next: number;
};

/**
 * Returns candles by the time they end, the shorter first, with gaps before and clocks after the candles of their time:
 * the order in which a stream would have given them, so that the next step can read them as one.
 */
export async function* inTime(database: Database, tables: CandleTables): AsyncGenerator<AnyRecord[]> {
  const seconds = intervalSeconds('"interval"');
  const ends = `"timestamp" + to_seconds(${seconds}), ${seconds}, ${recordOrder('candle')}`;
  const cursors = [
    await open(database, 'gap', tables.gap, recordOrder('gap'), ({ timestamp }) => timestamp),
    await open(database, 'candle', tables.candle, ends, endOf),
    await open(database, 'clock', tables.clock, recordOrder('clock'), ({ timestamp }) => timestamp),
  ].filter(({ batch }) => batch.length > 0);
  let records: AnyRecord[] = [];
  while (cursors.length > 0) {
    const first = earliest(cursors);
    records.push(first.batch[first.next++] as AnyRecord);
    if (first.next === first.batch.length && !(await refill(first))) cursors.splice(cursors.indexOf(first), 1);
    if (records.length < BATCH) continue;
    yield records;
    records = [];
  }
  if (records.length > 0) yield records;
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

async function open(
  database: Database,
  type: 'gap' | 'candle' | 'clock',
  relation: string,
  order: string,
  time: Cursor['time'],
): Promise<Cursor> {
  const table = `ordered_${type}`;
  await database.run(`CREATE OR REPLACE TEMP TABLE ${sqlName(table)} AS SELECT * FROM ${relation} ORDER BY ${order}`);
  const cursor: Cursor = { batches: tableRecords(database, type, table), time, batch: [], next: 0 };
  await refill(cursor);
  return cursor;
}

async function refill(cursor: Cursor): Promise<boolean> {
  const { value, done } = await cursor.batches.next();
  cursor.batch = done ? [] : value;
  cursor.next = 0;
  return !done;
}

/** Of equal times the first cursor's record comes first. */
function earliest(cursors: readonly Cursor[]): Cursor {
  let first = cursors[0] as Cursor;
  for (const cursor of cursors) {
    if (timeOf(cursor) < timeOf(first)) first = cursor;
  }
  return first;
}

function timeOf({ batch, next, time }: Cursor): number {
  return time(batch[next] as AnyRecord);
}
