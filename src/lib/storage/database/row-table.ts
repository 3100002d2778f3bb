import type { AnyRecord, RecordType } from '../../model/records.js';
import type { Database } from './duckdb.js';

/** Records of one type as rows of an open database, in the columns of the type, for outputs that take them without an object per row. */
export type RowTable = {
  readonly database: Database;
  readonly type: RecordType;
  /** A SELECT whose rows are in the order of the records. */
  readonly select: string;
};

/** Records in batches; some sources can give all of them as one table instead. */
export type RecordSource<Batch = readonly AnyRecord[]> = AsyncIterable<Batch> & {
  /**
   * Passes the records to `take` as a table, once, instead of the iteration. Returns false when they have to be iterated
   * after all: nothing was read of them then.
   */
  readonly asTable?: ((take: (table: RowTable) => Promise<void>) => Promise<boolean>) | undefined;
};
