import type { AnyRecord } from './records.js';

/** Minimum number of records per batch, except for the last one. */
const BATCH = 2048;

/** Batches of records in ascending order of `time`. */
export type TimeOrdered = {
  readonly batches: AsyncGenerator<AnyRecord[]>;
  /** Returns the time of a record; its `timestamp` by default. */
  readonly time?: (record: AnyRecord) => number;
};

type Cursor = Required<TimeOrdered> & { batch: AnyRecord[]; next: number };

/** Yields the records of several sources in ascending order of time; at equal times the earlier source goes first. */
export async function* mergeInTime(sources: readonly TimeOrdered[]): AsyncGenerator<AnyRecord[]> {
  const cursors: Cursor[] = [];
  for (const { batches, time = timestampOf } of sources) {
    const cursor = { batches, time, batch: [], next: 0 };
    if (await refill(cursor)) cursors.push(cursor);
  }
  let records: AnyRecord[] = [];
  while (cursors.length > 0) {
    const first = takeEarliest(cursors, records);
    if (first.next === first.batch.length && !(await refill(first))) cursors.splice(cursors.indexOf(first), 1);
    if (records.length < BATCH) continue;
    yield records;
    records = [];
  }
  if (records.length > 0) yield records;
}

/** Moves the earliest record, and those after it in its batch that are earlier than all other sources. Returns its cursor. */
function takeEarliest(cursors: readonly Cursor[], records: AnyRecord[]): Cursor {
  let first = 0;
  for (let index = 1; index < cursors.length; index++) {
    if (nextTime(cursors[index] as Cursor) < nextTime(cursors[first] as Cursor)) first = index;
  }
  const before = Math.min(...cursors.slice(0, first).map(nextTime));
  const after = Math.min(...cursors.slice(first + 1).map(nextTime));
  const cursor = cursors[first] as Cursor;
  do {
    records.push(cursor.batch[cursor.next++] as AnyRecord);
  } while (cursor.next < cursor.batch.length && nextTime(cursor) < before && nextTime(cursor) <= after);
  return cursor;
}

function nextTime({ batch, next, time }: Cursor): number {
  return time(batch[next] as AnyRecord);
}

function timestampOf({ timestamp }: AnyRecord): number {
  return timestamp;
}

/** Fetches the next batch with records. Returns false at the end of the source. */
async function refill(cursor: Cursor): Promise<boolean> {
  for (;;) {
    const { value, done } = await cursor.batches.next();
    if (done) return false;
    cursor.batch = value;
    cursor.next = 0;
    if (value.length > 0) return true;
  }
}
