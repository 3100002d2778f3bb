import type { AnyRecord } from '../../model/records.js';
import type { MarketName } from '../../model/series.js';
import { DAY, formatDate, HOUR } from '../../model/time.js';
import { ofMarket, withinSpan } from '../../storage/database/conditions.js';
import { type Database, sqlName } from '../../storage/database/duckdb.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { recordOrder, tableDefinition } from '../../storage/database/record-table.js';
import { TableAppender } from '../../storage/database/table-appender.js';
import { rewritePartition } from '../../storage/derived-partition.js';
import type { Partition } from '../../storage/files/partition.js';
import type { StoreContext } from '../../storage/log/store-context.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import type { EngineCounts, EngineOptions } from '../options.js';
import { type GroupTask, groupRows, ROWS, type RowType } from './group-rows.js';
import type { Group } from './past-rows.js';

/** How rows are made. */
export type MakeOptions = {
  readonly engine: EngineOptions;
  /** Receives the rows as they are made. */
  readonly onRows: (records: readonly AnyRecord[]) => void;
  /** Receives the counts of some rows, and the record types that they were made of. */
  readonly onCounts: (counts: EngineCounts, seen: ReadonlySet<string>) => void;
  readonly stopped: AbortSignal;
};

/** Where the rows of a market go on from. */
export type MakePlace = {
  readonly snapshot: StoreSnapshot;
  readonly market: MarketName;
  readonly location: string;
};

/** The rows of one type, market and day that were made again. */
export type BuiltRows = {
  readonly type: RowType;
  readonly rows: number;
  /** Whether the store was changed: rows that come out the same are left as they are. */
  readonly changed: boolean;
  /** Returns the rows; only until the next ones are asked for. */
  records(): AsyncGenerator<AnyRecord[]>;
};

/** Returns the name of the table that takes the rows of a type. */
export function madeTable(type: RowType): string {
  return `made_${type}`;
}

/** Creates the tables that take rows. */
export async function createMadeTables({ database }: StoreSnapshot): Promise<void> {
  for (const type of ROWS) await database.run(`CREATE OR REPLACE TABLE ${sqlName(madeTable(type))} (${tableDefinition(type)})`);
}

/** Makes the rows of some tasks in this process, and adds them to the tables. */
export async function makeRows(
  tasks: readonly GroupTask[],
  { snapshot, location }: MakePlace,
  options: MakeOptions,
): Promise<void> {
  const appenders = ROWS.map((type) => ({ type, appender: TableAppender.to(snapshot.database, type, madeTable(type)) }));
  for (const task of tasks) {
    for await (const records of groupRows(location, task, options)) {
      options.onRows(records);
      for (const { type, appender } of appenders) await appender.append(records.filter((record) => record.type === type));
    }
  }
  for (const { appender } of appenders) await appender.flush();
}

/** Of a row that was emitted twice the later one counts. Returns the end of the last row of each symbol. */
export async function finishMadeTables({ database }: StoreSnapshot): Promise<Map<string, number>> {
  for (const type of ROWS) {
    const table = sqlName(madeTable(type));
    await database.run(
      `DELETE FROM ${table} WHERE rowid NOT IN (SELECT max(rowid) FROM ${table} GROUP BY "symbol", "timestamp")`,
    );
  }
  const last = `SELECT symbol, epoch_us(max("timestamp")) AS last_us FROM ${sqlName(madeTable('features'))} GROUP BY ALL`;
  return new Map((await database.rows(last)).map(({ symbol, last_us }) => [`${symbol}`, Number(last_us)]));
}

type Replacement = {
  readonly context: StoreContext;
  readonly snapshot: StoreSnapshot;
  readonly market: MarketName;
  readonly groups: readonly Group[];
  /** Later rows stay, undefined where none do. */
  readonly until: number | undefined;
  /** The market's clock, microseconds: later days are written again soon. */
  readonly limit: number;
};

/** Puts the rows that were made in the place of those that the groups had. */
export async function* replaceRows(replacement: Replacement, type: RowType): AsyncGenerator<BuiltRows> {
  const { context, snapshot, market, groups, until, limit } = replacement;
  const { database } = snapshot;
  const from = Math.min(...groups.map((group) => group.from));
  for (const date of await datesOf(replacement, type, from)) {
    const partition: Partition = { type, ...market, date };
    const day = Date.parse(`${date}T00:00:00Z`) * 1000;
    const span = { from: Math.max(day, Math.floor(from / HOUR) * HOUR), until: day + DAY };
    const made = `SELECT * FROM ${sqlName(madeTable(type))} WHERE ${withinSpan(span)}`;
    const stored = `SELECT * FROM ${snapshot.relation(type, date)} WHERE ${ofMarket(market)} AND ${withinSpan(span)}`;
    const kept = `${stored} AND NOT (${groups.map((group) => replaced(group, until)).join(' OR ')})`;
    await database.run(`CREATE OR REPLACE TEMP TABLE built_rows AS ${made} UNION ALL ${kept}`);
    const changed = await rewritePartition(context, database, {
      partition,
      consumed: [],
      spans: [span],
      table: 'built_rows',
      hourly: date >= formatDate(limit),
    });
    const rows = await database.number(`SELECT count(*) FROM (${made})`);
    yield { type, rows, changed, records: () => recordsOf(database, type, made) };
  }
}

function replaced({ from, symbols, ...market }: Group, until: number | undefined): string {
  const end = until === undefined ? '' : ` AND "timestamp" <= make_timestamptz(${until})`;
  return `${ofMarket(market, symbols)} AND "timestamp" > make_timestamptz(${from})${end}`;
}

/** The days on which rows were made, and those of which stored rows may go. */
async function datesOf({ snapshot, market: { exchange, market }, until }: Replacement, type: RowType, from: number) {
  const { database, state } = snapshot;
  const made = await database.rows(`SELECT DISTINCT strftime("timestamp", '%Y-%m-%d') AS date FROM ${sqlName(madeTable(type))}`);
  const stored = [...state.partitions(new Set([type]))].map(({ partition }) => partition);
  const own = stored.filter((partition) => partition.exchange === exchange && partition.market === market);
  const dates = new Set([...made.map(({ date }) => `${date}`), ...own.map(({ date }) => date)]);
  const isWithin = (date: string) => date >= formatDate(from) && (until === undefined || date <= formatDate(until));
  return [...dates].filter(isWithin).sort();
}

async function* recordsOf(database: Database, type: RowType, made: string): AsyncGenerator<AnyRecord[]> {
  await database.run(`CREATE OR REPLACE TEMP TABLE shown_rows AS SELECT * FROM (${made}) ORDER BY ${recordOrder(type)}`);
  yield* tableRecords(database, type, 'shown_rows');
}
