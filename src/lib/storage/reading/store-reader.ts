import { mergeInTime } from '../../model/merge-in-time.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import type { Database, DatabaseOptions } from '../database/duckdb.js';
import { tableRecords } from '../database/record-rows.js';
import { recordOrder } from '../database/record-table.js';
import { requireStore, requireStoreDirectory, storePaths } from '../files/store-directory.js';
import { isVanished } from '../log/retired-files.js';
import type { StoreSelection } from './store-selection.js';
import { openSnapshot, readFailure, STORED_TYPES, type StoreSnapshot } from './store-snapshot.js';

/** Attempts to read a day: a file of it may be replaced meanwhile. */
const ATTEMPTS = 5;

/** The records of some types. */
type RecordsOf<Type extends RecordType> = Extract<AnyRecord, { readonly type: Type }>;

/**
 * Returns the selected records of a store that exists, as `readStore`; their types are those of `types`. Throws a
 * `UsageError` at once when there is no store in `directory`: a wrong path must not read as a market without trades.
 */
export function readExistingStore<Type extends RecordType = RecordType>(
  directory: string,
  selection: Omit<StoreSelection, 'types'> & { readonly types?: readonly Type[] | undefined } = {},
): AsyncGenerator<RecordsOf<Type>[]> {
  requireStoreDirectory(directory);
  return readRequired(directory, selection) as AsyncGenerator<RecordsOf<Type>[]>;
}

async function* readRequired(directory: string, selection: StoreSelection): AsyncGenerator<AnyRecord[]> {
  await requireStore(directory);
  yield* readStore(directory, selection);
}

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
  const days = storedDays(
    directory,
    selection,
    async (snapshot, date) => {
      await sortDay(snapshot, types, date);
      return snapshot.database;
    },
    options,
  );
  for await (const database of days) yield* dayRecords(database, types);
}

/**
 * Yields what `load` makes of each UTC day of a store, in order; it may lie in the database of its snapshot, until the next
 * day is asked for. Throws as `readStore`.
 */
export async function* storedDays<Day>(
  directory: string,
  selection: StoreSelection,
  load: (snapshot: StoreSnapshot, date: string) => Promise<Day>,
  options: DatabaseOptions = {},
): AsyncGenerator<Day> {
  const types = selection.types ?? STORED_TYPES;
  let snapshot = await openSnapshot(directory, selection, options);
  try {
    const dates = [...new Set(types.flatMap((type) => snapshot.dates(type)))].sort();
    for (const date of dates) {
      for (let attempt = 1; ; attempt++) {
        let day: Day;
        try {
          day = await load(snapshot, date);
        } catch (error) {
          if (attempt >= ATTEMPTS || !isVanished(error)) throw readFailure(error, storePaths(directory).location);
          await snapshot.close();
          snapshot = await openSnapshot(directory, selection, options);
          continue;
        }
        yield day;
        break;
      }
    }
  } finally {
    await snapshot.close();
  }
}

/** Yields the records of a day that `sortDay` has sorted, in order of time. */
export function dayRecords(database: Database, types: readonly RecordType[]): AsyncGenerator<AnyRecord[]> {
  return mergeInTime(types.map((type) => ({ batches: tableRecords(database, type, `day_${type}`) })));
}

/** Sorts the records of a day in tables `day_<type>`. */
export async function sortDay(
  snapshot: StoreSnapshot,
  types: readonly RecordType[],
  date: string,
  orderOf: (type: RecordType) => string = recordOrder,
): Promise<void> {
  for (const type of types) {
    await snapshot.database.run(
      `CREATE OR REPLACE TEMP TABLE "day_${type}" AS SELECT * FROM ${snapshot.relation(type, date)} ORDER BY ${orderOf(type)}`,
    );
  }
}
