import { bucketStart, type CandleInterval } from '../../model/interval.js';
import type { AnyRecord, Market } from '../../model/records.js';
import { type MarketName, marketKey } from '../../model/series.js';
import { formatDate } from '../../model/time.js';
import { ofMarket, withinSpan } from '../../storage/database/conditions.js';
import { type Database, type DatabaseOptions, sqlName } from '../../storage/database/duckdb.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { recordOrder, tableDefinition } from '../../storage/database/record-table.js';
import { createPartition, rewritePartition } from '../../storage/derived-partition.js';
import type { Partition } from '../../storage/files/partition.js';
import { uniteSegments } from '../../storage/files/segments.js';
import type { StoreContext } from '../../storage/log/store-context.js';
import { openSnapshot, type StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import type { CandleOptions } from '../options.js';
import { quoteCondition } from './batch-candles.js';
import { CLOCKS, createOpenGaps, OPEN_GAPS } from './batch-tables.js';
import { readOpenGaps } from './candle-job.js';
import { requireSameRules, ruleMetadata } from './candle-rules.js';
import { candleSelect, orderedCandleSelect } from './candle-sql.js';
import { CARRY, loadCarry, noteCarry } from './carry.js';
import type { RemoteCandles } from './remote-candles.js';
import { type StaleDay, staleDays } from './stale-spans.js';
import { clockMetadata, createStoredClock } from './stored-clock.js';
import { candleInputs, candlePartition, consumedSegments } from './stored-inputs.js';
import { tradesWithin } from './stored-trades.js';

type StoredCandlesOptions = {
  readonly candles: CandleOptions;
  readonly exchanges?: readonly string[] | undefined;
  readonly markets?: readonly Market[] | undefined;
  readonly database?: DatabaseOptions | undefined;
  /** Builds the candles elsewhere; this process alone writes to the store. */
  readonly remote?: RemoteCandles | undefined;
};

/** The recomputed candles of one interval, market and day. */
export type BuiltDay = {
  readonly partition: Partition;
  readonly candles: number;
  /** Of these, incomplete. */
  readonly incomplete: number;
  /** Whether the store changed; equal candles are not rewritten. */
  readonly changed: boolean;
  /** Returns the candles, or the last `most` of them; valid until the next day is requested. */
  records(most?: number): AsyncGenerator<AnyRecord[]>;
};

const TABLE = '"built_candles"';
/** Candles of all stale days of an interval that were built elsewhere. */
const REMOTE = 'remote_candles';

/**
 * Brings the candles of a store up to date with its trades. Each day remembers the segments of its candles; a new, late or
 * repaired segment makes its hours stale. Stale hours are recomputed and replaced as a whole. A second call changes
 * nothing. Throws a `UsageError` when the store's candles were built by other rules.
 */
export async function* buildStoredCandles(context: StoreContext, options: StoredCandlesOptions): AsyncGenerator<BuiltDay> {
  const { candles, exchanges, markets, database, remote } = options;
  requireSameRules((await context.log.read()).metadata, candles.intervals, candles);
  const selection = { types: ['trade', 'gap', 'candle'] as const, exchanges, markets, sources: ['trades'] };
  const snapshot = await openSnapshot(context.paths.location, selection, database);
  try {
    for (const market of marketsOf(snapshot)) {
      const now = await createStoredClock(snapshot, context.paths.root, market, candles.intervals);
      const countsQuote = await quoteCondition(snapshot.database, candles);
      for (const interval of candles.intervals)
        yield* buildInterval({ context, snapshot, candles, market, interval, now, countsQuote, remote });
    }
  } finally {
    await snapshot.close();
  }
}

type Build = {
  readonly context: StoreContext;
  readonly snapshot: StoreSnapshot;
  readonly candles: CandleOptions;
  readonly market: MarketName;
  readonly interval: CandleInterval;
  /** The market's clock, microseconds. */
  readonly now: number;
  readonly countsQuote: string | undefined;
  readonly remote: RemoteCandles | undefined;
};

async function* buildInterval(build: Build): AsyncGenerator<BuiltDay> {
  const { snapshot, candles, market, interval, now } = build;
  const consumed = (date: string) => consumedSegments(snapshot, market, interval, date);
  const inputs = await candleInputs(snapshot, market, (time) => consumed(formatDate(bucketStart(interval.size, time))));
  const chained = candles.open === 'previous-close' || candles.empty !== 'skip';
  const days = staleDays({ interval, inputs, consumed, chained, until: candles.empty === 'skip' ? 0 : now });
  const [first] = days;
  if (!first) return;
  if (chained) await loadCarry(snapshot, { ...market, interval: interval.name, before: first.spans[0]?.from ?? 0 });
  if (build.remote) await fillRemotely(build, build.remote, days);
  for (const day of days) yield await buildDay(build, day, chained);
  await build.remote?.written();
}

/** Has the candles of all stale days built at once, so that workers share them. */
async function fillRemotely(build: Build, remote: RemoteCandles, days: readonly StaleDay[]): Promise<void> {
  const { context, snapshot, candles, market, interval, now } = build;
  const openGaps = (await openGapsSince(build, days[0]?.spans[0]?.from ?? 0))
    ? await readOpenGaps(snapshot.database, market)
    : [];
  const spans = days.map((day) => day.spans);
  const request = { market, interval, days: spans, symbols: undefined, now, openGaps };
  await remote.fill(REMOTE, [request], { snapshot, paths: context.paths, candles });
}

async function buildDay(build: Build, day: StaleDay, chained: boolean): Promise<BuiltDay> {
  const { context, snapshot, candles, market, interval, now } = build;
  const { database } = snapshot;
  const isClosed = ({ until }: { readonly until: number }) => bucketStart(interval.size, until - 1) + interval.size <= now;
  const derived = {
    partition: candlePartition(market, interval, day.date),
    // An open candle is recomputed even without new records: it may have closed meanwhile.
    consumed: uniteSegments(day.inputs.filter(isClosed).map(({ segments = [] }) => segments)),
    metadata: { ...ruleMetadata(interval, candles), ...clockMetadata(market, now) },
  };
  const queries = build.remote ? [remoteSelect(day)] : await selectsOf(build, day, chained);
  const isPast = day.date < formatDate(now);
  const [only] = queries;
  let rows: string | undefined;
  if (isPast && only && queries.length === 1 && snapshot.state.partition(derived.partition).length === 0)
    rows = await createPartition(context, database, { ...derived, select: only.ordered });
  let changed = rows !== undefined;
  if (rows === undefined) {
    await database.run(`CREATE OR REPLACE TEMP TABLE ${TABLE} (${tableDefinition('candle')})`);
    for (const query of queries) await database.run(`INSERT INTO ${TABLE} ${query.select}`);
    changed = await rewritePartition(context, database, { ...derived, spans: day.spans, table: TABLE, hourly: !isPast });
    rows = TABLE;
  }
  if (chained) await noteCarry(database, rows);
  return { partition: derived.partition, changed, ...(await countsOf(database, rows)), records: recordsOf(database, rows) };
}

async function countsOf(database: Database, rows: string): Promise<Pick<BuiltDay, 'candles' | 'incomplete'>> {
  const [counts] = await database.rows(`SELECT count(*) AS candles, count(*) FILTER (NOT "complete") AS incomplete FROM ${rows}`);
  return { candles: Number(counts?.candles), incomplete: Number(counts?.incomplete) };
}

function recordsOf(database: Database, rows: string): BuiltDay['records'] {
  return async function* (most = Number.MAX_SAFE_INTEGER) {
    const last = `SELECT * FROM ${rows} ORDER BY "timestamp" DESC, "symbol" DESC LIMIT ${most}`;
    await database.run(
      `CREATE OR REPLACE TEMP TABLE ordered_candles AS SELECT * FROM (${last}) ORDER BY ${recordOrder('candle')}`,
    );
    yield* tableRecords(database, 'candle', 'ordered_candles');
  };
}

/** The candles of a day, or of a part of it, as SELECT; `ordered` has them in the order of stored files. */
type DaySelect = { readonly select: string; readonly ordered: string };

function remoteSelect({ spans }: StaleDay): DaySelect {
  const select = `SELECT * FROM ${sqlName(REMOTE)} WHERE ${spans.map((span) => `(${withinSpan(span)})`).join(' OR ')}`;
  return { select, ordered: `${select} ORDER BY "symbol", "timestamp"` };
}

/** One query for each span of a day. */
async function selectsOf(build: Build, day: StaleDay, chained: boolean): Promise<DaySelect[]> {
  const { context, snapshot, candles, market, interval, now, countsQuote } = build;
  const openGaps = (await openGapsSince(build, day.spans[0]?.from ?? 0)) ? OPEN_GAPS : undefined;
  return day.spans.map((span) => {
    const query = {
      ...candles,
      ...tradesWithin(snapshot, context.paths.root, market, span),
      interval,
      input: 'trade',
      clocks: CLOCKS,
      only: { ...market, now },
      openGaps,
      before: chained ? { carry: CARRY, since: span.from, until: span.until } : undefined,
      countsQuote,
    } as const;
    return { select: candleSelect(query), ordered: orderedCandleSelect(query) };
  });
}

/** Creates the table of unrepaired gaps that may overlap candles after a time. Returns whether there are any. */
async function openGapsSince({ snapshot, market }: Build, since: number): Promise<boolean> {
  const dates = snapshot.dates('gap').filter((date) => date >= formatDate(since));
  const gap = dates
    .map((date) => `SELECT * FROM ${snapshot.relation('gap', date)} WHERE ${ofMarket(market)}`)
    .join(' UNION ALL ');
  return dates.length > 0 && (await createOpenGaps(snapshot.database, `(${gap})`, { source: 'trades', intervals: [] }));
}

function marketsOf(snapshot: StoreSnapshot): MarketName[] {
  const markets = new Map<string, MarketName>();
  for (const { exchange, market } of snapshot.partitions('trade')) {
    if (exchange !== null && market !== null)
      markets.set(marketKey({ exchange, market }), { exchange, market: market as Market });
  }
  return [...markets.values()];
}
