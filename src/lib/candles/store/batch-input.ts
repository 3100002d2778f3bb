import { stat } from 'node:fs/promises';
import { readInput } from '../../input/input.js';
import type { InputListener } from '../../input/input-listener.js';
import { typeOfColumns } from '../../input/record-shape.js';
import { FailureError, MdtoolError } from '../../model/errors.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import type { Database } from '../../storage/database/duckdb.js';
import { parquetSelect } from '../../storage/database/parquet-records.js';
import { emptyRelation, keyExpressions, precedence } from '../../storage/database/record-table.js';
import { TableAppender } from '../../storage/database/table-appender.js';
import { rowCondition } from '../../storage/reading/store-selection.js';
import type { CandleRelations } from './batch-tables.js';

/** Types that candles depend on. */
const TYPES = ['trade', 'candle', 'gap', 'clock'] as const;
type InputType = (typeof TYPES)[number];

/** Facts about the input beside the relations. */
type InputTally = { duplicates: number; unused: number };

/** Returns the relations of what candles depend on in files: Parquet is read where it lies, the rest is loaded first. */
export async function loadInput(
  database: Database,
  paths: readonly string[],
  selection: RecordSelection,
  listener: InputListener,
  tally: InputTally,
): Promise<CandleRelations> {
  const selects = new Map<InputType, string[]>(TYPES.map((type) => [type, []]));
  const others = paths.filter((path) => !path.endsWith('.parquet'));
  for (const path of paths.filter((one) => one.endsWith('.parquet'))) {
    const { type, select } = await selectOf(database, path, listener);
    const list = selects.get(type as InputType);
    if (list) list.push(select);
    else tally.unused += await database.number(`SELECT count(*) FROM (${select})`);
  }
  if (others.length > 0) await loadRecords(database, readInput(others, listener), selects, tally);
  const relations: Record<string, string> = {};
  for (const [type, list] of selects) relations[type] = await uniqueRelation(database, type, list, selection, tally);
  return { ...relations, arrivals: arrivalsIn(selects.get('trade') ?? [], selection) } as CandleRelations;
}

/** Returns the last arrival of each market, even after the selected time: it closes candles as the clock of a store does. */
function arrivalsIn(selects: readonly string[], { exchanges, markets, symbols, until }: RecordSelection): string | undefined {
  if (selects.length === 0 || until === undefined) return undefined;
  return `(SELECT "exchange", "market", epoch_us(max(coalesce("local_timestamp", "timestamp"))) AS arrived
    FROM (${selects.join(' UNION ALL ')}) WHERE ${rowCondition({ exchanges, markets, symbols }, 'trade') ?? 'true'} GROUP BY ALL)`;
}

async function selectOf(
  database: Database,
  path: string,
  listener: InputListener,
): Promise<{ type: RecordType; select: string }> {
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new FailureError(`${path}: cannot be read (${error.code === 'ENOENT' ? 'no such file' : error.message})`);
  });
  try {
    return await parquetSelect(database, path, {
      typeOf: (columns) => typeOfColumns(columns, path),
      onIncomplete: (rows) =>
        listener.broken(
          `${path}: ${rows} ${rows === 1 ? 'row is' : 'rows are'} not valid records (a required value is missing or invalid, a time is not in microseconds, or values contradict each other)`,
        ),
    });
  } catch (error) {
    if (error instanceof MdtoolError) throw error;
    throw new FailureError(`${path}: cannot be read (${(error as Error).message.split('\n')[0]})`, { cause: error });
  }
}

async function loadRecords(
  database: Database,
  input: AsyncIterable<readonly AnyRecord[]>,
  selects: ReadonlyMap<InputType, string[]>,
  tally: InputTally,
): Promise<void> {
  const appenders = new Map<RecordType, TableAppender>();
  for (const type of TYPES) appenders.set(type, await TableAppender.create(database, type));
  for await (const records of input) {
    const byType = new Map<RecordType, AnyRecord[]>(TYPES.map((type) => [type, []]));
    for (const record of records) {
      const list = byType.get(record.type);
      if (list) list.push(record);
      else tally.unused += 1;
    }
    for (const [type, list] of byType) await appenders.get(type)?.append(list);
  }
  for (const [type, appender] of appenders) {
    await appender.flush();
    selects.get(type as InputType)?.push(`SELECT * FROM "${type}"`);
  }
}

/**
 * Returns the selected rows; of rows with one key only the one that counts. A hash of the keys finds out whether any key
 * repeats: only then rows are chosen by key, and stored.
 */
async function uniqueRelation(
  database: Database,
  type: InputType,
  selects: readonly string[],
  { exchanges, markets, symbols, since, until }: RecordSelection,
  tally: InputTally,
): Promise<string> {
  if (selects.length === 0) return emptyRelation(type);
  // A clock belongs to a market and closes candles whatever the selected time.
  const selected = type === 'clock' ? { exchanges, markets } : { exchanges, markets, symbols, since, until };
  const condition = rowCondition(selected, type);
  const all = `(SELECT * FROM (${selects.join(' UNION ALL ')}) WHERE ${condition ?? 'true'})`;
  const keys = keyExpressions(type).join(', ');
  const [row] = await database.rows(`SELECT count(*) AS records, count(DISTINCT hash(${keys})) AS keys FROM ${all}`);
  if (row?.records === row?.keys) return all;
  await database.run(
    `CREATE TEMP TABLE unique_${type} AS SELECT * FROM ${all}
     QUALIFY row_number() OVER (PARTITION BY ${keys} ORDER BY ${precedence(type)}) = 1`,
  );
  const kept = await database.number(`SELECT count(*) FROM unique_${type}`);
  if (type === 'trade') tally.duplicates += Number(row?.records) - kept;
  return `unique_${type}`;
}
