import { reportContradictions } from '../../input/contradiction.js';
import type { InputListener } from '../../input/input-listener.js';
import { expandPaths } from '../../input/paths.js';
import { bucketStart, parseInterval } from '../../model/interval.js';
import type { AnyRecord } from '../../model/records.js';
import { filtered, isInTime, isOfSelection, isSelected, type RecordSelection } from '../../model/selection.js';
import { DAY } from '../../model/time.js';
import { Database } from '../../storage/database/duckdb.js';
import { emptyRelation } from '../../storage/database/record-table.js';
import type { RecordSource, RowTable } from '../../storage/database/row-table.js';
import { rowCondition } from '../../storage/reading/store-selection.js';
import { openSnapshot, type StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import { CandleAggregator } from '../aggregator.js';
import type { CandleCounts, CandleOptions } from '../options.js';
import { batchCandleSelect, createBatchCandles } from './batch-candles.js';
import { isContradiction, loadInput } from './batch-input.js';
import { type CandleRelations, intervalSeconds } from './batch-tables.js';
import { type CandleTables, inTime } from './in-time.js';
import { arrivalsOf } from './stored-clock.js';

/** The candles and counts of their input; the counts are final when the records have ended. */
export type CandleStep = { readonly records: RecordSource<AnyRecord[]>; readonly counts: CandleCounts };

export const noCounts = (): CandleCounts => ({ trades: 0, candles: 0, late: 0, duplicates: 0, unused: 0, unmarked: 0 });

/**
 * Returns the candles that overlap the selected time, from records in the order in which they arrive, closed by their
 * clock; for endless input. A clock at or after `until` still closes the last candles, and is not written.
 */
export function streamCandles(
  input: AsyncIterable<readonly AnyRecord[]>,
  selection: RecordSelection,
  options: CandleOptions,
): CandleStep {
  const aggregator = new CandleAggregator(options);
  const wide = widened(selection, options);
  const taken = filtered(input, (record) => isOfSelection(record, selection));
  const add = (record: AnyRecord) =>
    record.type === 'clock' || isInTime(record, wide) ? aggregator.add(record) : aggregator.observe(record);
  return {
    records: filtered(aggregate(taken, aggregator, add), (record) => isShown(record, selection)),
    counts: aggregator.counts,
  };
}

/** Returns whether a record is written: a candle when any part of it lies in the selected time. */
function isShown(record: AnyRecord, selection: RecordSelection): boolean {
  if (record.type !== 'candle') return isInTime(record, selection);
  const { since, until } = selection;
  const end = record.timestamp + parseInterval(record.interval).size;
  return (since === undefined || end > since) && (until === undefined || record.timestamp < until);
}

/** Batch size of candles that are built at once. */
const BATCH = 2048;

async function* aggregate(
  input: AsyncIterable<readonly AnyRecord[]>,
  aggregator: CandleAggregator,
  add: (record: AnyRecord) => Iterable<AnyRecord>,
): AsyncGenerator<AnyRecord[]> {
  for await (const records of input) {
    let batch: AnyRecord[] = [];
    for (const record of records) {
      for (const made of add(record)) {
        batch.push(made);
        if (batch.length < BATCH) continue;
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }
  const rest = [...aggregator.finish()];
  if (rest.length > 0) yield rest;
}

/**
 * Returns the candles of files that overlap the selected time, late trades included. Memory is DuckDB's, and bounded.
 */
export function batchCandles(
  paths: readonly string[],
  selection: RecordSelection,
  options: CandleOptions,
  listener: InputListener,
): CandleStep {
  const counts = noCounts();
  let opened: Promise<LoadedInput> | undefined;
  const open = () => {
    opened ??= load(paths, selection, options, listener, counts);
    return opened;
  };
  const records = { [Symbol.asyncIterator]: () => buildLoaded(open, selection, options, counts), asTable };
  return { records, counts };

  async function asTable(take: (table: RowTable) => Promise<void>): Promise<boolean> {
    const { database, relations } = await open();
    if (!relations.known || options.intervals.length > 1) return false;
    try {
      counts.trades = relations.known.count;
      const select = await batchCandleSelect(database, relations, options, shownCondition(selection));
      await take({ database, type: 'candle', select });
      return true;
    } finally {
      await database.close();
    }
  }
}

type LoadedInput = { readonly database: Database; readonly relations: CandleRelations };

/** Candles of seconds take more than all else; beyond this they are spilled to disk. */
const MEMORY = '192MB';

/** Opens a database with the input. The caller closes it. */
async function load(
  paths: readonly string[],
  selection: RecordSelection,
  options: CandleOptions,
  listener: InputListener,
  counts: CandleCounts,
): Promise<LoadedInput> {
  const files = await expandPaths(paths);
  const database = await Database.open({ memoryLimit: MEMORY });
  try {
    const tally = { duplicates: 0, unused: 0, contradictions: new Set<string>() };
    const wide = widened(selection, options);
    const relations = await loadInput(database, files, wide, listener, tally, options.source);
    if (tally.contradictions.size > 0)
      await reportContradictions(files, (trade) => isSelected(trade, wide) && isContradiction(trade, tally), listener);
    counts.duplicates += tally.duplicates;
    counts.unused += tally.unused;
    return { database, relations };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function* buildLoaded(
  open: () => Promise<LoadedInput>,
  selection: RecordSelection,
  options: CandleOptions,
  counts: CandleCounts,
): AsyncGenerator<AnyRecord[]> {
  const { database, relations } = await open();
  try {
    await build(database, relations, options, counts);
    yield* inTime(database, shownOf(relations, selection));
  } finally {
    await database.close();
  }
}

/** The table of the candles that were built. */
export const BUILT = 'built_candles';

async function build(
  database: Database,
  relations: CandleRelations,
  options: CandleOptions,
  counts: CandleCounts,
): Promise<void> {
  const { unused } = await createBatchCandles(database, BUILT, relations, options);
  const trades = relations.known?.count ?? (await database.number(`SELECT count(*) FROM ${relations.trade}`));
  const candles = await database.number(`SELECT count(*) FROM ${relations.candle}`);
  counts.trades = options.source === 'trades' ? trades : 0;
  counts.candles = candles - unused;
  counts.unused += unused + trades - counts.trades;
}

/**
 * Returns the candles of a store's trades without storing them: those that overlap the selected time, each of all its
 * trades. Where a candle depends on the time before it, one more day is read. Without such trades, or if the exchange's
 * own candles are requested, stored shorter candles are combined.
 */
export function candlesOfStore(
  directory: string,
  selection: RecordSelection,
  options: CandleOptions,
  builder: StoreBuilder = buildHere,
): CandleStep {
  const counts = noCounts();
  return { records: readAndBuild(directory, selection, { options, counts, builder }), counts };
}

/** What the candles of a snapshot are built from, and which. */
export type StoreBuild = {
  readonly snapshot: StoreSnapshot;
  readonly relations: CandleRelations;
  readonly directory: string;
  readonly selection: RecordSelection;
  readonly options: CandleOptions;
  readonly counts: CandleCounts;
};

/** Builds the candles of a snapshot into the table `BUILT`. */
export type StoreBuilder = (build: StoreBuild) => Promise<void>;

async function buildHere({ snapshot, relations, options, counts }: StoreBuild): Promise<void> {
  await build(snapshot.database, relations, options, counts);
}

type StoreRead = Pick<StoreBuild, 'options' | 'counts'> & { readonly builder: StoreBuilder };

async function* readAndBuild(
  directory: string,
  selection: RecordSelection,
  { options, counts, builder }: StoreRead,
): AsyncGenerator<AnyRecord[]> {
  const wide = widened(selection, options);
  const types = ['trade', 'candle', 'gap'] as const;
  const snapshot = await openSnapshot(directory, { ...wide, types, sources: [options.source] });
  try {
    const { database } = snapshot;
    const gap = snapshot.relation('gap');
    const clock = emptyRelation('clock');
    const fromTrades = options.source === 'trades' && snapshot.partitions('trade').length > 0;
    const trade = fromTrades ? snapshot.relation('trade') : emptyRelation('trade');
    const candle = fromTrades ? emptyRelation('candle') : snapshot.relation('candle');
    const relations = { trade, candle, gap, clock, arrivals: arrivalsOf(snapshot) };
    await builder({ snapshot, relations, directory, selection, options, counts });
    yield* inTime(database, shownOf({ gap, clock }, selection));
  } finally {
    await snapshot.close();
  }
}

/** Returns the records to write: candles and gaps with any part in the selected time, and clocks within it. */
function shownOf({ gap, clock }: Pick<CandleRelations, 'gap' | 'clock'>, selection: RecordSelection): CandleTables {
  const { since, until } = selection;
  return {
    gap: `(SELECT * FROM ${gap} WHERE ${rowCondition({ since, until }, 'gap') ?? 'true'})`,
    clock: `(SELECT * FROM ${clock} WHERE ${rowCondition({ since, until }, 'clock') ?? 'true'})`,
    candle: `(SELECT * FROM ${BUILT} WHERE ${shownCondition(selection) ?? 'true'})`,
  };
}

/** Returns the condition that any part of a candle lies in the selected time, undefined where all time is selected. */
function shownCondition({ since, until }: RecordSelection): string | undefined {
  if (since === undefined && until === undefined) return undefined;
  const closing = `epoch_us("timestamp" + to_seconds(${intervalSeconds('"interval"')}))`;
  return [
    since === undefined ? 'true' : `${closing} > ${since}`,
    until === undefined ? 'true' : `epoch_us("timestamp") < ${until}`,
  ].join(' AND ');
}

/**
 * Extends the selection to the start of its first and the end of its last candle. A candle cut at `since` or `until` would
 * miss trades and still call itself complete.
 */
export function widened(selection: RecordSelection, { intervals, open, empty }: CandleOptions): RecordSelection {
  const { since, until } = selection;
  const isChained = open === 'previous-close' || empty !== 'skip';
  const starts = intervals.map(({ size }) => bucketStart(size, since ?? 0));
  const ends = intervals.map(({ size }) => bucketStart(size, (until ?? 0) - 1) + size);
  return {
    ...selection,
    since: since === undefined ? undefined : Math.min(...starts) - (isChained ? DAY : 0),
    until: until === undefined ? undefined : Math.max(...ends),
  };
}
