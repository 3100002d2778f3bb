import type { RecordType } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import { sqlName, sqlText } from '../database/duckdb.js';
import { isDateWithin, type Partition, partitionColumns } from '../files/partition.js';
import type { StoredFile } from '../log/store-state.js';

/** Which stored records are selected; an absent list means all. */
export type StoreSelection = RecordSelection & {
  readonly types?: readonly RecordType[] | undefined;
  /** Candles only. */
  readonly sources?: readonly string[] | undefined;
  readonly intervals?: readonly string[] | undefined;
};

/** Returns whether a partition may hold selected records. */
export function wantsPartition(selection: StoreSelection, partition: Partition): boolean {
  const { types, since, until } = selection;
  if (types && !types.includes(partition.type)) return false;
  if (!isDateWithin(partition.date, since, until)) return false;
  return valueFilters(selection, partition.type).every(([name, values]) => {
    return name === 'symbol' || (partition[name] !== null && values.includes(partition[name] as string));
  });
}

/** Returns whether a file of a selected partition may hold selected records. */
export function wantsFile({ symbols, since, until }: StoreSelection, file: StoredFile): boolean {
  if ((since !== undefined && file.max < since) || (until !== undefined && file.min >= until)) return false;
  return !symbols || !file.symbols || file.symbols.some((symbol) => symbols.includes(symbol));
}

/** Returns whether all records of a file of a selected partition are selected. */
export function isWhole({ symbols, since, until }: StoreSelection, file: StoredFile): boolean {
  if ((since !== undefined && file.min < since) || (until !== undefined && file.max >= until)) return false;
  return !symbols || (file.symbols?.every((symbol) => symbols.includes(symbol)) ?? false);
}

/**
 * Returns the selection of the partitions and files that may hold wanted records of a type. A gap is stored at its end:
 * one that begins before `until` may lie in any later file.
 */
export function fileSelection(selection: StoreSelection, type: RecordType): StoreSelection {
  return type === 'gap' ? { ...selection, until: undefined } : selection;
}

/** Returns the condition that a row of a type is selected, undefined when all are. It agrees with `isSelected`. */
export function rowCondition(selection: StoreSelection, type: RecordType): string | undefined {
  const conditions = valueFilters(selection, type).map(([name, values]) => {
    return `${sqlName(name)} IN (${values.map(sqlText).join(', ') || 'NULL'})`;
  });
  if (selection.since !== undefined) conditions.push(`"timestamp" >= make_timestamptz(${selection.since})`);
  const start = type === 'gap' ? 'from_timestamp' : 'timestamp';
  if (selection.until !== undefined) conditions.push(`"${start}" < make_timestamptz(${selection.until})`);
  return conditions.length > 0 ? conditions.join(' AND ') : undefined;
}

type FilterName = 'exchange' | 'market' | 'symbol' | 'source' | 'interval';

function valueFilters(selection: StoreSelection, type: RecordType): [name: FilterName, values: readonly string[]][] {
  const { exchanges, markets, symbols, sources, intervals } = selection;
  const filters: [FilterName, readonly string[] | undefined][] = [
    ['exchange', exchanges],
    ['market', markets],
    ['symbol', symbols],
    ['source', sources],
    ['interval', intervals],
  ];
  const columns = new Set<FilterName>([...partitionColumns(type), 'symbol']);
  return filters.filter((filter): filter is [FilterName, readonly string[]] => filter[1] !== undefined && columns.has(filter[0]));
}
