import type { AnyRecord } from '../../model/records.js';
import type { MarketName } from '../../model/series.js';
import { DAY, floorToSecond, formatDate, HOUR } from '../../model/time.js';
import { ofMarket, withinSpan } from '../../storage/database/conditions.js';
import { type Database, sqlName } from '../../storage/database/duckdb.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { recordOrder } from '../../storage/database/record-table.js';
import { TableAppender } from '../../storage/database/table-appender.js';
import { rewritePartition } from '../../storage/derived-partition.js';
import type { Partition } from '../../storage/files/partition.js';
import { changeMetadata } from '../../storage/log/metadata.js';
import type { StoreContext } from '../../storage/log/store-context.js';
import type { StoreSelection } from '../../storage/reading/store-selection.js';
import { openSnapshot, type StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import type { EngineCounts, EngineOptions } from '../options.js';
import { featureMetadata, requireSameFeatureRules } from './feature-rules.js';
import { groupRows, ROWS, type RowType } from './group-rows.js';
import type { Group } from './past-rows.js';
import { progressName, progressOf, storedProgress } from './progress.js';
import type { RemoteFeatures } from './remote-features.js';
import { hasNews, INPUT_TYPES, inputFiles, staleSymbols } from './stale-symbols.js';
import { marketClock, marketsOf, typesUntil } from './store-sql.js';

type BuildOptions = {
  readonly engine: EngineOptions;
  /** Of which symbols rows are made. */
  readonly selection: Pick<StoreSelection, 'exchanges' | 'markets' | 'symbols'>;
  /** Receives the rows as they are built. */
  readonly onRows: (records: readonly AnyRecord[]) => void;
  /** Receives the counts of some rows, and the record types that they were made of. */
  readonly onCounts: (counts: EngineCounts, seen: ReadonlySet<string>) => void;
  readonly stopped: AbortSignal;
  /** Builds the rows elsewhere; this process alone writes to the store. */
  readonly remote?: RemoteFeatures | undefined;
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

/**
 * Brings the rows of a store up to date with its records: rows of seconds that are over by the market's clock and the
 * grace. What is new, late or repaired is found by the files that were read before; of the symbols concerned all rows
 * from there on are made again and replaced. So the rows are those of one run over everything, whenever it was run. A
 * second call changes nothing. Throws a `UsageError` when the store's rows were made by other rules.
 */
export async function* buildStoredFeatures(context: StoreContext, options: BuildOptions): AsyncGenerator<BuiltRows> {
  const { engine, selection } = options;
  requireSameFeatureRules((await context.log.read()).metadata, engine);
  // Rows of symbols that are not chosen stay: the selection of symbols must not hide them.
  const { exchanges, markets } = selection;
  const snapshot = await openSnapshot(context.paths.location, { exchanges, markets, types: [...INPUT_TYPES, ...ROWS] });
  try {
    for (const market of marketsOf(snapshot)) {
      if (!options.stopped.aborted) yield* buildMarket({ context, snapshot, market, ...options });
    }
  } finally {
    await snapshot.close();
  }
}

type Build = BuildOptions & {
  readonly context: StoreContext;
  readonly snapshot: StoreSnapshot;
  readonly market: MarketName;
};

async function* buildMarket(build: Build): AsyncGenerator<BuiltRows> {
  const { context, snapshot, market, engine, selection, stopped } = build;
  const { location, root } = context.paths;
  const { symbols } = selection;
  const name = [progressName(market.exchange, market.market), ...[...(symbols ?? [])].sort()].join('.');
  const known = storedProgress(snapshot.state, name);
  if (known && !hasNews(snapshot, market, known)) return;
  const stale = await staleSymbols({ snapshot, root, market, known, symbols });
  if (stale.size === 0) return;
  const limit = Math.max(known?.until ?? 0, floorToSecond((await marketClock(snapshot, market)) - engine.grace));
  const groups = grouped(market, stale);
  const tables = await fillTables(build, groups, limit);
  // Rows that were not all made must not replace others.
  if (stopped.aborted) return;
  for (const type of ROWS) yield* replaceRows(build, type, groups, limit);
  for (const table of tables) await snapshot.database.run(`DROP TABLE ${sqlName(table)}`);
  const progress = progressOf(limit, inputFiles({ snapshot, market }));
  await changeMetadata(location, () => ({ ...featureMetadata(engine), [name]: JSON.stringify(progress) }));
}

/** Symbols that go on within the same hour go on together. */
function grouped(market: MarketName, stale: ReadonlyMap<string, number>): Group[] {
  const groups = new Map<number, { from: number; symbols: string[] }>();
  for (const [symbol, from] of stale) {
    const hour = Math.floor(from / HOUR);
    const group = groups.get(hour) ?? { from, symbols: [] };
    groups.set(hour, { from: Math.min(group.from, from), symbols: [...group.symbols, symbol] });
  }
  return [...groups.values()].map((group) => ({ ...market, ...group }));
}

/** Builds tables from the rows of all groups; of a row that was emitted twice the later one counts. */
async function fillTables(build: Build, groups: readonly Group[], limit: number): Promise<string[]> {
  const { database } = build.snapshot;
  const appenders = new Map<RowType, TableAppender>();
  for (const type of ROWS) appenders.set(type, await TableAppender.create(database, type, tableOf(type)));
  const { snapshot, market, engine, remote, onRows, onCounts, stopped } = build;
  const { location } = build.context.paths;
  const all = groups.map((group) => ({ group, limit, seen: typesUntil(snapshot, group, group.from) }));
  if (remote) await remote.fill(all, { snapshot, market, location, tableOf, onRows, onCounts });
  for (const one of remote ? [] : all) {
    for await (const records of groupRows(location, one, { engine, onCounts, stopped })) {
      onRows(records);
      for (const [type, appender] of appenders) await appender.append(records.filter((record) => record.type === type));
    }
  }
  for (const [type, appender] of appenders) {
    await appender.flush();
    const table = sqlName(tableOf(type));
    await database.run(
      `DELETE FROM ${table} WHERE rowid NOT IN (SELECT max(rowid) FROM ${table} GROUP BY "symbol", "timestamp")`,
    );
  }
  return ROWS.map(tableOf);
}

function tableOf(type: RowType): string {
  return `made_${type}`;
}

/** Puts the rows that were made in the place of those that the groups had. */
async function* replaceRows(build: Build, type: RowType, groups: readonly Group[], limit: number): AsyncGenerator<BuiltRows> {
  const { context, snapshot, market } = build;
  const { database } = snapshot;
  const from = Math.min(...groups.map((group) => group.from));
  for (const date of await datesOf(snapshot, type, market, from)) {
    const partition: Partition = { type, ...market, date };
    const day = Date.parse(`${date}T00:00:00Z`) * 1000;
    const span = { from: Math.max(day, Math.floor(from / HOUR) * HOUR), until: day + DAY };
    const made = `SELECT * FROM ${sqlName(tableOf(type))} WHERE ${withinSpan(span)}`;
    const stored = `SELECT * FROM ${snapshot.relation(type, date)} WHERE ${ofMarket(market)} AND ${withinSpan(span)}`;
    await database.run(`CREATE OR REPLACE TEMP TABLE built_rows AS ${made} UNION ALL ${stored} AND NOT (${replaced(groups)})`);
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

function replaced(groups: readonly Group[]): string {
  return groups
    .map(({ from, symbols, ...market }) => `${ofMarket(market, symbols)} AND "timestamp" > make_timestamptz(${from})`)
    .join(' OR ');
}

/** The days on which rows were made, and those of which stored rows may go. */
async function datesOf({ database, state }: StoreSnapshot, type: RowType, { exchange, market }: MarketName, from: number) {
  const made = await database.rows(`SELECT DISTINCT strftime("timestamp", '%Y-%m-%d') AS date FROM ${sqlName(tableOf(type))}`);
  const stored = [...state.partitions(new Set([type]))].map(({ partition }) => partition);
  const own = stored.filter((partition) => partition.exchange === exchange && partition.market === market);
  const dates = new Set([...made.map(({ date }) => `${date}`), ...own.map(({ date }) => date)]);
  return [...dates].filter((date) => date >= formatDate(from)).sort();
}

async function* recordsOf(database: Database, type: RowType, made: string): AsyncGenerator<AnyRecord[]> {
  await database.run(`CREATE OR REPLACE TEMP TABLE shown_rows AS SELECT * FROM (${made}) ORDER BY ${recordOrder(type)}`);
  yield* tableRecords(database, type, 'shown_rows');
}
