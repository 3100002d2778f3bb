import { stat } from 'node:fs/promises';
import { requireRatio } from '../../model/unpacked-size.js';
import { type Database, sqlName } from './duckdb.js';
import { parquetFiles, pathList } from './record-load.js';

/** Bytes of a value in a column of numbers, times or names. */
const VALUE_BYTES = 8;
/** A day of seconds with quiet prices is nearly nothing but runs of one value, so that much may unpack from any file. */
const VALUES_ALLOWED = 1 << 30;
/** Dictionaries of names are smaller, also with the codes of a row group. */
const LONGEST_DICTIONARY = 1 << 16;
const ADVICE = 'write it as several smaller files';

/**
 * Throws a `FailureError` for a Parquet file that unpacks to more than any market data does. One run can stand for a billion
 * equal rows, and one long text for all rows of a column: both take some bytes in the file, and fill the disk or the memory
 * of who reads it.
 */
export async function requireParquetSize(database: Database, path: string, name = path): Promise<void> {
  const { size } = await stat(path);
  const [facts] = await database.rows(
    `SELECT coalesce(sum(greatest(num_values, row_group_num_rows)), 0)::DOUBLE AS "values",
       list(DISTINCT path_in_schema) FILTER (type LIKE '%BYTE_ARRAY' AND encodings LIKE '%DICTIONARY%'
         AND total_uncompressed_size > ${LONGEST_DICTIONARY}) AS texts FROM parquet_metadata(${pathList([path])})`,
  );
  requireRatio(size, Number(facts?.values) * VALUE_BYTES, name, { allowed: VALUES_ALLOWED, advice: ADVICE });
  const texts = (facts?.texts as { readonly items: readonly string[] } | null)?.items ?? [];
  const lengths = texts
    .filter((column) => !column.includes(', '))
    .map((column) => `coalesce(sum(strlen(${sqlName(column)}::VARCHAR)), 0)`);
  if (lengths.length === 0) return;
  const unpacked = await database.number(`SELECT (${lengths.join(' + ')})::DOUBLE FROM ${parquetFiles([path])}`);
  requireRatio(size, unpacked, name, { advice: ADVICE });
}
