import type { RecordType } from '../../model/records.js';
import { DAY, formatDate } from '../../model/time.js';
import { type Partition, partitionColumns, partitionPath } from '../files/partition.js';
import { LISTED_SYMBOLS, type StoredFile } from '../log/store-state.js';
import { type Database, sqlName, sqlText } from './duckdb.js';

/** The rows of one partition in a table. */
export type PartitionRows = Pick<StoredFile, 'rows' | 'min' | 'max' | 'symbols'> & {
  readonly partition: Partition;
  /** The condition that selects these rows. */
  readonly where: string;
};

/**
 * Returns the rows of a relation of one type, by partition. DuckDB groups by symbol as well, and the symbols are united
 * here: as a list within the statement they took five times as long, and every sealed file pays for it.
 */
export async function partitionRows(database: Database, type: RecordType, relation: string): Promise<PartitionRows[]> {
  const columns = partitionColumns(type).map(sqlName);
  const groups = await database.rows(
    `SELECT ${columns.join(', ')}, epoch_us("timestamp") // ${DAY} AS day, "symbol", count(*) AS rows,
       epoch_us(min("timestamp")) AS min, epoch_us(max("timestamp")) AS max
     FROM ${relation} GROUP BY ALL ORDER BY ALL`,
  );
  const partitions = new Map<string, PartitionRows>();
  for (const group of groups) {
    const partition = pick({ type, ...group, date: formatDate(Number(group.day) * DAY) } as unknown as Partition);
    const key = partitionPath(partition);
    partitions.set(key, withGroup(partitions.get(key), partition, group));
  }
  return [...partitions.values()].map((rows) => ({ ...rows, symbols: listed(rows.symbols ?? []) }));
}

function withGroup(before: PartitionRows | undefined, partition: Partition, group: Record<string, unknown>): PartitionRows {
  const [rows, min, max] = [Number(group.rows), Number(group.min), Number(group.max)];
  const symbols = typeof group.symbol === 'string' ? [group.symbol] : [];
  if (!before) return { partition, where: partitionCondition(partition), rows, min, max, symbols };
  return {
    ...before,
    rows: before.rows + rows,
    min: Math.min(before.min, min),
    max: Math.max(before.max, max),
    symbols: [...(before.symbols ?? []), ...symbols],
  };
}

function listed(symbols: readonly string[]): readonly string[] | undefined {
  return symbols.length > 0 && symbols.length <= LISTED_SYMBOLS ? symbols : undefined;
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
