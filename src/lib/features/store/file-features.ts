import { StoppedError } from '../../input/closing.js';
import { type FileSelect, loadTextFiles, selectParquet } from '../../input/file-select.js';
import { isPlainParquet } from '../../input/formats.js';
import { expandPaths } from '../../input/paths.js';
import { typeOfColumns } from '../../input/record-shape.js';
import { tradesOfFiles } from '../../input/trade-files.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import { Database } from '../../storage/database/duckdb.js';
import { parquetRows } from '../../storage/database/parquet-records.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { keyExpressions } from '../../storage/database/record-table.js';
import { rowCondition } from '../../storage/reading/store-selection.js';
import type { FeatureEngine } from '../engine.js';
import { fedByColumns } from './column-feed.js';
import { FEATURE_INPUTS, pieces } from './feature-step.js';
import { type InputRelations, type InputTable, TABLE_TYPES } from './input-kinds.js';
import { createInputTable } from './input-table.js';

/** What the tables take; beyond it they spill to disk. */
const MEMORY = '192MB';
/** Records beside the inputs of seconds that are held in memory. */
const MOST_OTHERS = 250_000;

type FileRequest = {
  readonly input: readonly string[];
  readonly selection: RecordSelection;
  readonly stopped: AbortSignal;
  /** As `createInputTable` has them. */
  readonly sortedAtOnce?: number | undefined;
  readonly heldBytes?: number | undefined;
};

/** What files hold: the inputs of seconds as a table, the other records in order of time, and how many are of no use. */
type FileInputs = { readonly table: InputTable; readonly others: readonly AnyRecord[]; readonly unused: number };

/**
 * Yields the rows of files that are read by columns, without an object per record. Where anything is in doubt (broken rows,
 * repeated trades, books in text), yields those of `otherwise`, which reads record by record and says what is wrong.
 */
export async function* featuresOfFiles(
  request: FileRequest,
  engine: FeatureEngine,
  otherwise: AsyncIterable<AnyRecord[]>,
): AsyncGenerator<AnyRecord[]> {
  const database = await Database.open({ memoryLimit: MEMORY });
  try {
    // Whatever is wrong with a file, the other reader says it in the words of the user.
    const inputs = await inputsOfFiles(database, request).catch(() => undefined);
    if (inputs) return yield* rowsOf(inputs, engine, request.stopped);
  } finally {
    await database.close();
  }
  yield* otherwise;
}

async function* rowsOf(
  { table, others, unused }: FileInputs,
  engine: FeatureEngine,
  stopped: AbortSignal,
): AsyncGenerator<AnyRecord[]> {
  for (const record of others) if (record.type === 'gap' && !record.missing) engine.foresee(record);
  engine.counts.unused += unused + table.settled;
  yield* fedByColumns(engine, table, { others, stopped });
  if (stopped.aborted) throw new StoppedError();
  yield* pieces(engine.finish());
}

/** Returns what the files hold, undefined when they have to be read record by record. */
async function inputsOfFiles(database: Database, request: FileRequest): Promise<FileInputs | undefined> {
  const found = await relationsOf(database, request);
  const others = found && (await otherRecords(database, found.relations));
  const { sortedAtOnce, heldBytes } = request;
  const options = { sortedAtOnce, heldBytes, tradesInOrder: found?.tradesInOrder };
  const table = others && (await createInputTable(database, found.relations, 'inputs', options));
  return table && others && { table, ...others };
}

type Found = { readonly relations: InputRelations; readonly tradesInOrder: boolean };

async function relationsOf(database: Database, { input, selection }: FileRequest): Promise<Found | undefined> {
  const paths = await expandPaths(input);
  const texts = paths.filter((path) => !isPlainParquet(path));
  if (!texts.every((path) => /\.(?:csv|ndjson|jsonl)(?:\.gz)?$/i.test(path))) return undefined;
  const loaded = await loadTextFiles(database, texts, 'text');
  if (!loaded) return undefined;
  const { exchanges, markets, symbols } = selection;
  const chosen = { exchanges, markets, symbols };
  const isEverything = Object.values(chosen).every((list) => list === undefined);
  const trades: string[] = [];
  const selects = new Map<RecordType, string[]>();
  for (const path of paths) {
    const found = loaded.get(path) ?? [await rowsOfParquet(database, path, isEverything)];
    if (found.some(({ type }) => type === 'trade')) trades.push(path);
    else for (const { type, select } of found) if (!selects.get(type)?.push(select)) selects.set(type, [select]);
  }
  const relations = new Map<RecordType, string>();
  for (const [type, list] of selects) {
    const condition = rowCondition(type === 'clock' ? { exchanges, markets } : chosen, type);
    relations.set(type, `(SELECT * FROM (${list.join(' UNION ALL ')}) WHERE ${condition ?? 'true'})`);
  }
  if (trades.length === 0) return { relations, tradesInOrder: true };
  const found = await tradesOfFiles(database, trades, loaded, chosen);
  return found && { relations: relations.set('trade', found.relation), tradesInOrder: found.isInOrder };
}

/**
 * Returns the SELECT of a Parquet file; throws when a row of it is not a record. Trades are checked later, and so are the
 * rows of an input table, when all of them get there: each check reads the file.
 */
async function rowsOfParquet(database: Database, path: string, isEverything: boolean): Promise<FileSelect> {
  const { type, select, wide } = await parquetRows(database, path, (columns) => typeOfColumns(columns, path));
  if (type === 'trade' || (isEverything && wide.length === 0 && TABLE_TYPES.includes(type))) return { type, select };
  return await selectParquet(database, path, {
    broken(reason) {
      throw new Error(reason);
    },
  });
}

/** Returns the records that no second is made of, undefined when one of them is there twice or they are too many. */
async function otherRecords(
  database: Database,
  relations: ReadonlyMap<RecordType, string>,
): Promise<Omit<FileInputs, 'table'> | undefined> {
  const others: AnyRecord[] = [];
  let unused = 0;
  for (const [type, relation] of relations) {
    if (TABLE_TYPES.includes(type)) continue;
    const keys = keyExpressions(type).join(', ');
    const [row] = await database.rows(`SELECT count(*) AS rows, count(DISTINCT hash(${keys})) AS keys FROM ${relation}`);
    const rows = Number(row?.rows);
    if (!FEATURE_INPUTS.includes(type)) {
      unused += rows;
      continue;
    }
    if (Number(row?.keys) !== rows || others.length + rows > MOST_OTHERS) return undefined;
    const table = `other_${type}`;
    await database.run(`CREATE TEMP TABLE ${table} AS SELECT * FROM ${relation}`);
    for await (const records of tableRecords(database, type, table)) others.push(...records);
    await database.run(`DROP TABLE ${table}`);
  }
  const rankOf = ({ type }: AnyRecord) => FEATURE_INPUTS.indexOf(type);
  return { others: others.sort((a, b) => a.timestamp - b.timestamp || rankOf(a) - rankOf(b)), unused };
}
