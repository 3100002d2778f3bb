import { resolve } from 'node:path';
import type { AnyRecord, RecordType } from '../../model/records.js';
import type { DatabaseOptions } from '../database/duckdb.js';
import { tableRecords } from '../database/record-rows.js';
import { recordOrder } from '../database/record-table.js';
import { isVanished } from '../log/retired-files.js';
import type { StoreSelection } from './store-selection.js';
import { openSnapshot, readFailure, STORED_TYPES, type StoreSnapshot } from './store-snapshot.js';

/** Attempts to read a day: a file of it may be replaced meanwhile. */
const ATTEMPTS = 5;
/** Minimum number of records per batch, except for the last one. */
const BATCH = 2048;

/**
 * Yields the selected records of the store in `directory` in order of time; of equal times by type (in the order of
 * `types`), then in the usual order of the type. Memory is bounded: one day is sorted at a time, on disk when it is large.
 * Throws a `FailureError` when a file cannot be read; all records yielded before that are correct.
 */
export async function* readStore(
  directory: string,
  selection: StoreSelection,
  options: DatabaseOptions = {},
): AsyncGenerator<AnyRecord[]> {
  const types = selection.types ?? STORED_TYPES;
  let snapshot = await openSnapshot(directory, selection, options);
  try {
    const dates = [...new Set(types.flatMap((type) => snapshot.dates(type)))].sort();
    for (const date of dates) {
      for (let attempt = 1; ; attempt++) {
        try {
          await sortDay(snapshot, types, date);
          break;
        } catch (error) {
          if (attempt >= ATTEMPTS || !isVanished(error)) throw readFailure(error, resolve(directory));
          await snapshot.close();
          snapshot = await openSnapshot(directory, selection, options);
        }
      }
      yield* mergeDay(snapshot, types);
    }
  } finally {
    await snapshot.close();
  }
}

async function sortDay(snapshot: StoreSnapshot, types: readonly RecordType[], date: string): Promise<void> {
  for (const type of types) {
    await snapshot.database.run(
      `CREATE OR REPLACE TEMP TABLE "day_${type}" AS SELECT * FROM ${snapshot.relation(type, date)} ORDER BY ${recordOrder(type)}`,
    );
  }
}

type Cursor = { readonly batches: AsyncGenerator<AnyRecord[]>; batch: AnyRecord[]; next: number };

async function* mergeDay(snapshot: StoreSnapshot, types: readonly RecordType[]): AsyncGenerator<AnyRecord[]> {
  const cursors: Cursor[] = [];
  for (const type of types) {
    const cursor = { batches: tableRecords(snapshot.database, type, `day_${type}`), batch: [], next: 0 };
    if (await advance(cursor)) cursors.push(cursor);
  }
  let records: AnyRecord[] = [];
  while (cursors.length > 0) {
    const [first, limit] = earliest(cursors);
    for (const record of takeUntil(first, limit)) records.push(record);
    if (records.length >= BATCH) {
      yield records;
      records = [];
    }
    if (first.next >= first.batch.length && !(await advance(first))) cursors.splice(cursors.indexOf(first), 1);
  }
  if (records.length > 0) yield records;
}

/** Returns the cursor with the earliest record and the time up to which it stays the earliest; at equal times the first type wins. */
function earliest(cursors: readonly Cursor[]): [first: Cursor, limit: { time: number; inclusive: boolean }] {
  const order = [...cursors].sort((a, b) => timeOf(a) - timeOf(b) || cursors.indexOf(a) - cursors.indexOf(b));
  const [first, second] = order as [Cursor, Cursor | undefined];
  if (!second) return [first, { time: Number.POSITIVE_INFINITY, inclusive: true }];
  return [first, { time: timeOf(second), inclusive: cursors.indexOf(first) < cursors.indexOf(second) }];
}

function takeUntil(cursor: Cursor, { time, inclusive }: { time: number; inclusive: boolean }): AnyRecord[] {
  const start = cursor.next;
  while (cursor.next < cursor.batch.length && (timeOf(cursor) < time || (inclusive && timeOf(cursor) === time))) cursor.next++;
  return cursor.batch.slice(start, cursor.next);
}

function timeOf({ batch, next }: Cursor): number {
  return (batch[next] as AnyRecord).timestamp;
}

async function advance(cursor: Cursor): Promise<boolean> {
  const { value, done } = await cursor.batches.next();
  if (done) return false;
  cursor.batch = value;
  cursor.next = 0;
  return true;
}
