import { existsSync } from 'node:fs';
import type { DuckDBValue } from '@duckdb/node-api';
import { FailureError, MdtoolError } from '../../model/errors.js';
import { finite, long } from '../../model/numbers.js';
import type { RecordType } from '../../model/records.js';
import { Database, type DatabaseOptions, loadDuckDB, sqlList, sqlName, sqlText, withDatabase } from '../database/duckdb.js';
import { asPattern } from '../database/record-load.js';
import { databaseReason } from '../files/database-reason.js';
import type { Partition } from '../files/partition.js';
import { requireStore, storePaths } from '../files/store-directory.js';
import { retiredPath } from '../files/stored-file.js';
import { followRetired, isVanished } from '../log/retired-files.js';
import { planStatement, type StatementPlan, type ViewNames } from './query-guard.js';
import { exportFiles, type QueryResult, RESULT_TABLE, smallResult, storedResult } from './query-result.js';
import type { StoreSelection } from './store-selection.js';
import { openSnapshot, readFailure, STORED_TYPES, StoreSnapshot } from './store-snapshot.js';

/** Attempts of a statement, each on a new snapshot: a file of the old one was deleted meanwhile. */
const ATTEMPTS = 25;
const CANDLE_VIEW = /^candle(_exchange)?_(\d+[smhdw])$/;

type Parameters = Readonly<Record<string, string>>;

/** Makes views of files; the room above the store knows their formats. */
type FileReader = {
  isFileName(name: string): boolean;
  /** Returns the files that the view goes on reading. */
  createView(database: Database, name: string, path: string): Promise<readonly string[]>;
};

export type QueryOptions = {
  /** Values of `$name` in the statement; text that reads as a number is passed as a number. */
  readonly parameters?: Parameters;
  /** The records that the views of the store show. */
  readonly selection?: Omit<StoreSelection, 'types'>;
  /** Paths by the name of their view. Without `readFile` a statement reads the store alone. */
  readonly files?: Readonly<Record<string, string>>;
  readonly readFile?: FileReader;
  /** A `.parquet` or `.duckdb` file that `export` of the result may write. */
  readonly exportPath?: string | undefined;
  readonly database?: DatabaseOptions;
};

/**
 * Returns the rows of one SQL statement over the store in `directory` and over named files. Views are the record types,
 * `candle_1m`, `candle_exchange_1m` and so on, and the files. The statement can only read, and nothing else. Throws a
 * `FailureError` for SQL that is wrong or refused and for files that cannot be read.
 */
export async function queryStore(directory: string, sql: string, options: QueryOptions = {}): Promise<QueryResult> {
  const { files = {}, readFile } = options;
  const given = new Set(Object.keys(files).map((name) => name.toLowerCase()));
  const names: ViewNames = { isView: (name) => given.has(name) || isView(name), isFile: readFile?.isFileName ?? (() => false) };
  const plan = await withDatabase({}, (database) => planStatement(database, sql, names));
  const tables = [...plan.tables].filter((name) => !given.has(name));
  // A query of files needs no store, and one of constants none that exists.
  const needsStore = tables.length > 0 || plan.kind === 'listing' || (plan.files.size === 0 && plan.tables.size === 0);
  if (tables.length > 0) await requireStore(directory);
  const selection = { ...options.selection, ...narrowed(plan, options.selection ?? {}) };
  for (let attempt = 1; ; attempt++) {
    const session = needsStore ? await openSnapshot(directory, selection, options.database) : await openEmpty(options.database);
    try {
      const read = await createFileViews(session.database, plan, options);
      await closeSandbox({ database: session.database, files: [...session.files, ...read] }, options.exportPath);
      return await following(session, async () => {
        if (session instanceof StoreSnapshot) await createViews(session, plan, given);
        return await answer(session, plan, options);
      });
    } catch (error) {
      await session.close();
      if (attempt >= ATTEMPTS || !isVanished(error)) throw sqlFailure(error, directory);
    }
  }
}

/** A database with the files that its views read. */
type Session = { readonly database: Database; readonly files: readonly string[]; close(): Promise<void> };

async function openEmpty(options: DatabaseOptions | undefined): Promise<Session> {
  const database = await Database.open(options);
  return { database, files: [], close: () => database.close() };
}

/** Creates the views of files that the statement names, and returns the files that they go on reading. */
async function createFileViews(
  database: Database,
  plan: StatementPlan,
  { files = {}, readFile }: QueryOptions,
): Promise<string[]> {
  const wanted = new Map(Object.entries(files).filter(([name]) => plan.tables.has(name.toLowerCase())));
  for (const path of plan.files) wanted.set(path, path);
  const read: string[] = [];
  for (const [name, path] of wanted) {
    const same = [...wanted.keys()].find((other) => other !== name && other.toLowerCase() === name.toLowerCase());
    if (same !== undefined)
      throw new FailureError(
        `${name} and ${same} differ in case only, which is one name in SQL; name them with --file NAME=PATH`,
      );
    if (readFile) read.push(...(await readFile.createView(database, name, path)));
  }
  return read;
}

/**
 * Runs `work` again as long as more files of the snapshot were retired meanwhile.
 *
 * Beside a busy writer a file may be merged away before a long query has read it. The retired file has the same rows under
 * another name, so the answer stays the same. Every file is retired at most once, so this ends.
 */
async function following<T>({ files }: Session, work: () => Promise<T>): Promise<T> {
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

async function createViews(snapshot: StoreSnapshot, { tables }: StatementPlan, given: ReadonlySet<string>): Promise<void> {
  const candles = [...tables, ...intervalViews(snapshot)].filter((name) => CANDLE_VIEW.test(name) && !given.has(name));
  for (const type of STORED_TYPES.filter((name) => !given.has(name)))
    await createView(snapshot.database, type, snapshot.relation(type));
  for (const name of new Set(candles)) {
    const [, exchange, interval = ''] = CANDLE_VIEW.exec(name) ?? [];
    const source = exchange ? 'exchange' : 'trades';
    // A file may be named `candle`: the views of the store must not read it.
    const relation = snapshot.relation('candle');
    const condition = `"source" = '${source}' AND "interval" = ${sqlText(interval)}`;
    await createView(snapshot.database, name, `${relation} WHERE ${condition}`);
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

/** Restricts the session to files, and to a file that it may write; a statement cannot lift the restriction. */
export async function closeSandbox({ database, files }: Omit<Session, 'close'>, exportPath?: string): Promise<void> {
  // DuckDB checks the pattern of a path with brackets as well as the file that it matches.
  const named = [...files, ...files.map(retiredPath), ...(exportPath ? exportFiles(exportPath) : [])];
  await database.run(`SET allowed_paths = ${sqlList([...named, ...named.map(asPattern)])}`);
  await database.run('SET enable_external_access = false');
  await database.run('SET lock_configuration = true');
}

/**
 * Runs the statement and returns its result. A streamed result that fails in the middle looks like its end; so all rows go
 * into a table first, and a failure is a failure.
 */
async function answer(session: Session, { sql, kind }: StatementPlan, options: QueryOptions): Promise<QueryResult> {
  const { database } = session;
  await requireReading(database, sql, kind);
  const values = Object.fromEntries(Object.entries(options.parameters ?? {}).map(([name, text]) => [name, parameterValue(text)]));
  const bound = Object.keys(values).length > 0 ? values : undefined;
  // A query of the catalogue would list its own result table as well; it is short, so it is read whole.
  if (kind === 'listing' || kind === 'explain') return smallResult(session, await database.read(sql, bound));
  const select = kind === 'show' ? `SELECT * FROM (${sql}\n)` : sql;
  await database.run(`CREATE TEMP TABLE ${RESULT_TABLE} AS ${select}`, bound);
  return await storedResult(session, options.exportPath);
}

/** Throws unless DuckDB itself says that the statement only reads: a second check, independent of `planStatement`. */
async function requireReading(database: Database, sql: string, kind: StatementPlan['kind']): Promise<void> {
  const { StatementType } = await loadDuckDB();
  const statements = await database.connection.extractStatements(sql);
  // A PIVOT without a list of values first collects them: each column becomes a type.
  if (kind === 'pivot' && statements.count > 1) {
    for (let index = 0; index < statements.count - 1; index++)
      if ((await statements.prepare(index)).statementType !== StatementType.CREATE)
        throw new FailureError('expected one SELECT statement');
    return;
  }
  const type = statements.count === 1 ? (await statements.prepare(0)).statementType : undefined;
  if (type !== (kind === 'explain' ? StatementType.EXPLAIN : StatementType.SELECT))
    throw new FailureError('expected one SELECT statement');
}

function parameterValue(text: string): DuckDBValue {
  const integer = long(text);
  return integer === undefined ? (finite(text) ?? text) : BigInt(integer);
}

function sqlFailure(error: unknown, directory: string): Error {
  if (error instanceof MdtoolError) return error;
  const message = String((error as Error)?.message ?? error);
  // DuckDB names a missing file by the pattern that it looked for.
  const { root } = storePaths(directory);
  const namesStore = message.includes(root) || message.includes(asPattern(root));
  if (namesStore && message.includes('.parquet')) return readFailure(error, root);
  return new FailureError(`SQL: ${databaseReason(error)}`, { cause: error });
}
