import type { RecordType } from '../../model/records.js';
import { DAY, formatDate } from '../../model/time.js';
import { type Partition, partitionColumns } from '../files/partition.js';
import { LISTED_SYMBOLS, type StoredFile } from '../log/store-state.js';
import { type Database, sqlName, sqlText } from './duckdb.js';

/** The rows of one partition in a table. */
export type PartitionRows = Pick<StoredFile, 'rows' | 'min' | 'max' | 'symbols'> & {
  readonly partition: Partition;
  /** The condition that selects these rows. */
  readonly where: string;
};

/** Returns the rows of a relation of one type, by partition. */
export async function partitionRows(database: Database, type: RecordType, relation: string): Promise<PartitionRows[]> {
  const columns = partitionColumns(type).map(sqlName);
  const rows = await database.rows(
    `SELECT ${columns.join(', ')}, epoch_us("timestamp") // ${DAY} AS day, count(*) AS rows,
       epoch_us(min("timestamp")) AS min, epoch_us(max("timestamp")) AS max,
       CASE WHEN count(DISTINCT "symbol") <= ${LISTED_SYMBOLS} THEN to_json(list(DISTINCT "symbol" ORDER BY "symbol")) END AS symbols
     FROM ${relation} GROUP BY ALL ORDER BY ALL`,
  );
  return rows.map((row) => {
    const partition = { type, ...row, date: formatDate(Number(row.day) * DAY) } as unknown as Partition;
    return {
      partition: pick(partition),
      where: partitionCondition(partition),
      rows: Number(row.rows),
      min: Number(row.min),
      max: Number(row.max),
      symbols: typeof row.symbols === 'string' ? (JSON.parse(row.symbols) as string[]) : undefined,
    };
  });
}

function pick(partition: Partition): Partition {
  const values = partitionColumns(partition.type).map((name) => [name, partition[name] ?? null]);
  return { type: partition.type, date: partition.date, ...Object.fromEntries(values) };
}

/** Returns the current rows of a partition in a table, undefined when none is left. */
export async function recount(
  database: Database,
  table: string,
  { partition, where }: PartitionRows,
): Promise<PartitionRows | undefined> {
  return (await partitionRows(database, partition.type, `(SELECT * FROM ${sqlName(table)} WHERE ${where})`))[0];
}

/** Returns the condition that selects the rows of a partition. */
export function partitionCondition(partition: Partition): string {
  const start = Date.parse(`${partition.date}T00:00:00Z`) * 1000;
  const values = partitionColumns(partition.type).map((name) => {
    const value = partition[name];
    return value === null || value === undefined ? `${sqlName(name)} IS NULL` : `${sqlName(name)} = ${sqlText(value)}`;
  });
  return [...values, `"timestamp" >= make_timestamptz(${start})`, `"timestamp" < make_timestamptz(${start + DAY})`].join(' AND ');
}
