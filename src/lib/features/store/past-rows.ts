import { endsGap } from '../../model/gap-repair.js';
import type { AnyRecord, Gap } from '../../model/records.js';
import type { MarketName } from '../../model/series.js';
import { DAY, SECOND } from '../../model/time.js';
import { ofMarket } from '../../storage/database/conditions.js';
import { readStore } from '../../storage/reading/store-reader.js';
import type { StoreSelection } from '../../storage/reading/store-selection.js';
import { openSnapshot, type StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import { BAR, BAR_INTERVAL, OLDEST_BAR, type PastBar } from '../bars.js';
import type { FeatureEngine } from '../engine.js';
import type { Past } from '../feature-series.js';
import type { EngineOptions } from '../options.js';
import { FEATURES, windowOf } from '../registry.js';
import { relationSince } from './store-sql.js';

/** Symbols of one market that go on after the same row. */
export type Group = MarketName & {
  /** The end of the last row that stays, 0 where none does. */
  readonly from: number;
  readonly symbols: readonly string[];
};

/** What the rows of a group go on from. */
type PastOfGroup = Group & Pick<Past, 'seen'>;

/** Bars older than the last one by more do not count, and the last one may be as old as a silence is long. */
const BARS_BACK = OLDEST_BAR + 2 * DAY;
const ROWS_OF_A_BAR = BAR / SECOND;

/**
 * Brings an engine to where it was after the row that ended at `from`: its windows from the rows of a store, the bars
 * before them from a sum over these, and the gaps and candles that were known.
 */
export async function restorePast(
  directory: string,
  { from, symbols, seen, ...market }: PastOfGroup,
  engine: FeatureEngine,
  options: EngineOptions,
): Promise<void> {
  const windows = Math.floor((from - reach(options)) / BAR) * BAR;
  const selection: StoreSelection = { exchanges: [market.exchange], markets: [market.market], symbols, until: from + 1 };
  const repairs = await foreseeRepairs(directory, { ...selection, since: windows - BARS_BACK, until: undefined }, engine);
  const known: AnyRecord[] = [];
  const candles = { ...selection, since: windows - BARS_BACK, types: ['gap', 'candle'] as const, intervals: [BAR_INTERVAL] };
  for await (const records of readStore(directory, candles)) {
    // A gap that ends after `from` becomes known there: rows up to `from` must not change for it twice.
    for (const record of records) if (record.timestamp <= from) known.push(record);
  }
  const gaps = known.filter((record): record is Gap => record.type === 'gap' && record.missing === true);
  const openGaps = gaps.filter((gap) => !repairs.some((repair) => isOfOneSeries(repair, gap) && endsGap(repair, gap)));
  const snapshot = await openSnapshot(directory, { ...selection, since: windows - BARS_BACK, types: ['micro', 'features'] });
  try {
    await resumeAll(snapshot, engine, { from, symbols, seen, ...market }, windows, openGaps);
  } finally {
    await snapshot.close();
  }
  for (const record of known) drain(engine.add(record));
  for await (const rows of readStore(directory, { ...selection, since: windows + 1, types: ['micro'] }))
    for (const row of rows) drain(engine.add(row));
}

/**
 * A repair may be wider than its gap and follow rows of it: these rows would be emitted as damaged although their records
 * are stored. Passes the repairs of a store to an engine before it reads the gaps that they end. Returns the repairs.
 */
export async function foreseeRepairs(
  directory: string,
  selection: Omit<StoreSelection, 'types'>,
  engine: FeatureEngine,
): Promise<Gap[]> {
  const repairs: Gap[] = [];
  for await (const records of readStore(directory, { ...selection, until: undefined, types: ['gap'] }))
    for (const record of records) if (record.type === 'gap' && !record.missing) repairs.push(record);
  for (const repair of repairs) engine.foresee(repair);
  return repairs;
}

function isOfOneSeries(a: Gap, b: Gap): boolean {
  return a.symbol === b.symbol && a.channel === b.channel;
}

/** Microseconds that the longest window looks back. */
function reach({ windows, features = FEATURES }: EngineOptions): number {
  const own = features.filter((feature) => feature.window !== undefined || feature.own !== undefined);
  return Math.max(...own.map((feature) => feature.warmUp(windowOf(feature, windows)) + 1)) * SECOND;
}

async function resumeAll(
  snapshot: StoreSnapshot,
  engine: FeatureEngine,
  group: PastOfGroup,
  windows: number,
  openGaps: readonly Gap[],
) {
  const { symbols, exchange, market, seen } = group;
  const [bars, sums] = [await barsBefore(snapshot, group, windows), await sumsAt(snapshot, group, windows)];
  for (const symbol of symbols) {
    const own = bars.get(symbol) ?? [];
    const broken = openGaps.filter((openGap) => openGap.symbol === symbol && openGap.channel === 'trade');
    engine.resume({ exchange, market, symbol }, windows, {
      bars: own.flatMap((bar) => pastBar(bar, broken)),
      continues: sums.has(symbol),
      cvd: sums.get(symbol),
      seen,
    });
  }
}

type BarRow = {
  readonly start: number;
  readonly rows: number;
  readonly high?: number;
  readonly low?: number;
  readonly close?: number;
};

/** A bar of which rows or trades are missing breaks the average; one without trades is none. */
function pastBar({ start, rows, high, low, close }: BarRow, openGaps: readonly Gap[]): PastBar[] {
  const isInGap = openGaps.some(
    (openGap) => openGap.fromTimestamp < start + BAR && Math.max(openGap.untilTimestamp, openGap.fromTimestamp + 1) > start,
  );
  const whole = rows === ROWS_OF_A_BAR && !isInGap;
  if (high === undefined || low === undefined || close === undefined)
    return whole ? [] : [{ start, whole, high: Number.NEGATIVE_INFINITY, low: Number.POSITIVE_INFINITY, close: 0 }];
  return [{ start, whole, high, low, close }];
}

/** The bars that rows up to `until` made, by symbol; one whose beginning was not seen is none. */
async function barsBefore(snapshot: StoreSnapshot, { symbols, ...market }: Group, until: number): Promise<Map<string, BarRow[]>> {
  const rows = await snapshot.database.rows(
    `SELECT symbol, start, count(*) AS seconds, max(high) AS high, min(low) AS low,
       arg_max(close, "timestamp") FILTER (high IS NOT NULL) AS close
     FROM (SELECT *, (epoch_us("timestamp") - 1) // ${BAR} * ${BAR} AS start FROM ${relationSince(snapshot, 'micro', 0)}
       WHERE ${ofMarket(market, symbols)} AND "timestamp" <= make_timestamptz(${until}))
     GROUP BY symbol, start HAVING epoch_us(min("timestamp")) = start + ${SECOND} ORDER BY start`,
  );
  const bars = new Map<string, BarRow[]>();
  for (const { symbol, start, seconds, high, low, close } of rows) {
    const prices = high === null ? {} : { high: Number(high), low: Number(low), close: Number(close) };
    const bar = { start: Number(start), rows: Number(seconds), ...prices };
    if (!bars.get(`${symbol}`)?.push(bar)) bars.set(`${symbol}`, [bar]);
  }
  return bars;
}

/** The `cvd` of the row that ended at `end`, by symbol; symbols without that row are absent. */
async function sumsAt(
  snapshot: StoreSnapshot,
  { symbols, ...market }: Group,
  end: number,
): Promise<Map<string, number | undefined>> {
  const rows = await snapshot.database.rows(
    `SELECT symbol, cvd FROM ${relationSince(snapshot, 'features', end)}
     WHERE ${ofMarket(market, symbols)} AND "timestamp" = make_timestamptz(${end})`,
  );
  return new Map(rows.map(({ symbol, cvd }) => [`${symbol}`, cvd === null ? undefined : Number(cvd)]));
}

function drain(records: Iterable<AnyRecord>): void {
  for (const _ of records);
}
