import { SEQUENCE } from '../../candles/store/candle-sql.js';
import type { RecordType } from '../../model/records.js';
import { areHashesDistinct } from '../../storage/database/distinct-hashes.js';
import { type Database, sqlText } from '../../storage/database/duckdb.js';
import { partitionCondition } from '../../storage/database/partition-rows.js';
import { keyExpressions } from '../../storage/database/record-table.js';
import { partitionColumns } from '../../storage/files/partition.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';

/** The records of one symbol on one day, times in microseconds. */
export type SymbolCounts = {
  records: number;
  first: number;
  last: number;
  /** Number of books whose best bid is not below the best ask, and the time of the first. */
  crossed: number;
  crossedAt: number | undefined;
  /** Number of rows with impossible values: a price that is not above zero, a high below the low. */
  impossible: number;
  impossibleAt: number | undefined;
  /** Number of trades whose id is the exchange's order number, and of trades that have an order number. */
  numbered: number;
  ordered: number;
};

/** The content of one file of the day over all symbols. */
export type FileCounts = { rows: number; min: number; max: number; symbols: Set<string>; foreign: number };

export type DayCounts = { readonly symbols: Map<string, SymbolCounts>; readonly files: Map<string, FileCounts> };

const NEVER = 'false';
const CROSSED: Partial<Record<RecordType, string>> = {
  book_snapshot: 'len("bids") > 0 AND len("asks") > 0 AND "bids"[1][1] >= "asks"[1][1]',
};
const IMPOSSIBLE: Partial<Record<RecordType, string>> = {
  trade: 'NOT ("price" > 0 AND "amount" > 0)',
  candle: `"high" < "low" OR "open" NOT BETWEEN "low" AND "high" OR "close" NOT BETWEEN "low" AND "high" OR "volume" < 0`,
  liquidation: 'NOT ("price" > 0 AND "amount" > 0)',
  mark_price: 'NOT ("mark" > 0)',
};

/** Counts the records of a day by file and symbol, in one scan. Throws DuckDB's error when a file cannot be read. */
export async function countDay(inspection: StoreInspection, inspected: InspectedPartition): Promise<DayCounts> {
  const { type } = inspected.partition;
  const crossed = CROSSED[type] ?? NEVER;
  const impossible = IMPOSSIBLE[type] ?? NEVER;
  const isTrade = type === 'trade';
  const rows = await inspection.database.rows(
    `SELECT file, "symbol", count(*) AS records, epoch_us(min("timestamp")) AS first, epoch_us(max("timestamp")) AS last,
       count(*) FILTER (NOT (${partitionCondition(inspected.partition)} AND "type" = ${sqlText(type)})) AS "foreign",
       count(*) FILTER (${crossed}) AS crossed, epoch_us(min("timestamp") FILTER (${crossed})) AS crossed_at,
       count(*) FILTER (${impossible}) AS impossible, epoch_us(min("timestamp") FILTER (${impossible})) AS impossible_at,
       ${isTrade ? 'count(*) FILTER (try_cast("id" AS BIGINT) = "sequence")' : 0} AS numbered,
       ${isTrade ? 'count("sequence")' : 0} AS ordered
     FROM ${inspection.relation(inspected)} GROUP BY ALL`,
  );
  const counts: DayCounts = { symbols: new Map(), files: new Map() };
  for (const row of rows) {
    addSymbol(counts.symbols, row);
    if (row.file !== null) addFile(counts.files, row);
  }
  return counts;
}

type Row = Record<string, unknown>;

const timeOf = (value: unknown) => (value === null || value === undefined ? undefined : Number(value));

function addSymbol(symbols: Map<string, SymbolCounts>, row: Row): void {
  const symbol = String(row.symbol);
  const known = symbols.get(symbol);
  symbols.set(symbol, {
    records: Number(row.records) + (known?.records ?? 0),
    first: Math.min(Number(row.first), known?.first ?? Number.POSITIVE_INFINITY),
    last: Math.max(Number(row.last), known?.last ?? 0),
    crossed: Number(row.crossed) + (known?.crossed ?? 0),
    crossedAt: earlier(known?.crossedAt, timeOf(row.crossed_at)),
    impossible: Number(row.impossible) + (known?.impossible ?? 0),
    impossibleAt: earlier(known?.impossibleAt, timeOf(row.impossible_at)),
    numbered: Number(row.numbered) + (known?.numbered ?? 0),
    ordered: Number(row.ordered) + (known?.ordered ?? 0),
  });
}

function addFile(files: Map<string, FileCounts>, row: Row): void {
  const path = String(row.file);
  const file = files.get(path) ?? { rows: 0, min: Number.POSITIVE_INFINITY, max: 0, symbols: new Set<string>(), foreign: 0 };
  file.rows += Number(row.records);
  file.min = Math.min(file.min, Number(row.first));
  file.max = Math.max(file.max, Number(row.last));
  file.symbols.add(String(row.symbol));
  file.foreign += Number(row.foreign);
  files.set(path, file);
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

/** A range of symbols in text order whose records fit into memory together. */
export type SymbolRange = { readonly from: string; readonly to: string };

/** Number of records that are read at once where a table is needed. */
const MOST_RECORDS = 6_000_000;

/** Splits the symbols of a day into ranges that are small enough; a symbol is never split. */
export function symbolRanges(symbols: ReadonlyMap<string, { readonly records: number }>, most = MOST_RECORDS): SymbolRange[] {
  const ranges: { from: string; to: string; records: number }[] = [];
  for (const [symbol, { records }] of [...symbols].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const last = ranges.at(-1);
    if (!last || last.records + records > most) ranges.push({ from: symbol, to: symbol, records });
    else {
      last.to = symbol;
      last.records += records;
    }
  }
  return ranges;
}

export function inRange({ from, to }: SymbolRange): string {
  return `"symbol" BETWEEN ${sqlText(from)} AND ${sqlText(to)}`;
}

/** Faulty records of a symbol: their number, the time of the first, and their files. */
export type Flaw = { readonly symbol: string; readonly count: number; readonly at: number; readonly files: readonly string[] };

/** Returns, by symbol, the number of records with a repeated key. Types that readers deduplicate by key have none. */
export async function duplicatesOf(
  inspection: StoreInspection,
  inspected: InspectedPartition,
  range: SymbolRange,
): Promise<Flaw[]> {
  const fixed = new Set([...partitionColumns(inspected.partition.type), 'symbol'].map((name) => `"${name}"`));
  const keys = keyExpressions(inspected.partition.type).filter((expression) => !fixed.has(expression));
  const sealed = `(FROM ${inspection.relation(inspected)} WHERE file IS NOT NULL AND ${inRange(range)})`;
  const { database } = inspection;
  // To find repeated keys takes four times as long as to prove that there are none.
  if (await areDistinct(database, sealed, keys)) return [];
  const key = keys.length > 0 ? `hash(${keys.join(', ')})` : '0';
  const rows = `(SELECT "symbol", "timestamp", file, ${key} AS key FROM ${sealed})`;
  await database.run(
    `CREATE OR REPLACE TEMP TABLE repeated AS SELECT "symbol", key, count(*) AS copies FROM ${rows} GROUP BY ALL HAVING count(*) > 1`,
  );
  const flaws = await database.rows(
    `SELECT "symbol", count(*) - count(DISTINCT key) AS count, epoch_us(min("timestamp")) AS at, to_json(list(DISTINCT file ORDER BY file))::VARCHAR AS files
     FROM ${rows} SEMI JOIN repeated USING ("symbol", key) GROUP BY ALL ORDER BY ALL`,
  );
  return flaws.map(flawOf);
}

/** Whether each row has a key of its own. False may also mean that two keys look alike. */
async function areDistinct(database: Database, rows: string, keys: readonly string[]): Promise<boolean> {
  const arrived = keys.includes(ARRIVAL);
  const [counts] = await database.rows(`SELECT count(*) AS "all"${arrived ? `, count(${ARRIVAL}) AS arrived` : ''} FROM ${rows}`);
  // What replaces a missing time of arrival reads every column of the row.
  const wanted = counts?.all === counts?.arrived ? keys.filter((expression) => !expression.startsWith('CASE')) : keys;
  return await areHashesDistinct(database, `hash(${['"symbol"', ...wanted].join(', ')})`, rows, Number(counts?.all));
}

const ARRIVAL = '"local_timestamp"';

/** The order of records within a file, as far as all types share it. */
const ORDER: Partial<Record<RecordType, string>> = { trade: '"timestamp", "sequence"', book_delta: '"timestamp", "sequence"' };

/** Returns, by symbol, the number of records that stand behind a later record in their file. */
export async function disorderOf(inspection: StoreInspection, inspected: InspectedPartition): Promise<Flaw[]> {
  const columns = ORDER[inspected.partition.type] ?? '"timestamp"';
  const order = `ROW(${columns.replaceAll('"sequence"', SEQUENCE)})`;
  // Without a partition and an order of its own the window takes the rows in file order and sorts nothing.
  const statement = `SELECT "symbol", count(*) AS count, epoch_us(min("timestamp")) AS at, to_json(list(DISTINCT file ORDER BY file))::VARCHAR AS files FROM (
       SELECT "symbol", "timestamp", file, position, ${order} AS place, lag("symbol") OVER () AS symbol_before,
         lag(position) OVER () AS position_before, lag(${order}) OVER () AS place_before
       FROM ${inspection.relation(inspected)} WHERE file IS NOT NULL)
     WHERE position = position_before + 1 AND ("symbol" < symbol_before OR ("symbol" = symbol_before AND place < place_before))
     GROUP BY ALL ORDER BY ALL`;
  const { database } = inspection;
  return (await database.inOneThread(() => database.rows(statement))).map(flawOf);
}

/** Reads the flaw from a row with `symbol`, `count`, `at` and `files` (JSON). */
function flawOf(row: Row): Flaw {
  return {
    symbol: String(row.symbol),
    count: Number(row.count),
    at: Number(row.at),
    files: JSON.parse(String(row.files)) as string[],
  };
}

/** Returns the number, the first and the last of a symbol's records within times, both included. */
export async function countWithin(
  inspection: StoreInspection,
  inspected: InspectedPartition,
  tiles: readonly { readonly symbol: string; readonly tile: number; readonly first: number; readonly last: number }[],
): Promise<Map<string, { records: number; first: number; last: number }>> {
  const bounded = (time: number) => Math.max(0, Math.min(time, Number.MAX_SAFE_INTEGER));
  const values = tiles.map(
    ({ symbol, tile, first, last }) => `(${sqlText(symbol)}, ${tile}, ${bounded(first)}, ${bounded(last)})`,
  );
  const rows = await inspection.database.rows(
    `WITH tiles("symbol", tile, first, last) AS (VALUES ${values.join(', ')})
     SELECT "symbol", tile, count(*) AS records, epoch_us(min("timestamp")) AS first, epoch_us(max("timestamp")) AS last
     FROM ${inspection.relation(inspected)} AS records JOIN tiles USING ("symbol")
     WHERE epoch_us("timestamp") BETWEEN tiles.first AND tiles.last GROUP BY ALL`,
  );
  return new Map(
    rows.map((row) => [
      `${row.symbol} ${row.tile}`,
      { records: Number(row.records), first: Number(row.first), last: Number(row.last) },
    ]),
  );
}
