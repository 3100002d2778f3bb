import { FailureError, UsageError } from '../../model/errors.js';
import { bucketStart, type CandleInterval } from '../../model/interval.js';
import { formatCount } from '../../model/number-format.js';
import type { Market } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import type { MarketName } from '../../model/series.js';
import type { Span } from '../../model/span.js';
import type { Workers } from '../../redis/remote-jobs.js';
import { RemoteWork } from '../../redis/remote-work.js';
import { sqlName, sqlText } from '../../storage/database/duckdb.js';
import { unpackRows } from '../../storage/database/packed-rows.js';
import { tableDefinition } from '../../storage/database/record-table.js';
import type { Partition } from '../../storage/files/partition.js';
import { type StorePaths, storePaths } from '../../storage/files/store-directory.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import type { CandleOptions } from '../options.js';
import { CLOCKS, createClocks, createOpenGaps } from './batch-tables.js';
import { type CandleAnswer, type CandleJob, type OpenGap, queueCandleJob, readOpenGaps, tradesDigest } from './candle-job.js';
import { BUILT, type StoreBuild } from './candle-step.js';
import { insertCandles } from './candle-work.js';
import { staleDays } from './stale-spans.js';
import { tradesWithin } from './stored-trades.js';

/** Candles of one interval and market that workers build, of all symbols or some. */
type RemoteRequest = {
  readonly market: MarketName;
  readonly interval: CandleInterval;
  readonly days: readonly (readonly Span[])[];
  readonly symbols: readonly string[] | undefined;
  /** The market's clock, microseconds. */
  readonly now: number;
  readonly openGaps: readonly OpenGap[];
};

/** Trades of a job: about a second of work. */
const JOB_TRADES = 1_500_000;
/** Candles of a job at most, beyond those of one symbol on one day: a few megabytes. */
const JOB_CANDLES = 100_000;
/** Bytes of a candle in Redis, at most. */
const CANDLE_BYTES = 40;

/** A job, the trades whose candles it builds, how many candles at most, and whether this process does it. */
type Planned = { readonly job: CandleJob; readonly trades: number; readonly candles: number; readonly isHere: boolean };

type Context = {
  readonly snapshot: StoreSnapshot;
  readonly paths: Pick<StorePaths, 'location' | 'root'>;
  readonly candles: CandleOptions;
};

/** Builds candles of a store by `mdtool worker` processes. */
export class RemoteCandles {
  readonly #work: RemoteWork;
  readonly #version: string;

  private constructor(work: RemoteWork, version: string) {
    this.#work = work;
    this.#version = version;
  }

  /** Connects. Throws a `UsageError` for candles that depend on the time before them, and as `RemoteWork.open`. */
  static async open(workers: Workers, candles: CandleOptions, stopped: AbortSignal): Promise<RemoteCandles> {
    requireSeparable(candles);
    return new RemoteCandles(await RemoteWork.open(workers, stopped), workers.version);
  }

  /**
   * Makes a table of the candles of some requests, in no order. Days of which trades are in a journal, where no worker sees
   * them, are built here. Throws as `RemoteWork.results`.
   */
  async fill(table: string, requests: readonly RemoteRequest[], context: Context): Promise<void> {
    const { snapshot, paths } = context;
    const { database } = snapshot;
    await database.run(`CREATE OR REPLACE TEMP TABLE ${sqlName(table)} (${tableDefinition('candle')})`);
    const planned: Planned[] = [];
    for (const request of requests) planned.push(...(await this.#plan(request, context)));
    const jobs = planned
      .filter(({ isHere }) => !isHere)
      .map(({ job, candles }) => ({ ...queueCandleJob(job), bytes: candles * CANDLE_BYTES }));
    for await (const result of this.#work.results(jobs))
      await unpackRows(database, 'candle', table, (result as CandleAnswer).rows);
    for (const { job, isHere } of planned) if (isHere) await insertCandles(snapshot, paths.root, table, job);
    const expected = planned.reduce((sum, { trades }) => sum + trades, 0);
    const found = await database.number(`SELECT coalesce(sum("trades"), 0) FROM ${sqlName(table)}`);
    if (found !== expected)
      throw new FailureError(
        `--workers: the candles of the workers have ${formatCount(found)} trades, the store ${formatCount(expected)}; is a worker's store another one?`,
      );
  }

  /** Builds the candles of a snapshot into `BUILT`: those that the same selection would have without workers. */
  async build({ snapshot, relations, directory, selection, options, counts }: StoreBuild): Promise<void> {
    const { database } = snapshot;
    if (snapshot.partitions('candle').length > 0 && snapshot.partitions('trade').length === 0)
      throw new UsageError('--workers: workers build candles from trades, and the store has only candles for this selection');
    await createClocks(database, relations);
    const clocks = await database.rows(`SELECT "exchange", "market", now FROM ${CLOCKS}`);
    const hasGaps = await createOpenGaps(database, relations.gap, options);
    counts.trades = await database.number(`SELECT count(*) FROM ${relations.trade}`);
    const requests: RemoteRequest[] = [];
    for (const { exchange, market: name, now } of clocks) {
      const market = { exchange: String(exchange), market: String(name) as Market };
      // The clocks are those of all markets, also of those that are not selected.
      if (!snapshot.partitions('trade').some((partition) => isOf(market, partition))) continue;
      const openGaps = hasGaps ? await readOpenGaps(database, market) : [];
      const shared = { market, symbols: selection.symbols, now: Number(now), openGaps };
      for (const interval of options.intervals)
        requests.push({ ...shared, interval, days: selectedDays(snapshot, market, interval, selection) });
    }
    await this.fill(BUILT, requests, { snapshot, paths: storePaths(directory), candles: options });
  }

  /** Called when the candles are in the store. */
  async written(): Promise<void> {
    await this.#work.forget();
  }

  async close(): Promise<void> {
    await this.#work.close();
  }

  async #plan(request: RemoteRequest, { snapshot, paths, candles }: Context): Promise<Planned[]> {
    const { market, interval, symbols, days, now } = request;
    const [sealed, open] = [new Batches(interval), new Batches(interval)];
    for (const spans of days) {
      const counts = await tradesBySymbol(snapshot, paths.root, { market, symbols, spans });
      (isOpen(snapshot, market, spans) ? open : sealed).add(spans, counts);
    }
    const plannedOf = ({ spans, symbols: chosen, trades, candles: most }: Batch, isHere: boolean): Planned => ({
      ...{ isHere, trades, candles: most },
      job: {
        ...{ version: this.#version, store: paths.location, market, interval: interval.name, spans, symbols: chosen, now },
        openGaps: request.openGaps.filter((openGap) => touches(openGap, spans, chosen)),
        countsQuote: candles.amountUnit(market.exchange, market.market) === 'quote',
        fingerprint: tradesDigest(snapshot.state, market, spans),
      },
    });
    return [...sealed.all.map((batch) => plannedOf(batch, false)), ...open.all.map((batch) => plannedOf(batch, true))];
  }
}

/** Throws a `UsageError` for candles that follow from others before them, and for those that are not built from trades. */
function requireSeparable({ open, empty, source }: CandleOptions): void {
  const how = open === 'previous-close' ? '--open previous-close' : empty !== 'skip' ? `--empty ${empty}` : undefined;
  if (how !== undefined)
    throw new UsageError(`--workers: with ${how} each candle follows from the one before it; leave one of the two out`);
  if (source !== 'trades') throw new UsageError('--workers: workers build candles from trades; leave out --source exchange');
}

/** Whether trades of some spans are in a journal, which workers do not read. */
function isOpen(snapshot: StoreSnapshot, market: MarketName, spans: readonly Span[]): boolean {
  return snapshot.open('trade').some(({ partition, min, max }) => {
    return isOf(market, partition) && spans.some(({ from, until }) => min < until && max >= from);
  });
}

/** Returns the spans of the candles of a market that overlap the selected time, by day. */
function selectedDays(
  snapshot: StoreSnapshot,
  market: MarketName,
  interval: CandleInterval,
  { since, until }: RecordSelection,
): Span[][] {
  const from = since === undefined ? Number.NEGATIVE_INFINITY : bucketStart(interval.size, since);
  const end = until === undefined ? Number.POSITIVE_INFINITY : bucketStart(interval.size, until - 1) + interval.size;
  const isOwn = ({ partition }: { readonly partition: Partition }) => isOf(market, partition);
  const files = [...snapshot.state.partitions(new Set(['trade']))].filter(isOwn).flatMap((part) => part.files);
  const inputs = [...files, ...snapshot.open('trade').filter(isOwn)]
    .map(({ min, max }) => ({ from: Math.max(min, from), until: Math.min(max + 1, end) }))
    .filter((input) => input.from < input.until);
  if (inputs.length === 0) return [];
  const days = staleDays({ interval, inputs, consumed: () => [], chained: false, until: 0 });
  const clipped = days.map(({ spans }) =>
    spans
      .map((span) => ({ from: Math.max(span.from, from), until: Math.min(span.until, end) }))
      .filter((span) => span.from < span.until),
  );
  return clipped.filter((spans) => spans.length > 0);
}

function isOf({ exchange, market }: MarketName, partition: Partition): boolean {
  return partition.exchange === exchange && partition.market === market;
}

type Wanted = { readonly market: MarketName; readonly symbols: readonly string[] | undefined; readonly spans: readonly Span[] };

/** Returns the number of trades of each symbol in some spans, in order of the symbols. */
async function tradesBySymbol(
  snapshot: StoreSnapshot,
  root: string,
  { market, symbols, spans }: Wanted,
): Promise<ReadonlyMap<string, number>> {
  const relations = spans.map((span) => `SELECT "symbol" FROM ${tradesWithin(snapshot, root, market, span).relation}`);
  const chosen = symbols ? `WHERE "symbol" IN (${symbols.map(sqlText).join(', ') || 'NULL'})` : '';
  const rows = await snapshot.database.rows(
    `SELECT "symbol", count(*) AS trades FROM (${relations.join(' UNION ALL ')}) ${chosen} GROUP BY ALL ORDER BY ALL`,
  );
  return new Map(rows.map(({ symbol, trades }) => [String(symbol), Number(trades)]));
}

type Batch = { spans: Span[]; symbols: string[]; trades: number; candles: number };

/** Days and symbols that make jobs: several small days of the same symbols are one, a large day is several. */
class Batches {
  readonly all: Batch[] = [];
  readonly #interval: CandleInterval;

  constructor(interval: CandleInterval) {
    this.#interval = interval;
  }

  add(spans: readonly Span[], trades: ReadonlyMap<string, number>): void {
    const intervals = spans.reduce((sum, { from, until }) => sum + (until - from) / this.#interval.size, 0);
    const parts: Batch[] = [];
    for (const [symbol, count] of trades) {
      const one = { spans: [...spans], symbols: [symbol], trades: count, candles: Math.min(count, intervals) };
      const last = parts.at(-1);
      if (last && fits(last, one)) grow(last, one).symbols.push(symbol);
      else parts.push(one);
    }
    const [only] = parts;
    const before = this.all.at(-1);
    if (only && parts.length === 1 && before && fits(before, only) && before.symbols.join() === only.symbols.join())
      grow(before, only).spans.push(...spans);
    else this.all.push(...parts);
  }
}

function fits(batch: Batch, more: Batch): boolean {
  return batch.trades + more.trades <= JOB_TRADES && batch.candles + more.candles <= JOB_CANDLES;
}

function grow(batch: Batch, { trades, candles }: Batch): Batch {
  batch.trades += trades;
  batch.candles += candles;
  return batch;
}

function touches({ symbol, from, until }: OpenGap, spans: readonly Span[], symbols: readonly string[]): boolean {
  return symbols.includes(symbol) && from < (spans.at(-1)?.until ?? 0) && until >= (spans[0]?.from ?? 0);
}
