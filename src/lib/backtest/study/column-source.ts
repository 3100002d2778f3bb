import { type FileSelect, loadTextFiles, selectParquet } from '../../input/file-select.js';
import { isPlainParquet } from '../../input/formats.js';
import { expandPaths } from '../../input/paths.js';
import type { Market, RecordType } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import { type Database, withDatabase } from '../../storage/database/duckdb.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { type RowGroups, rowGroups, typedChunks } from '../../storage/database/typed-chunks.js';
import { rowCondition } from '../../storage/reading/store-selection.js';
import { CANDLE_NUMBERS, type CandleColumns, type CandleSeries } from './candle-columns.js';
import { MarketReader, type MarketReaderOptions } from './market-reader.js';
import type { TradeColumns } from './trade-columns.js';
import { TradeFeed, tradeSelectList } from './trade-feed.js';

/** What is read of files. */
type ColumnRequest = MarketReaderOptions &
  RecordSelection & {
    readonly paths: readonly string[];
    /** Called for lines that are not records. */
    readonly broken: (reason: string) => void;
  };

type Part = { readonly type: RecordType; readonly relation: string; readonly groups: RowGroups };

const SERIES = ['exchange', 'market', 'symbol'];

/**
 * Returns a reader with the content of Parquet, CSV and NDJSON files, read by columns, without an object per row. Returns undefined,
 * with nothing reported, for files that have to be read record by record: pipes, text with a line in doubt,
 * sequences beyond 2^53, trades that share an id.
 */
export async function readByColumns(request: ColumnRequest): Promise<MarketReader | undefined> {
  const files = await expandPaths(request.paths);
  const others = files.filter((path) => !isPlainParquet(path));
  if (!others.every((path) => /\.(?:csv|ndjson|jsonl)(?:\.gz)?$/i.test(path))) return undefined;
  return await withDatabase({}, async (database) => {
    const loaded = await loadTextFiles(database, others, 'text');
    if (!loaded) return undefined;
    const reports: string[] = [];
    const parts: Part[] = [];
    for (const path of files) {
      const listener = { broken: (reason: string) => reports.push(reason) };
      for (const select of loaded.get(path) ?? [await selectParquet(database, path, listener)]) {
        const part = await partOf(database, select, request, String(parts.length));
        if (!part) return undefined;
        parts.push(part);
      }
    }
    const reader = await readParts(database, parts, request);
    if (reader) for (const reason of reports) request.broken(reason);
    return reader;
  });
}

async function readParts(
  database: Database,
  parts: readonly Part[],
  options: MarketReaderOptions,
): Promise<MarketReader | undefined> {
  const reader = new MarketReader(options);
  const feed = new TradeFeed();
  for (const [index, part] of parts.entries()) await addPart(database, reader, part, { feed, table: `part_${index}` });
  return feed.finish() ? reader : undefined;
}

type PartTarget = { readonly feed: TradeFeed; readonly table: string };

/** Adds the rows of a part to a reader; `table` names a temporary table that may be needed. */
export async function addPart(database: Database, reader: MarketReader, part: Part, { feed, table }: PartTarget): Promise<void> {
  if (part.type === 'trade') await addTrades(database, reader, part, feed);
  else if (part.type === 'candle') await addCandles(database, reader, part);
  else await addRecords(database, reader, part, table);
}

/** Returns the selected rows of a file and their groups, undefined when a sequence is not exact as a double. */
export async function partOf(
  database: Database,
  { type, select }: FileSelect,
  { exchanges, markets, symbols, since, until }: RecordSelection,
  name: string,
): Promise<Part | undefined> {
  // An instrument holds from its time on, also for records after it.
  const selection = { exchanges, markets, symbols, ...(type === 'instrument' ? {} : { since, until }) };
  const condition = rowCondition(selection, type);
  const relation = condition === undefined ? `(${select})` : `(SELECT * FROM (${select}) WHERE ${condition})`;
  if (type === 'trade') {
    const safe = `bool_and("sequence" BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER})`;
    const [row] = await database.rows(`SELECT coalesce(${safe}, true) AS safe FROM ${relation}`);
    if (row?.safe !== true) return undefined;
  }
  const columns = type === 'trade' ? SERIES : type === 'candle' ? [...SERIES, 'interval', 'source'] : [];
  return { type, relation, groups: await groupsOf(database, relation, columns, name) };
}

async function groupsOf(database: Database, relation: string, columns: readonly string[], name: string): Promise<RowGroups> {
  if (columns.length === 0) return { names: [], counts: [], rows: 0, code: '0' };
  return await rowGroups(database, relation, columns, `groups_${name}`);
}

async function addRecords(database: Database, reader: MarketReader, { type, relation }: Part, table: string): Promise<void> {
  await database.run(`CREATE TEMP TABLE ${table} AS SELECT * FROM ${relation}`);
  for await (const records of tableRecords(database, type, table)) reader.add(records);
  await database.run(`DROP TABLE ${table}`);
}

async function addTrades(database: Database, reader: MarketReader, { relation, groups }: Part, feed: TradeFeed): Promise<void> {
  reader.budget.take('trade', groups.rows);
  const columns = groups.names.map((names) => reader.market(identityOf(names)).trades);
  for (const [group, count] of groups.counts.entries()) feed.reserve(columns[group] as TradeColumns, count);
  const sql = `SELECT ${tradeSelectList(groups.code)} FROM ${relation}`;
  for await (const chunk of typedChunks(database, sql, groups.rows)) feed.add(chunk, columns);
}

const OPEN = 0;
const EMPTY = 1;
const USABLE = 2;
/** A candle that is open, without prices, or usable. */
const STATE = `CASE WHEN NOT "closed" THEN ${OPEN} WHEN "open" IS NULL OR "high" IS NULL OR "low" IS NULL OR "close" IS NULL THEN ${EMPTY} ELSE ${USABLE} END::INTEGER`;

async function addCandles(database: Database, reader: MarketReader, { relation, groups }: Part): Promise<void> {
  reader.budget.take('candle', groups.rows);
  const number = (name: string) => `coalesce("${name}", 'nan'::DOUBLE)`;
  const sql = `SELECT epoch_us("timestamp")::DOUBLE, ${['open', 'high', 'low', 'close'].map(number).join(', ')}, "volume",
    coalesce(epoch_us("local_timestamp"), 0)::DOUBLE, coalesce("complete" = false, false)::DOUBLE, ${STATE}, ${groups.code} FROM ${relation}`;
  const targets = groups.names.map((names) => new CandleTarget(reader.market(identityOf(names)).candles, names));
  for await (const chunk of typedChunks(database, sql, groups.rows)) {
    const columns = CANDLE_NUMBERS.map((_, column) => chunk.numbers(column));
    const [states, codes] = [chunk.integers(columns.length), chunk.integers(columns.length + 1)];
    for (let from = 0; from < chunk.rows; ) {
      const until = endOfRun(states, codes, from, chunk.rows);
      const target = targets[codes[from] as number] as CandleTarget;
      target.seriesFor(states[from] as number, until - from)?.append(columns, from, until);
      from = until;
    }
  }
}

/** Returns the row after the last one from `from` on that has its state and code. */
function endOfRun(states: Int32Array, codes: Int32Array, from: number, rows: number): number {
  let until = from + 1;
  while (until < rows && states[until] === states[from] && codes[until] === codes[from]) until += 1;
  return until;
}

/** Where the candles of one symbol, interval and source go: intervals count from their first usable candle on. */
class CandleTarget {
  readonly #columns: CandleColumns;
  readonly #names: readonly string[];
  #series: CandleSeries | undefined;

  constructor(columns: CandleColumns, names: readonly string[]) {
    this.#columns = columns;
    this.#names = names;
  }

  /** Returns where `rows` candles of a state go; those that are not used are counted. */
  seriesFor(state: number, rows: number): CandleSeries | undefined {
    if (state === OPEN) this.#columns.counts.open += rows;
    else if (state === EMPTY) this.#columns.counts.empty += rows;
    else this.#series ??= this.#columns.series(this.#names[3] as string, this.#names[4] as string);
    return state === OPEN || state === EMPTY ? undefined : this.#series;
  }
}

function identityOf([exchange, market, symbol]: readonly string[]) {
  return { exchange: exchange as string, market: market as Market, symbol: symbol as string };
}
