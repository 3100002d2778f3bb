/** One row of a foreign file: its cells as text, and where it stands. */
export type Row = {
  readonly cells: readonly string[];
  readonly line: number;
  /** The file ends without a line end: the last cell may be cut off. */
  readonly isCut?: true;
};

/** Some rows of a file, in its order. */
export type RowBatch = {
  readonly rows: readonly Row[];
  /** Rows that cannot be read, with the reason. */
  readonly rejected: readonly { readonly line: number; readonly reason: string }[];
  /** Why the file ends early, if it does. */
  readonly truncated?: string;
};

/** A foreign file as a table of text. */
export type Table = {
  readonly path: string;
  /** Names of the columns, undefined when the file has no header. */
  readonly header: readonly string[] | undefined;
  /** How a place is called in messages: `line` of text files, `row` of Parquet. */
  readonly unit: 'line' | 'row';
  /** The character between cells, for CSV. */
  readonly delimiter?: string;
  /** DuckDB's types of the columns (Parquet). */
  readonly types?: ReadonlyMap<string, string>;
  /** Columns whose times are UTC by their type (Parquet), and need neither unit nor zone. */
  readonly utcColumns: ReadonlySet<string>;
  /** Columns of times without zone by their type (Parquet). */
  readonly wallColumns: ReadonlySet<string>;
  /** Reads the rows from the beginning. */
  rows(): AsyncGenerator<RowBatch>;
};

/** Maximum number of columns; books of 100 levels have 400. */
export const MOST_COLUMNS = 1_000;

/** Returns the place of a row in messages: `FILE:LINE` as editors take it. */
export function placeOf({ path, unit }: Pick<Table, 'path' | 'unit'>, line: number): string {
  return unit === 'line' ? `${path}:${line}` : `${path}: row ${line}`;
}
