import { type FileSelect, loadTextFiles, selectParquet } from '../../input/file-select.js';
import { isPlainParquet } from '../../input/formats.js';
import { expandPaths } from '../../input/paths.js';
import type { Market, RecordType } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import { Database, sqlName } from '../../storage/database/duckdb.js';
import { plausibleAmounts } from '../../storage/database/plausible-rows.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { type RowGroups, rowGroups, typedChunks } from '../../storage/database/typed-chunks.js';
import { rowCondition } from '../../storage/reading/store-selection.js';
import {
  CANDLE_NUMBERS,
  CANDLE_STATE,
  type CandleColumns,
  type CandleSeries,
  candleState,
  type Opening,
  openingOf,
} from './candle-columns.js';
import { addCandleText } from './candle-text.js';
import { MarketReader, type MarketReaderOptions } from './market-reader.js';
import type { TradeColumns } from './trade-columns.js';
import { requireTrades, TradeFeed, tradeSelectList } from './trade-feed.js';
import { groupColumns, openUnchecked, SAFE_SEQUENCE } from './unchecked-rows.js';

/** What is read of files. */
type ColumnRequest = MarketReaderOptions &
  RecordSelection & {
    readonly paths: readonly string[];
    /** Called for lines that are not records. */
    readonly broken: (reason: string) => void;
  };

type Part = {
  readonly type: RecordType;
  readonly relation: string;
  readonly groups: RowGroups;
  /** Without it each row is checked while it is read; one that is no record ends the reading. */
  readonly isChecked: boolean;
};

/**
 * Returns a reader with the content of Parquet, CSV and NDJSON files, read by columns, without an object per row. Returns undefined,
 * with nothing reported, for files that have to be read record by record: pipes, text with a line in doubt,
 * sequences beyond 2^53, trades that share an id.
 */
export async function readByColumns(request: ColumnRequest): Promise<MarketReader | undefined> {
  const files = await expandPaths(request.paths);
  const others = files.filter((path) => !isPlainParquet(path));
  if (!others.every((path) => /\.(?:csv|ndjson|jsonl)(?:\.gz)?$/i.test(path))) return undefined;
  // Without a text both ways are the same: a damaged file would be read twice before it is looked at.
  for (const way of others.length > 0 ? FAST_WAYS : FAST_WAYS.slice(1)) {
    try {
      return await readFiles(files, request, way);
    } catch {
      // A row is no record, or a file is damaged: what is wrong is found by a look at each file before it is read.
    }
  }
  return await readFiles(files, request, {});
}

/** How files are read before anything is known about them; a file that is not opened so is looked at first. */
type Way = { readonly text?: typeof addCandleText; readonly open?: typeof openUnchecked };
const FAST_WAYS: readonly Way[] = [{ text: addCandleText, open: openUnchecked }, { open: openUnchecked }];

/** Reads one file after another. The database is opened for the first file that needs it. */
async function readFiles(
  files: readonly string[],
  request: ColumnRequest,
  { text, open }: Way,
): Promise<MarketReader | undefined> {
  const reader = new MarketReader(request);
  const feed = new TradeFeed();
  const reports: string[] = [];
  const isWhole = conditionOf(request, 'trade') === undefined;
  let database: Database | undefined;
  try {
    for (const [index, path] of files.entries()) {
      if (isWhole && (await text?.(path, reader))) continue;
      database ??= await Database.open();
      const unchecked = isWhole ? await open?.(database, path, `groups_${index}`) : undefined;
      try {
        const parts = unchecked ? [unchecked] : await checkedParts(database, path, request, { index, reports });
        if (!parts) return undefined;
        for (const [part, rows] of parts.entries())
          await addPart(database, reader, rows, { feed, table: `part_${index}_${part}` });
      } finally {
        await unchecked?.dispose();
      }
    }
  } finally {
    await database?.close();
  }
  if (!feed.finish()) return undefined;
  for (const reason of reports) request.broken(reason);
  return reader;
}

/** Returns the records of a file, undefined where they have to be read record by record; `reports` gets what is skipped. */
async function checkedParts(
  database: Database,
  path: string,
  request: ColumnRequest,
  { index, reports }: { readonly index: number; readonly reports: string[] },
): Promise<Part[] | undefined> {
  const listener = { broken: (reason: string) => void reports.push(reason) };
  const selects = isPlainParquet(path)
    ? [await selectParquet(database, path, listener)]
    : (await loadTextFiles(database, [path], `text_${index}`))?.get(path);
  const parts: Part[] = [];
  for (const select of selects ?? []) {
    const part = await partOf(database, select, request, `${index}_${parts.length}`);
    if (!part) return undefined;
    parts.push(part);
  }
  return selects && parts;
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
  selection: RecordSelection,
  name: string,
): Promise<Part | undefined> {
  const condition = conditionOf(selection, type);
  const relation = condition === undefined ? `(${select})` : `(SELECT * FROM (${select}) WHERE ${condition})`;
  if (type === 'trade') {
    const [row] = await database.rows(`SELECT coalesce(bool_and(${SAFE_SEQUENCE}), true) AS safe FROM ${relation}`);
    if (row?.safe !== true) return undefined;
  }
  return { type, relation, isChecked: true, groups: await groupsOf(database, relation, groupColumns(type), name) };
}

/** Returns the condition of a selection; an instrument holds from its time on, also for records after it. */
function conditionOf({ exchanges, markets, symbols, since, until }: RecordSelection, type: RecordType): string | undefined {
  return rowCondition({ exchanges, markets, symbols, ...(type === 'instrument' ? {} : { since, until }) }, type);
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

async function addTrades(
  database: Database,
  reader: MarketReader,
  { relation, groups, isChecked }: Part,
  feed: TradeFeed,
): Promise<void> {
  reader.budget.take('trade', groups.rows);
  const columns = groups.names.map((names) => reader.market(identityOf(names)).trades);
  for (const [group, count] of groups.counts.entries()) feed.reserve(columns[group] as TradeColumns, count);
  const sql = `SELECT ${tradeSelectList(groups.code)} FROM ${relation}`;
  for await (const chunk of typedChunks(database, sql, groups.rows)) {
    if (!isChecked) requireTrades(chunk);
    feed.add(chunk, columns);
  }
}

const { open: OPEN, empty: EMPTY, usable: USABLE, doubtful: DOUBTFUL } = CANDLE_STATE;
/** The state of a row that is a candle. */
const STATE = `CASE WHEN NOT "closed" THEN ${OPEN} WHEN "open" IS NULL OR "high" IS NULL OR "low" IS NULL OR "close" IS NULL THEN ${EMPTY} ELSE ${USABLE} END::INTEGER`;
/** The argument `closed` of `candleState`, 2 for a row that is none. A database takes twice as long to check all numbers as to read them. */
const CLOSED = `CASE WHEN NOT (${plausibleAmounts(sqlName)}) OR "closed" IS NULL THEN 2 WHEN "closed" THEN 1 ELSE 0 END::INTEGER`;

async function addCandles(database: Database, reader: MarketReader, part: Part): Promise<void> {
  const { relation, groups, isChecked } = part;
  reader.budget.take('candle', groups.rows);
  const number = (expression: string) => `coalesce(${expression}::DOUBLE, 'nan'::DOUBLE)`;
  const numbers = ['epoch_us("timestamp")', '"open"', '"high"', '"low"', '"close"', '"volume"'].map(number);
  const sql = `SELECT ${numbers.join(', ')}, coalesce(epoch_us("local_timestamp"), 0)::DOUBLE, coalesce("complete" = false, false)::DOUBLE,
    ${isChecked ? STATE : CLOSED}, ${groups.code} FROM ${relation}`;
  const targets = groups.names.map(
    (names, group) => new CandleTarget(reader.market(identityOf(names)).candles, names, groups.counts[group] as number),
  );
  const openings = isChecked ? [] : groups.names.map(([, , , interval]) => openingOf(interval as string));
  for await (const chunk of typedChunks(database, sql, groups.rows)) {
    const columns = CANDLE_NUMBERS.map((_, column) => chunk.numbers(column));
    const [states, codes] = [chunk.integers(columns.length), chunk.integers(columns.length + 1)];
    if (!isChecked) checkCandles(columns, states, codes, openings);
    for (let from = 0; from < chunk.rows; ) {
      const until = endOfRun(states, codes, from, chunk.rows);
      const target = targets[codes[from] as number] as CandleTarget;
      target.seriesFor(states[from] as number, until - from)?.append(columns, from, until);
      from = until;
    }
  }
}

/** Puts states in the place of `CLOSED`; `openings` are by code. Throws for a row that is no candle. */
function checkCandles(
  columns: readonly Float64Array[],
  states: Int32Array,
  codes: Int32Array,
  openings: readonly Opening[],
): void {
  for (let row = 0; row < states.length; row++) {
    states[row] = candleState(columns, row, states[row] as number, openings[codes[row] as number] as Opening);
    if (states[row] === DOUBTFUL) throw new Error('a row that is no candle');
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
  readonly #rows: number;
  #series: CandleSeries | undefined;

  constructor(columns: CandleColumns, names: readonly string[], rows: number) {
    this.#columns = columns;
    this.#names = names;
    this.#rows = rows;
  }

  /** Returns where `rows` candles of a state go; those that are not used are counted. */
  seriesFor(state: number, rows: number): CandleSeries | undefined {
    if (state === OPEN) this.#columns.counts.open += rows;
    else if (state === EMPTY) this.#columns.counts.empty += rows;
    else this.#series ??= this.#open();
    return state === OPEN || state === EMPTY ? undefined : this.#series;
  }

  #open(): CandleSeries {
    const series = this.#columns.series(this.#names[3] as string, this.#names[4] as string);
    series.reserve(this.#rows);
    return series;
  }
}

function identityOf([exchange, market, symbol]: readonly string[]) {
  return { exchange: exchange as string, market: market as Market, symbol: symbol as string };
}
