import { DistinctHashes, halvesOf } from '../model/distinct-hashes.js';
import { MARKETS } from '../model/records.js';
import type { RecordSelection } from '../model/selection.js';
import { EARLIEST, LATEST } from '../model/time.js';
import { type Database, sqlName, sqlText } from '../storage/database/duckdb.js';
import { parquetRows } from '../storage/database/parquet-records.js';
import { isNotRounded } from '../storage/database/plausible-rows.js';
import { SWEEP_STEP, tableColumns } from '../storage/database/record-table.js';
import { type RowGroups, rowGroups, type TypedChunk, typedChunks } from '../storage/database/typed-chunks.js';
import { rowCondition } from '../storage/reading/store-selection.js';
import type { FileSelect } from './file-select.js';
import { isPlainParquet } from './formats.js';
import { typeOfColumns } from './record-shape.js';

/** The selected trades of files, each once. */
export type TradeFiles = {
  /** To be used after FROM; the columns of a trade and `position`. */
  readonly relation: string;
  /** All trades of the files, also those that are not selected. */
  readonly unselected: string;
  /** Whether `position` orders the trades of each symbol. If not, they have to be compared. */
  readonly isInOrder: boolean;
  readonly count: number;
  /** The last arrival of each market, microseconds. */
  readonly arrivals: readonly { readonly exchange: string; readonly market: string; readonly arrived: number }[];
};

/** Exceeds the rows of any file: the positions of the next file start here. */
const FILE_STEP = 2 ** 40;
const SERIES = ['exchange', 'market', 'symbol'];
/** Hashes of more ids would take more than 64 MB; DuckDB counts them and spills to disk. */
const HASHES_IN_MEMORY = 8_000_000;

/** Times of ties that are looked at once more. */
const MOST_TIES = 5_000;

/** The trades of one file; whether all rows are trades is known already or not. */
type TradeFile = { readonly select: string; readonly isChecked: boolean };

const INFINITE = "'infinity'::DOUBLE";

/** True for a row of `ParquetRows.given` that is a trade; exchange, market and symbol are checked apart. NaN is above infinity. */
const IS_TRADE = `("timestamp" >= make_timestamptz(${EARLIEST}) AND "timestamp" < make_timestamptz(${LATEST})
  AND "price" > 0 AND "price" < ${INFINITE} AND "amount" > 0 AND "amount" < ${INFINITE} AND ("side" IS NULL OR "side" IN ('buy', 'sell'))
  AND "id" IS NOT NULL AND ${isNotRounded('"id"', '[0-9]([.][0-9]+)?')}) IS TRUE`;

/**
 * Returns the trades of files, Parquet where it lies and `texts` as they were loaded, read once to see that each row is a trade, and each trade there once. Returns
 * undefined, without a message, when anything is in doubt: other types, broken rows, repeated ids. Then the files have to be
 * read in a way that says what is wrong with which row.
 */
export async function tradesOfFiles(
  database: Database,
  paths: readonly string[],
  texts: ReadonlyMap<string, readonly FileSelect[]>,
  selection: RecordSelection,
): Promise<TradeFiles | undefined> {
  if (paths.length === 0) return undefined;
  try {
    const files: TradeFile[] = [];
    for (const [index, path] of paths.entries()) {
      const file = await tradesOfFile(database, path, texts.get(path), index);
      if (!file) return undefined;
      files.push(file);
    }
    return await scan(database, files, selection);
  } catch {
    // Whatever is wrong with a file, the other reader says it in the words of the user.
    return undefined;
  }
}

async function tradesOfFile(
  database: Database,
  path: string,
  loaded: readonly FileSelect[] | undefined,
  index: number,
): Promise<TradeFile | undefined> {
  const offset = index * FILE_STEP;
  if (isPlainParquet(path)) {
    const typeOf = (columns: readonly string[]) => typeOfColumns(columns, path);
    const { type, given } = await parquetRows(database, path, typeOf, `file_row_number + ${offset}`);
    return type === 'trade' ? { select: given, isChecked: false } : undefined;
  }
  const [only, second] = loaded ?? [];
  if (second || only?.type !== 'trade' || only.table === undefined) return undefined;
  const columns = tableColumns('trade').map(({ name }) => sqlName(name));
  return { select: `SELECT ${columns.join(', ')}, rowid + ${offset} AS position FROM ${sqlName(only.table)}`, isChecked: true };
}

async function scan(
  database: Database,
  files: readonly TradeFile[],
  { exchanges, markets, symbols, since, until }: RecordSelection,
): Promise<TradeFiles | undefined> {
  const unselected = `(${files.map(({ select }) => select).join(' UNION ALL ')})`;
  const condition = rowCondition({ exchanges, markets, symbols, since, until }, 'trade');
  const relation = condition === undefined ? unselected : `(SELECT * FROM ${unselected} WHERE ${condition})`;
  const unchecked = files.filter(({ isChecked }) => !isChecked);
  // A broken row counts even where its symbol or time is not selected.
  if (condition !== undefined) for (const { select } of unchecked) if (!(await holdsTrades(database, select))) return undefined;
  const groups = await rowGroups(database, relation, SERIES, 'trade_files');
  if (!groups.names.every(([exchange, market, symbol]) => isSeries(exchange, market, symbol))) return undefined;
  const trades = new TradeOrder(groups);
  const isHashed = groups.rows <= HASHES_IN_MEMORY;
  const key = groups.names.length < 2 ? 'hash("id")' : `hash("id", ${groups.code})`;
  // A broken row has the time 0, which no trade has. A missing sequence comes first.
  const time = `CASE WHEN ${unchecked.length > 0 && condition === undefined ? IS_TRADE : 'true'} THEN epoch_us("timestamp") ELSE 0 END`;
  const sql = `SELECT ${time}, coalesce("sequence", -1) + 1,
    coalesce(epoch_us("local_timestamp"), 0), ${groups.code}, ${isHashed ? key : '0::UBIGINT'} FROM ${relation}`;
  const hashes = isHashed ? new DistinctHashes(groups.rows) : undefined;
  for await (const chunk of typedChunks(database, sql, groups.rows)) {
    if (!trades.add(chunk)) return undefined;
    hashes?.add(halvesOf(chunk.bits(4)), 0, chunk.rows);
  }
  const isUnique =
    hashes?.areDistinct() ?? (await database.number(`SELECT count(DISTINCT ${key}) FROM ${relation}`)) === groups.rows;
  if (!isUnique) return undefined;
  const isInOrder = trades.isInOrder && (await areTiesInOrder(database, relation, trades.ties));
  return { relation, unselected, isInOrder, count: groups.rows, arrivals: trades.arrivals };
}

async function holdsTrades(database: Database, select: string): Promise<boolean> {
  const others = `SELECT count(*) FROM (${select}) WHERE NOT (${IS_TRADE}) OR "exchange" IS NULL OR "symbol" IS NULL
    OR "market" IS NULL OR "market" NOT IN (${MARKETS.map(sqlText).join(', ')})`;
  return (await database.number(others)) === 0;
}

/** A missing name arrives as the text `null`, so a series that is really called `null` is left to the reader of rows. */
function isSeries(exchange: string | undefined, market: string | undefined, symbol: string | undefined): boolean {
  return exchange !== 'null' && symbol !== 'null' && MARKETS.some((name) => name === market);
}

/** Returns whether trades that differ only in their id lie in its order, as `compareTrades` has it. */
async function areTiesInOrder(database: Database, relation: string, ties: ReadonlySet<number>): Promise<boolean> {
  if (ties.size === 0) return true;
  const times = new BigInt64Array(Float64Array.from(ties).sort().buffer);
  // Of a Parquet file only the row groups between them are read.
  const between = `"timestamp" BETWEEN make_timestamptz(${times[0]}) AND make_timestamptz(${times.at(-1)})`;
  const tied = `PARTITION BY ${SERIES.map(sqlName).join(', ')}, "timestamp", "sequence", "local_timestamp"`;
  const misplaced = await database.number(
    `SELECT count(*) FROM (SELECT position, lag(position) OVER (${tied} ORDER BY ${SWEEP_STEP}, "id") AS before
     FROM ${relation} WHERE ${between} AND epoch_us("timestamp") IN (${times.join(', ')})) WHERE position < before`,
  );
  return misplaced === 0;
}

/** Follows time, sequence and arrival of each symbol, the order of `compareTrades` up to the id. */
class TradeOrder {
  isInOrder = true;
  /** Times, as the doubles of their bits, at which a trade does not differ from the one before it in any of the three. */
  readonly ties = new Set<number>();
  readonly #names: RowGroups['names'];
  readonly #time: Float64Array;
  readonly #sequence: Float64Array;
  readonly #local: Float64Array;
  readonly #arrived: Float64Array;

  constructor({ names }: RowGroups) {
    this.#names = names;
    [this.#time, this.#sequence, this.#local, this.#arrived] = [0, 0, 0, 0].map(() => new Float64Array(names.length)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
  }

  /**
   * Adds a chunk of time, sequence, arrival and symbol. Returns false for a row that is no trade. Integers are compared by
   * their bits as doubles, without a bigint each: below 2^63 - 2^52 these have the order of the integers; above they are NaN,
   * which is in no order.
   */
  add(chunk: TypedChunk): boolean {
    const [times, sequences, locals] = [0, 1, 2].map((column) => asDoubles(chunk.bits(column))) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const codes = chunk.integers(3);
    for (let row = 0; row < chunk.rows; row++) {
      const code = codes[row] as number;
      const [time, sequence, local] = [times[row] as number, sequences[row] as number, locals[row] as number];
      if (time === 0) return false;
      const last = this.#time[code] as number;
      if (!(time > last) && !(time === last && this.#follows(code, sequence, local))) this.isInOrder = false;
      this.#time[code] = time;
      this.#sequence[code] = sequence;
      this.#local[code] = local;
      const arrived = local === 0 ? time : local;
      if (arrived > (this.#arrived[code] as number)) this.#arrived[code] = arrived;
    }
    return true;
  }

  get arrivals(): TradeFiles['arrivals'] {
    const arrived = new BigInt64Array(this.#arrived.buffer);
    return this.#names.map(([exchange, market], code) => {
      return { exchange: exchange as string, market: market as string, arrived: Number(arrived[code]) };
    });
  }

  /** Returns whether a trade of the same time comes after the one before it. */
  #follows(code: number, sequence: number, local: number): boolean {
    const [last, lastLocal] = [this.#sequence[code] as number, this.#local[code] as number];
    if (sequence !== last || local !== lastLocal) return sequence > last || (sequence === last && local > lastLocal);
    this.ties.add(this.#time[code] as number);
    return this.ties.size <= MOST_TIES;
  }
}

function asDoubles(bits: BigUint64Array): Float64Array {
  return new Float64Array(bits.buffer, bits.byteOffset, bits.length);
}
