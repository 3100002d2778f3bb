import type { DatabaseOptions } from '../database/duckdb.js';
import { storePaths } from '../files/store-directory.js';
import { candleView } from './query.js';
import type { QueryResult } from './query-result.js';
import type { StoreSelection } from './store-selection.js';
import { openSnapshot, readFailure, STORED_TYPES } from './store-snapshot.js';
import type { Extent } from './type-relation.js';

/** A view with records: their number, minimum and maximum `timestamp` (microseconds). */
type StoreView = { readonly view: string; readonly records: number; readonly first: number; readonly last: number };

/**
 * Returns the views of the store in `directory` that have records. The log has the counts; only journals, and files that
 * a selection cuts, are read. Throws as `openSnapshot`.
 */
export async function listViews(
  directory: string,
  selection: Omit<StoreSelection, 'types'> = {},
  options: DatabaseOptions = {},
): Promise<StoreView[]> {
  const snapshot = await openSnapshot(directory, selection, options);
  try {
    const views: StoreView[] = [];
    for (const type of STORED_TYPES) {
      views.push(...viewOf(type, await snapshot.extent(type)));
      if (type !== 'candle') continue;
      for (const name of [...new Set(snapshot.partitions(type).map(candleView))].sort()) {
        views.push(...viewOf(name, await snapshot.extent(type, (partition) => candleView(partition) === name)));
      }
    }
    return views;
  } catch (error) {
    throw readFailure(error, storePaths(directory).location);
  } finally {
    await snapshot.close();
  }
}

function viewOf(view: string, extent: Extent | undefined): StoreView[] {
  return extent ? [{ view, records: extent.rows, first: extent.min, last: extent.max }] : [];
}

/** Returns the result of `listViews` as rows. */
export async function viewsResult(directory: string, selection: Omit<StoreSelection, 'types'> = {}): Promise<QueryResult> {
  const views = await listViews(directory, selection);
  return {
    columns: [
      { name: 'view', kind: 'text' },
      { name: 'records', kind: 'number' },
      { name: 'first', kind: 'time' },
      { name: 'last', kind: 'time' },
    ],
    rowCount: views.length,
    async *rows() {
      yield views.map(({ view, records, first, last }) => [view, records, first, last]);
    },
    async close() {},
  };
}
