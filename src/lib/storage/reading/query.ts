import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DuckDBResultReader, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { FailureError, MdtoolError } from '../../model/errors.js';
import { finite, long } from '../../model/numbers.js';
import type { RecordType } from '../../model/records.js';
import { type Database, type DatabaseOptions, loadDuckDB, sqlList, sqlName, sqlText, withDatabase } from '../database/duckdb.js';
import { createRowConverter, kindOf, type ResultKind, type ResultValue } from '../database/query-values.js';
import { asPattern } from '../database/record-load.js';
import { databaseReason } from '../files/database-reason.js';
import type { Partition } from '../files/partition.js';
import { requireStoreDirectory } from '../files/store-directory.js';
import { followRetired, isVanished, retiredPath } from '../log/retired-files.js';
import { planStatement, type StatementPlan } from './query-guard.js';
import type { StoreSelection } from './store-selection.js';
import { openSnapshot, readFailure, STORED_TYPES, type StoreSnapshot } from './store-snapshot.js';

/** Attempts of a statement, each on a new snapshot: a file of the old one was deleted meanwhile. */
const ATTEMPTS = 25;
const ROWS = 8192;
const CANDLE_VIEW = /^candle(_exchange)?_(\d+[smhdw])$/;

type Parameters = Readonly<Record<string, string>>;

export type QueryOptions = {
  /** Values of `$name` in the statement; text that reads as a number is passed as a number. */
  readonly parameters?: Parameters;
  /** The records that the views show. */
  readonly selection?: Omit<StoreSelection, 'types'>;
  readonly database?: DatabaseOptions;
};

export type ResultColumn = { readonly name: string; readonly kind: ResultKind };

/** The rows of a statement; the result is complete before the first row is returned. */
export type QueryResult = {
  readonly columns: readonly ResultColumn[];
  readonly rowCount: number;
  /** Returns the rows in order, in batches; values in the order of the columns. */
  rows(): AsyncGenerator<ResultValue[][]>;
  close(): Promise<void>;
};

/**
 * Returns the rows of one SQL statement over the store in `directory`. Views are the record types, and `candle_1m`,
 * `candle_exchange_1m` and so on. The statement can only read, and only the store. Throws a `FailureError` for SQL that
 * is wrong or refused and for files that cannot be read.
 */
export async function queryStore(directory: string, sql: string, options: QueryOptions = {}): Promise<QueryResult> {
  const plan = await withDatabase({}, (database) => planStatement(database, sql, isView));
  // A query of constants needs no store.
  if (plan.tables.size > 0) requireStoreDirectory(directory);
  const selection = { ...options.selection, ...narrowed(plan, options.selection ?? {}) };
  for (let attempt = 1; ; attempt++) {
    const snapshot = await openSnapshot(directory, selection, options.database);
    try {
      await closeSandbox(snapshot);
      return await following(snapshot, async () => {
        await createViews(snapshot, plan);
        return await answer(snapshot, sql, plan, options.parameters ?? {});
      });
    } catch (error) {
      await snapshot.close();
      if (attempt >= ATTEMPTS || !isVanished(error)) throw sqlFailure(error, directory);
    }
  }
}

/**
 * Runs `work` again as long as more files of the snapshot were retired meanwhile.
 *
 * Beside a busy writer a file may be merged away before a long query has read it. The retired file has the same rows under
 * another name, so the answer stays the same. Every file is retired at most once, so this ends.
 */
async function following<T>({ files }: StoreSnapshot, work: () => Promise<T>): Promise<T> {
  const moved = () => files.filter((path) => !existsSync(path)).length;
  for (let before = moved(); ; ) {
    try {
      return await work();
    } catch (error) {
      const now = isVanished(error) ? moved() : before;
      if (now === before) throw error;
      before = now;
    }
  }
}

/** Returns whether a name is a view of every store, with or without records. */
export function isView(name: string): boolean {
  return (STORED_TYPES as readonly string[]).includes(name) || CANDLE_VIEW.test(name);
}

/** Returns the types, and for candles the sources and intervals, that a statement reads: nothing else is opened. */
function narrowed({ tables }: StatementPlan, selection: StoreSelection): StoreSelection {
  const types = STORED_TYPES.filter((type) => tables.has(type));
  const views = [...tables].map((name) => CANDLE_VIEW.exec(name)).filter((match) => match !== null);
  if (views.length === 0 || types.includes('candle')) return { types };
  return {
    types: [...types, 'candle'],
    sources: selection.sources ?? views.map(([, exchange]) => (exchange ? 'exchange' : 'trades')),
    intervals: selection.intervals ?? views.map(([, , interval]) => interval as string),
  };
}

async function createViews(snapshot: StoreSnapshot, { tables }: StatementPlan): Promise<void> {
  const candles = [...tables, ...intervalViews(snapshot)].filter((name) => CANDLE_VIEW.test(name));
  for (const type of STORED_TYPES) await createView(snapshot.database, type, snapshot.relation(type));
  for (const name of new Set(candles)) {
    const [, exchange, interval = ''] = CANDLE_VIEW.exec(name) ?? [];
    const source = exchange ? 'exchange' : 'trades';
    const condition = `"source" = '${source}' AND "interval" = ${sqlText(interval)}`;
    await createView(snapshot.database, name, `candle WHERE ${condition}`);
  }
}

function intervalViews({ state }: StoreSnapshot): string[] {
  return [...state.partitions(new Set<RecordType>(['candle']))].map(({ partition }) => candleView(partition));
}

/** Returns the view that shows the candles of a partition. */
export function candleView({ source, interval }: Partition): string {
  return source === 'exchange' ? `candle_exchange_${interval}` : `candle_${interval}`;
}

async function createView(database: Database, name: string, relation: string): Promise<void> {
  // DuckDB opens the first file now, the others when the view is used.
  await database.run(`CREATE OR REPLACE VIEW ${sqlName(name)} AS SELECT * FROM ${followRetired(relation)}`);
}

/** Restricts the session to the files of the snapshot; a statement cannot lift the restriction. */
export async function closeSandbox({ database, files }: StoreSnapshot): Promise<void> {
  // DuckDB checks the pattern of a path with brackets as well as the file that it matches.
  const named = [...files, ...files.map(retiredPath)];
  await database.run(`SET allowed_paths = ${sqlList([...named, ...named.map(asPattern)])}`);
  await database.run('SET enable_external_access = false');
  await database.run('SET lock_configuration = true');
}

/**
 * Runs the statement and returns its result. A streamed result that fails in the middle looks like its end; so all rows go
 * into a table first, and a failure is a failure.
 */
async function answer(snapshot: StoreSnapshot, sql: string, plan: StatementPlan, parameters: Parameters): Promise<QueryResult> {
  const { database } = snapshot;
  await requireOneSelect(database, sql);
  const values = Object.fromEntries(Object.entries(parameters).map(([name, text]) => [name, parameterValue(text)]));
  const bound = Object.keys(values).length > 0 ? values : undefined;
  // A query of the catalogue would list its own result table as well; it is short, so it is read whole.
  if (plan.isCatalogue) return smallResult(snapshot, await database.read(sql, bound));
  await database.run(`CREATE TEMP TABLE query_result AS ${sql.trim().replace(/;\s*$/, '')}`, bound);
  return await storedResult(snapshot);
}

/** Throws unless DuckDB itself calls the statement a SELECT: a second check, independent of `planStatement`. */
async function requireOneSelect(database: Database, sql: string): Promise<void> {
  const { StatementType } = await loadDuckDB();
  const statements = await database.connection.extractStatements(sql);
  const type = statements.count === 1 ? (await statements.prepare(0)).statementType : undefined;
  if (type !== StatementType.SELECT) throw new FailureError('expected one SELECT statement');
}

function parameterValue(text: string): DuckDBValue {
  const integer = long(text);
  return integer === undefined ? (finite(text) ?? text) : BigInt(integer);
}

async function smallResult(snapshot: StoreSnapshot, result: DuckDBResultReader): Promise<QueryResult> {
  const convert = await createRowConverter(result.columnNames());
  const values = result.getRows().map(convert);
  return {
    columns: columnsOf(result),
    rowCount: values.length,
    async *rows() {
      if (values.length > 0) yield values;
    },
    close: () => snapshot.close(),
  };
}

async function storedResult(snapshot: StoreSnapshot): Promise<QueryResult> {
  const { database } = snapshot;
  const columns = columnsOf(await database.read('SELECT * FROM query_result LIMIT 0'));
  const convert = await createRowConverter(columns.map(({ name }) => name));
  const rowCount = await database.number('SELECT count(*) FROM query_result');
  return {
    columns,
    rowCount,
    async *rows() {
      for (let from = 0; from < rowCount; from += ROWS) {
        const range = `rowid >= ${from} AND rowid < ${from + ROWS}`;
        const batch = await database.read(`SELECT * FROM query_result WHERE ${range} ORDER BY rowid`);
        yield batch.getRows().map(convert);
      }
    },
    close: () => snapshot.close(),
  };
}

function columnsOf(result: DuckDBResultReader): ResultColumn[] {
  const types = result.columnTypes();
  return result.columnNames().map((name, index) => ({ name, kind: kindOf(types[index] as DuckDBType) }));
}

function sqlFailure(error: unknown, directory: string): Error {
  if (error instanceof MdtoolError) return error;
  const message = String((error as Error)?.message ?? error);
  if (message.includes('.parquet')) return readFailure(error, resolve(directory));
  return new FailureError(`SQL: ${databaseReason(error)}`, { cause: error });
}
