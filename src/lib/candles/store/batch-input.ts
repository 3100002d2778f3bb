import { type FileSelect, loadTextFiles, selectParquet } from '../../input/file-select.js';
import { isPlainParquet } from '../../input/formats.js';
import { readInput } from '../../input/input.js';
import type { InputListener } from '../../input/input-listener.js';
import { type TradeFiles, tradesOfFiles } from '../../input/trade-files.js';
import type { AnyRecord, RecordType, Trade } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import { seriesKey } from '../../model/series.js';
import { type Database, sqlText } from '../../storage/database/duckdb.js';
import { emptyRelation, keyExpressions, precedence } from '../../storage/database/record-table.js';
import { TableAppender } from '../../storage/database/table-appender.js';
import { rowCondition } from '../../storage/reading/store-selection.js';
import type { CandleOptions } from '../options.js';
import type { CandleRelations } from './batch-tables.js';

/** Types that candles depend on. */
const TYPES = ['trade', 'candle', 'gap', 'clock'] as const;
type InputType = (typeof TYPES)[number];

/** Facts about the input beside the relations. */
type InputTally = {
  duplicates: number;
  unused: number;
  /** Keys of trades with the id of a different trade. */
  readonly contradictions: Set<string>;
};

/** Returns the relations of what candles depend on in files: Parquet is read where it lies, the rest is loaded first. */
export async function loadInput(
  database: Database,
  paths: readonly string[],
  selection: RecordSelection,
  listener: InputListener,
  tally: InputTally,
  source: CandleOptions['source'],
): Promise<CandleRelations> {
  const texts = await loadTextFiles(
    database,
    paths.filter((path) => !isPlainParquet(path)),
    'text',
  );
  const trades = texts && source === 'trades' ? await tradesOfFiles(database, paths, texts, selection) : undefined;
  if (trades) return relationsOf(trades, selection);
  const selects = new Map<InputType, string[]>(TYPES.map((type) => [type, []]));
  // Of two candles with one key the later in the input counts: the files stay in their order.
  for (const run of runsOf(paths)) {
    const [path] = run as [string];
    if (!isPlainParquet(path)) {
      if (texts) for (const one of run.flatMap((name) => texts.get(name) ?? [])) await addSelect(database, one, selects, tally);
      else await loadRecords(database, readInput(run, listener), selects, tally);
      continue;
    }
    await addSelect(database, await selectParquet(database, path, listener), selects, tally);
  }
  const relations: Record<string, string> = {};
  for (const [type, list] of selects) relations[type] = await uniqueRelation(database, type, list, selection, tally);
  return { ...relations, arrivals: arrivalsIn(selects.get('trade') ?? [], selection) } as CandleRelations;
}

async function addSelect(
  database: Database,
  { type, select }: FileSelect,
  selects: ReadonlyMap<InputType, string[]>,
  tally: InputTally,
): Promise<void> {
  const list = selects.get(type as InputType);
  if (list) list.push(select);
  else tally.unused += await database.number(`SELECT count(*) FROM (${select})`);
}

function relationsOf(trades: TradeFiles, selection: RecordSelection): CandleRelations {
  const { relation, unselected, isInOrder, count, arrivals } = trades;
  const clocks = arrivals.map(({ exchange, market, arrived }) => `(${sqlText(exchange)}, ${sqlText(market)}, ${arrived})`);
  const [candle, gap, clock] = ['candle', 'gap', 'clock'].map((type) => emptyRelation(type as RecordType)) as [
    string,
    string,
    string,
  ];
  return {
    trade: relation,
    candle,
    gap,
    clock,
    known: { count, position: isInOrder ? 'position' : undefined },
    arrivals:
      arrivalsIn([`SELECT * FROM ${unselected}`], selection) ??
      `(SELECT * FROM (VALUES ${clocks.join(', ') || "('', '', 0)"}) AS arrivals("exchange", "market", arrived))`,
  };
}

/** Returns the files in their order: each Parquet file alone, other files that follow each other together. */
function runsOf(paths: readonly string[]): string[][] {
  const runs: string[][] = [];
  for (const path of paths) {
    const last = runs.at(-1);
    if (last === undefined || isPlainParquet(path) || isPlainParquet(last[0] as string)) runs.push([path]);
    else last.push(path);
  }
  return runs;
}

/** Returns the last arrival of each market, even after the selected time: it closes candles as the clock of a store does. */
function arrivalsIn(selects: readonly string[], { exchanges, markets, symbols, until }: RecordSelection): string | undefined {
  if (selects.length === 0 || until === undefined) return undefined;
  return `(SELECT "exchange", "market", epoch_us(max(coalesce("local_timestamp", "timestamp"))) AS arrived
    FROM (${selects.join(' UNION ALL ')}) WHERE ${rowCondition({ exchanges, markets, symbols }, 'trade') ?? 'true'} GROUP BY ALL)`;
}

async function loadRecords(
  database: Database,
  input: AsyncIterable<readonly AnyRecord[]>,
  selects: ReadonlyMap<InputType, string[]>,
  tally: InputTally,
): Promise<void> {
  const appenders = new Map<RecordType, TableAppender>();
  const tableOf = (type: InputType) => `${type}_${selects.get(type)?.length}`;
  for (const type of TYPES) appenders.set(type, await TableAppender.create(database, type, tableOf(type)));
  for await (const records of input) {
    const byType = new Map<RecordType, AnyRecord[]>(TYPES.map((type) => [type, []]));
    for (const record of records) {
      const list = byType.get(record.type);
      if (list) list.push(record);
      else tally.unused += 1;
    }
    for (const [type, list] of byType) await appenders.get(type)?.append(list);
  }
  for (const [type, appender] of appenders) {
    await appender.flush();
    selects.get(type as InputType)?.push(`SELECT * FROM "${tableOf(type as InputType)}"`);
  }
}

/**
 * Returns the selected rows, each key once. Counting the hashes of keys shows whether any appears twice: only then rows
 * are ranked, by arrival and by their place in the input.
 */
async function uniqueRelation(
  database: Database,
  type: InputType,
  selects: readonly string[],
  { exchanges, markets, symbols, since, until }: RecordSelection,
  tally: InputTally,
): Promise<string> {
  if (selects.length === 0) return emptyRelation(type);
  // A clock belongs to a market and closes candles whatever the selected time.
  const selected = type === 'clock' ? { exchanges, markets } : { exchanges, markets, symbols, since, until };
  const condition = rowCondition(selected, type);
  const all = `(SELECT * FROM (${selects.join(' UNION ALL ')}) WHERE ${condition ?? 'true'})`;
  const keys = keyExpressions(type).join(', ');
  const [row] = await database.rows(`SELECT count(*) AS records, count(DISTINCT hash(${keys})) AS keys FROM ${all}`);
  if (row?.records === row?.keys) return all;
  const table = `unique_${type}`;
  await database.run(`CREATE TEMP TABLE numbered_${type} AS SELECT *, row_number() OVER () AS place FROM ${all}`);
  if (type === 'trade') await rejectContradictions(database, keys, tally);
  if (type === 'candle')
    tally.duplicates += await database.number(
      `SELECT count(*) - count(DISTINCT hash(${keys}, "closed", "local_timestamp")) FROM numbered_candle`,
    );
  const before = await database.number(`SELECT count(*) FROM numbered_${type}`);
  const later = type === 'trade' ? 'place' : 'place DESC';
  await database.run(
    `CREATE TEMP TABLE ${table} AS SELECT * EXCLUDE (place) FROM numbered_${type}
     QUALIFY row_number() OVER (PARTITION BY ${keys} ORDER BY ${precedence(type)}, ${later}) = 1`,
  );
  if (type === 'trade') tally.duplicates += before - (await database.number(`SELECT count(*) FROM ${table}`));
  return table;
}

/** Returns whether a trade of the input has the id of a different one. */
export function isContradiction(trade: Trade, { contradictions }: InputTally): boolean {
  return contradictions.has(`${seriesKey(trade)} ${trade.id}`);
}

/** Removes trades whose id is that of a different, earlier one, and notes their keys. */
async function rejectContradictions(database: Database, keys: string, tally: InputTally): Promise<void> {
  const content = 'ROW("price", "amount", "side")';
  await database.run(
    `CREATE TEMP TABLE contradictions AS SELECT ${keys}, place FROM numbered_trade
     QUALIFY ${content} IS DISTINCT FROM first_value(${content}) OVER (PARTITION BY ${keys} ORDER BY place)`,
  );
  const rows = await database.rows(`SELECT DISTINCT ${keys} FROM contradictions`);
  for (const { exchange, market, symbol, id } of rows) tally.contradictions.add([exchange, market, symbol, id].join(' '));
  await database.run('DELETE FROM numbered_trade WHERE place IN (SELECT place FROM contradictions)');
}
