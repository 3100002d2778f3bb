import type { Market } from '../../model/records.js';
import { type Database, sqlName } from '../../storage/database/duckdb.js';
import { SWEEP_STEP, validCondition } from '../../storage/database/record-table.js';
import { rowGroups, type TypedChunk, typedChunks } from '../../storage/database/typed-chunks.js';
import { type HeldOptions, heldInputs } from './held-inputs.js';
import { BOOK, type InputChunk, type InputRelations, type InputTable, inputOf, KINDS, SERIES, TRADE } from './input-kinds.js';

const COLUMNS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

const SORTED_AT_ONCE = 800_000;
/** A row has one number for its symbol and its kind. */
const SYMBOL_STEP = 8;

type InputTableOptions = HeldOptions & {
  /** Funding that was paid before this time (microseconds) is not counted. */
  readonly from?: number;
  /** Rows that are sorted without a copy of them. */
  readonly sortedAtOnce?: number | undefined;
};

/**
 * Returns the inputs in `relations`, held in memory, or as the table `name` where that is not possible. The trades must be
 * checked, and each be there once: their ids are not kept. Returns undefined where rows are in doubt: broken ones, two of one
 * kind, symbol and arrival (without one, of one time), a level without an amount. Then the records decide.
 */
export async function createInputTable(
  database: Database,
  relations: InputRelations,
  name: string,
  { from = 0, sortedAtOnce = SORTED_AT_ONCE, ...holding }: InputTableOptions = {},
): Promise<InputTable | undefined> {
  const given = KINDS.flatMap(({ type }, kind) => {
    const relation = relations.get(type);
    return relation === undefined ? [] : [{ kind, relation }];
  });
  if (given.length === 0) return undefined;
  const names = given.map(({ relation }) => `SELECT ${SERIES.join(', ')} FROM ${relation}`);
  const { code, rows, ...groups } = await rowGroups(database, `(${names.join(' UNION ALL ')})`, SERIES, `${name}_series`);
  const held = await heldInputs(database, { given, symbols: groups.names.length, code }, holding);
  const inputs = held ?? (await sortedInputs(database, name, { given, code, isLarge: rows > sortedAtOnce }));
  if (!inputs) return undefined;
  const funding = relations.get('funding');
  const paid = `"settled" AND "timestamp" >= make_timestamptz(${from})`;
  const settled = funding === undefined ? 0 : await database.number(`SELECT count(*) FROM ${funding} WHERE ${paid}`);
  const symbols = groups.names.map(([exchange, market, symbol]) => {
    return { exchange: exchange as string, market: market as Market, symbol: symbol as string };
  });
  return { symbols, settled, chunks: () => inputs.chunks(), drop: () => inputs.drop() };
}

type Sorting = {
  readonly given: readonly { readonly kind: number; readonly relation: string }[];
  readonly code: string;
  readonly isLarge: boolean;
};

/** Sorts inputs into the table `name`; undefined where rows are in doubt. */
async function sortedInputs(
  database: Database,
  name: string,
  { given, code, isLarge }: Sorting,
): Promise<Pick<InputTable, 'chunks' | 'drop'> | undefined> {
  const selects = given.map(({ kind, relation }) => selectOf(kind, relation, code));
  await sortInto(database, name, selects.join(' UNION ALL '), isLarge);
  const drop = () => database.run(`DROP TABLE ${sqlName(name)}`);
  const [counts] = await database.rows(
    `SELECT count(*) AS rows, count(*) FILTER (k % ${SYMBOL_STEP} <> ${TRADE})
         - count(DISTINCT hash(k, l, CASE WHEN l = 0 THEN t END)) FILTER (k % ${SYMBOL_STEP} <> ${TRADE}) AS repeated,
       count(*) FILTER (NOT is_record OR (k % ${SYMBOL_STEP} = ${BOOK} AND (e IS NULL OR f IS NULL))) AS broken FROM ${sqlName(name)}`,
  );
  if (Number(counts?.repeated) + Number(counts?.broken) === 0)
    return { chunks: () => tableChunks(database, name, Number(counts?.rows)), drop };
  await drop();
  return undefined;
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

/** Yields the rows of the table `name` in chunks. */
async function* tableChunks(database: Database, name: string, rows: number): AsyncGenerator<InputChunk> {
  const values = COLUMNS.map((column) => `coalesce(${column}, 'nan'::DOUBLE)`);
  const sql = `SELECT t::DOUBLE, l::DOUBLE, k::INTEGER, ${values.join(', ')} FROM ${sqlName(name)}`;
  for await (const chunk of typedChunks(database, sql, rows)) yield tableChunk(chunk);
}

function tableChunk(chunk: TypedChunk): InputChunk {
  const [times, locals, codes] = [chunk.numbers(0), chunk.numbers(1), chunk.integers(2)];
  const values = COLUMNS.map((_, column) => chunk.numbers(column + 3));
  return {
    rows: chunk.rows,
    times,
    symbol: (row) => Math.floor((codes[row] as number) / SYMBOL_STEP),
    input: (row) => inputOf((codes[row] as number) % SYMBOL_STEP, times[row] as number, locals[row] as number, values, row),
  };
}
