import type { Market, RecordType } from '../../model/records.js';
import { type Database, sqlName } from '../../storage/database/duckdb.js';
import { SWEEP_STEP, validCondition } from '../../storage/database/record-table.js';
import { rowGroups, type TypedChunk, typedChunks } from '../../storage/database/typed-chunks.js';
import type { SymbolIdentity } from '../micro-series.js';
import type { SecondInput } from '../second-inputs.js';
import { DEPTH, quotesOfSums } from '../top-of-book.js';

/** The inputs of seconds as columns of one table, in order of time; those of one time in the order of `KINDS`. */
export type InputTable = {
  readonly name: string;
  readonly rows: number;
  readonly symbols: readonly SymbolIdentity[];
  /** Funding rates that were paid (from `from` on), which no second uses. */
  readonly settled: number;
};

/** Relations by type; types without one have no records. */
export type InputRelations = ReadonlyMap<RecordType, string>;

const SERIES = ['exchange', 'market', 'symbol'];
const COLUMNS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

/** What a second takes of each type, as at most six doubles. The order is that of inputs of one time. */
const KINDS: readonly { readonly type: RecordType; readonly values: readonly string[] }[] = [
  {
    type: 'book_snapshot',
    values: ['"bids"[1][1]', '"bids"[1][2]', '"asks"[1][1]', '"asks"[1][2]', amounts('"bids"'), amounts('"asks"')],
  },
  { type: 'ticker', values: ['"bid"', '"bid_amount"', '"ask"', '"ask_amount"'] },
  { type: 'mark_price', values: ['"mark"', '"index"'] },
  { type: 'open_interest', values: ['"amount"', '"amount_both_sides"'] },
  { type: 'funding', values: ['"rate"'] },
  { type: 'trade', values: ['"price"', '"amount"', `CASE "side" WHEN 'buy' THEN 1 WHEN 'sell' THEN 0 END`] },
];
const BOOK = 0;
const TRADE = KINDS.length - 1;
/** Of the third there are trades of archives that do not say it. */
const SIDES = ['sell', 'buy', undefined] as const;
const SORTED_AT_ONCE = 800_000;
/** A row has one number for its symbol and its kind. */
const SYMBOL_STEP = 8;

type InputTableOptions = {
  /** Funding that was paid before this time (microseconds) is not counted. */
  readonly from?: number;
  /** Rows that are sorted without a copy of them. */
  readonly sortedAtOnce?: number | undefined;
};

/** The types that an input table takes. */
export const TABLE_TYPES: readonly RecordType[] = KINDS.map(({ type }) => type);

/** Returns the sum of the amounts of a side's first levels, added from the best on as `amountOf` adds them. */
function amounts(side: string): string {
  const terms = Array.from({ length: DEPTH }, (_, index) => {
    return `CASE WHEN len(${side}) > ${index} THEN ${side}[${index + 1}][2] ELSE 0 END`;
  });
  return terms.join(' + ');
}

/**
 * Creates the table `name` of the inputs in `relations`. The trades must be checked, and each be there once: their ids are
 * not kept. Returns undefined where rows are in doubt: broken ones, two of one kind, symbol and arrival (without one, of one
 * time), a level without an amount. Then the records decide.
 */
export async function createInputTable(
  database: Database,
  relations: InputRelations,
  name: string,
  { from = 0, sortedAtOnce = SORTED_AT_ONCE }: InputTableOptions = {},
): Promise<InputTable | undefined> {
  const given = KINDS.flatMap(({ type }, kind) => {
    const relation = relations.get(type);
    return relation === undefined ? [] : [{ kind, relation }];
  });
  if (given.length === 0) return undefined;
  const names = given.map(({ relation }) => `SELECT ${SERIES.join(', ')} FROM ${relation}`);
  const groups = await rowGroups(database, `(${names.join(' UNION ALL ')})`, SERIES, `${name}_series`);
  const selects = given.map(({ kind, relation }) => selectOf(kind, relation, groups.code));
  await sortInto(database, name, selects.join(' UNION ALL '), groups.rows > sortedAtOnce);
  const [counts] = await database.rows(
    `SELECT count(*) AS rows, count(*) FILTER (k % ${SYMBOL_STEP} <> ${TRADE})
         - count(DISTINCT hash(k, l, CASE WHEN l = 0 THEN t END)) FILTER (k % ${SYMBOL_STEP} <> ${TRADE}) AS repeated,
       count(*) FILTER (NOT is_record OR (k % ${SYMBOL_STEP} = ${BOOK} AND (e IS NULL OR f IS NULL))) AS broken FROM ${sqlName(name)}`,
  );
  if (Number(counts?.repeated) + Number(counts?.broken) > 0) {
    await database.run(`DROP TABLE ${sqlName(name)}`);
    return undefined;
  }
  const funding = relations.get('funding');
  const paid = `"settled" AND "timestamp" >= make_timestamptz(${from})`;
  const settled = funding === undefined ? 0 : await database.number(`SELECT count(*) FROM ${funding} WHERE ${paid}`);
  const symbols = groups.names.map(([exchange, market, symbol]) => {
    return { exchange: exchange as string, market: market as Market, symbol: symbol as string };
  });
  return { name, rows: Number(counts?.rows), symbols, settled };
}

/**
 * Creates the table of the rows in order. Of more than a day or two they are copied first: DuckDB sorts a table with what it may
 * take and spills the rest, but it holds all of a union of files, and runs out of memory.
 */
async function sortInto(database: Database, name: string, rows: string, isLarge: boolean): Promise<void> {
  const copy = sqlName(`${name}_unordered`);
  if (isLarge) await database.run(`CREATE TEMP TABLE ${copy} AS ${rows}`);
  await database.run(
    `CREATE TEMP TABLE ${sqlName(name)} AS SELECT t, l, k, is_record, ${COLUMNS.join(', ')} FROM ${isLarge ? copy : `(${rows})`}
     ORDER BY t, kind, s, l, step, id`,
  );
  if (isLarge) await database.run(`DROP TABLE ${copy}`);
}

function selectOf(kind: number, relation: string, code: string): string {
  const { type, values } = KINDS[kind] as (typeof KINDS)[number];
  const columns = COLUMNS.map((column, index) => `(${values[index] ?? 'NULL'})::DOUBLE AS ${column}`);
  const isTrade = type === 'trade';
  const order = isTrade ? `coalesce("sequence", -1) AS s, ${SWEEP_STEP} AS step, "id"` : `0::BIGINT AS s, 0 AS step, '' AS id`;
  return `SELECT epoch_us("timestamp") AS t, coalesce(epoch_us("local_timestamp"), 0) AS l, ${kind} AS kind,
    (${code}) * ${SYMBOL_STEP} + ${kind} AS k, ${isTrade ? 'true' : `(${validCondition(type)}) IS TRUE`} AS is_record,
    ${columns.join(', ')}, ${order} FROM ${relation} ${type === 'funding' ? 'WHERE "settled" IS NOT TRUE' : ''}`;
}

/** Yields the rows of an input table in chunks. */
export async function* tableInputs(database: Database, { name, rows }: InputTable): AsyncGenerator<InputChunk> {
  const values = COLUMNS.map((column) => `coalesce(${column}, 'nan'::DOUBLE)`);
  const sql = `SELECT t::DOUBLE, l::DOUBLE, k::INTEGER, ${values.join(', ')} FROM ${sqlName(name)}`;
  for await (const chunk of typedChunks(database, sql, rows)) yield new InputChunk(chunk);
}

/** Some rows of an input table. */
export class InputChunk {
  readonly rows: number;
  readonly times: Float64Array;
  readonly #locals: Float64Array;
  readonly #codes: Int32Array;
  readonly #values: readonly Float64Array[];

  constructor(chunk: TypedChunk) {
    this.rows = chunk.rows;
    this.times = chunk.numbers(0);
    this.#locals = chunk.numbers(1);
    this.#codes = chunk.integers(2);
    this.#values = COLUMNS.map((_, column) => chunk.numbers(column + 3));
  }

  /** Returns the index of a row's symbol. */
  symbol(row: number): number {
    return Math.floor((this.#codes[row] as number) / SYMBOL_STEP);
  }

  /** Returns what a second takes of a row. */
  input(row: number): SecondInput {
    const kind = (this.#codes[row] as number) % SYMBOL_STEP;
    const timestamp = this.times[row] as number;
    const localTimestamp = this.#locals[row] || undefined;
    const a = this.#value(0, row);
    const b = this.#value(1, row);
    const c = this.#value(2, row);
    if (kind === TRADE)
      return {
        type: 'trade',
        timestamp,
        localTimestamp,
        price: a as number,
        amount: b as number,
        side: SIDES[c ?? 2],
      };
    const d = this.#value(3, row);
    if (kind === BOOK) {
      const sums = [this.#values[4]?.[row], this.#values[5]?.[row]] as [number, number];
      const quotes = quotesOfSums({ bid: a, bidAmount: b, ask: c, askAmount: d }, ...sums);
      return { type: 'book_snapshot', timestamp, localTimestamp, quotes };
    }
    if (kind === 1) return { type: 'ticker', timestamp, localTimestamp, bid: a, bidAmount: b, ask: c, askAmount: d };
    if (kind === 2) return { type: 'mark_price', timestamp, localTimestamp, mark: a as number, index: b };
    if (kind === 3) return { type: 'open_interest', timestamp, localTimestamp, amount: a, amountBothSides: b };
    return { type: 'funding', timestamp, localTimestamp, rate: a as number };
  }

  #value(column: number, row: number): number | undefined {
    const value = (this.#values[column] as Float64Array)[row] as number;
    return Number.isNaN(value) ? undefined : value;
  }
}
