import { FailureError, UsageError } from '../model/errors.js';
import type { AnyRecord, RecordType } from '../model/records.js';
import { sqlName } from '../storage/database/duckdb.js';
import { tableColumns } from '../storage/database/record-table.js';
import { findStore, storePaths } from '../storage/files/store-directory.js';
import { openSnapshot, STORED_TYPES, type StoreSnapshot } from '../storage/reading/store-snapshot.js';
import type { ImportListener, ImportReport, ImportTarget } from './import-run.js';
import { importStaged } from './import-run.js';
import { copyStatement, Staging } from './staging.js';

/** Types that follow from others: the steps build them again, from the records of both stores. */
const DERIVED: ReadonlySet<RecordType> = new Set(['micro', 'features']);

/**
 * Merges the records of another store: of one key the better or later record stays. Candles from trades, feature rows and
 * what else a step derives are left out, since the steps build them again from all trades. Throws a `UsageError` when the
 * directory is no store.
 */
export async function* runMerge(
  directory: string,
  target: ImportTarget,
  listener: ImportListener,
  report: ImportReport,
): AsyncGenerator<AnyRecord[]> {
  if (!(await findStore(directory))) throw new FailureError(`${directory}: there is no store`);
  if (target.store && storePaths(target.store.directory).location === storePaths(directory).location)
    throw new UsageError(`--from ${directory}: is the store that the records go to`);
  for (const type of STORED_TYPES.filter((one) => !DERIVED.has(one))) {
    const staging = await Staging.open();
    try {
      await stageType(directory, type, staging);
      yield* importStaged(staging, target, listener, report);
    } finally {
      await staging.close().catch(() => {});
      await staging.dispose();
    }
  }
}

/** Copies the rows of one type into the staging database. */
async function stageType(directory: string, type: RecordType, staging: Staging): Promise<void> {
  const snapshot = await openSnapshot(directory, { types: [type] });
  try {
    if (snapshot.partitions(type).length === 0) return;
    await copyRows(snapshot, type, staging);
  } finally {
    await snapshot.close();
  }
}

async function copyRows(snapshot: StoreSnapshot, type: RecordType, staging: Staging): Promise<void> {
  const { database } = snapshot;
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  const where = type === 'candle' ? `WHERE "source" <> 'trades'` : '';
  staging.beginFile('the other store', 'row', false);
  const path = staging.copyPath();
  const rows = await database.number(
    copyStatement(`SELECT ${columns.join(', ')} FROM ${snapshot.relation(type)} ${where}`, path),
  );
  await staging.addCopy(type, path, rows, 1);
}
