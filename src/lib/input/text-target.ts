import type { RecordType } from '../model/records.js';
import { type Database, sqlName } from '../storage/database/duckdb.js';

/** Where the rows of a text file are loaded to. */
export type TextTarget = {
  /** The loaded rows, to be used after FROM. */
  readonly relation: string;
  /** Returns the statement that loads the rows of a SELECT. */
  create(select: string): string;
  /** Returns what else the records of a type are selected with. */
  placeOf(type: RecordType): readonly string[];
  /** Removes what was loaded. */
  drop(): Promise<void>;
};

/** The SELECT of the records of one type in a text file; `places` counts the lines, from the first row on. */
export type LoadedText = {
  readonly type: RecordType;
  readonly select: string;
  readonly rows: number;
  readonly places: number;
};

/** Returns the target that is a temporary table; the records are in file order by its `rowid`. */
export function temporaryTable(database: Database, name: string): TextTarget {
  const relation = sqlName(name);
  return {
    relation,
    create: (select) => `CREATE TEMP TABLE ${relation} AS ${select}`,
    placeOf: () => [],
    drop: () => database.run(`DROP TABLE IF EXISTS ${relation}`),
  };
}
