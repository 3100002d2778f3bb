import type { CandleCounts, CandleOptions } from '../../lib/candles/options.js';
import { requireSameRules, ruleMetadata } from '../../lib/candles/store/candle-rules.js';
import { batchCandles, type CandleStep, candlesOfStore, streamCandles } from '../../lib/candles/store/candle-step.js';
import { buildStoredCandles } from '../../lib/candles/store/stored-candles.js';
import { LAST_ROWS } from '../../lib/cli/output/output.js';
import type { Summary } from '../../lib/cli/summary.js';
import { BrokenLines } from '../../lib/input/broken-lines.js';
import { afterInput, untilStopped } from '../../lib/input/closing.js';
import { readInput } from '../../lib/input/input.js';
import { UsageError } from '../../lib/model/errors.js';
import type { AnyRecord, Candle } from '../../lib/model/records.js';
import { filtered, isSelected, type RecordSelection } from '../../lib/model/selection.js';
import { WholeFile } from '../../lib/sinks/whole-file.js';
import { changeMetadata } from '../../lib/storage/log/metadata.js';
import type { StoreContext } from '../../lib/storage/log/store-context.js';
import { ChartCandles } from './chart-candles.js';
import { candleSvg } from './svg.js';

/** What a run reads and how it builds. */
export type CandleRequest = {
  readonly paths: readonly string[];
  readonly directory: string;
  readonly candles: CandleOptions;
  readonly selection: RecordSelection;
};

/** Candles of files, stdin or a store, with what has to be told of the input in the end. */
export type CandleRun = Pick<CandleStep, 'records'> & { summarize(summary: Summary, notice: (text: string) => void): void };

/** Returns the candles of INPUT. Stdin is taken as it comes, files are taken whole. */
export function candlesOfInput(
  { paths, candles, selection }: CandleRequest,
  stopped: AbortSignal,
  tell: (reason: string) => void,
): CandleRun {
  const broken = new BrokenLines(tell);
  const step = paths.includes('-')
    ? streamCandles(untilStopped(readInput(paths, broken), afterInput(stopped)), selection, candles)
    : batchCandles(paths, selection, candles, broken);
  return {
    records: step.records,
    summarize(summary, notice) {
      told(summary, step.counts, notice);
      if (broken.count > 0) summary.incomplete(`${broken.count} lines of the input could not be read`);
    },
  };
}

/** Returns the candles of a store's trades, which stay out of the store. */
export function candlesBesideStore({ directory, selection, candles }: CandleRequest): CandleRun {
  const step = candlesOfStore(directory, selection, candles);
  return { records: step.records, summarize: (summary, notice) => told(summary, step.counts, notice) };
}

/** What a run did to a store. */
export class StoreTally {
  days = 0;
  changed = 0;
  /** Candles that were stored. */
  records = 0;
  incomplete = 0;
  /** Of those stored, the ones that also went elsewhere. */
  shown = 0;
}

/**
 * Brings the candles of a store up to date and returns those that were built, where somebody wants to see them: all, or
 * the last few of each day. The selection chooses what is shown, never what is built.
 */
export function candlesIntoStore(
  context: StoreContext,
  { candles, selection }: CandleRequest,
  tally: StoreTally,
  most: number,
): CandleRun {
  if (candles.source !== 'trades')
    throw new UsageError('--source exchange: over a store expected -o FILE or -o -; its candles are built from trades');
  return {
    records: built(context, candles, selection, tally, most),
    summarize(summary, notice) {
      summary.count('candle', tally.records - tally.shown);
      summary.note({ days_changed: tally.changed });
      if (tally.days === 0) notice('nothing is new; candles are built from trades, which stream --channels trade captures');
    },
  };
}

async function* built(
  context: StoreContext,
  candles: CandleOptions,
  { exchanges, markets, symbols, since, until }: RecordSelection,
  tally: StoreTally,
  most: number,
): AsyncGenerator<AnyRecord[]> {
  for await (const day of buildStoredCandles(context, { candles, exchanges, markets })) {
    tally.days += 1;
    if (!day.changed) continue;
    tally.changed += 1;
    tally.records += day.candles;
    tally.incomplete += day.incomplete;
    if (most === 0) continue;
    for await (const records of filtered(day.records(most), (candle) => isSelected(candle, { symbols, since, until }))) {
      tally.shown += records.length;
      yield records;
    }
  }
}

/** Returns how many of each day's candles somebody sees: all go to other outputs, a terminal shows the last. */
export function shownOf(outputs: readonly string[] = [], isTerminal = false): number {
  if (outputs.some((name) => name !== 'store')) return Number.MAX_SAFE_INTEGER;
  return isTerminal ? LAST_ROWS : 0;
}

/** Makes a store remember how candles that come from elsewhere were built. Throws a `UsageError` when it has others. */
export async function keepRules(directory: string, candles: CandleOptions): Promise<void> {
  await changeMetadata(directory, (metadata) => {
    requireSameRules(metadata, candles.intervals, candles);
    return Object.assign({}, ...candles.intervals.map((interval) => ruleMetadata(interval, candles)));
  });
}

const NOTHING = 'no trades and no shorter candles came in; stream --channels trade captures trades';
const UNFIT =
  'no trades came in, and no candles that --interval can be made of: these must be shorter, divide it, and be of the --source asked for (trades unless --source exchange says otherwise)';

function told(summary: Summary, counts: CandleCounts, notice: (text: string) => void): void {
  const { trades, candles, late, duplicates, unused, unmarked } = counts;
  summary.note({ trades_read: trades, candles_read: candles, late, duplicates, unused, unmarked_gaps: unmarked });
  if (late > 0) notice(`${late} records came after their candle was closed and are not in it; a longer --grace waits for more`);
  if (unmarked > 0)
    notice(`${unmarked} gaps became known too late to mark every candle they overlap; over files or the store all are`);
  if (trades + candles === 0) notice(unused > 0 ? UNFIT : NOTHING);
}

/** Watches candles go by: the last ones for a chart, and how many a hole overlaps. */
export class CandleWatch {
  incomplete = 0;
  readonly #chart: ChartCandles;
  readonly #svg: WholeFile | undefined;

  /** Throws a `UsageError` when the picture's file exists and may not be replaced. */
  constructor([shown]: CandleOptions['intervals'], svg: string | undefined, force: boolean) {
    this.#chart = new ChartCandles(shown?.name ?? '');
    this.#svg = svg === undefined ? undefined : new WholeFile(svg, force);
  }

  get candles(): Candle[] {
    return this.#chart.candles;
  }

  /** Returns the same records; when they have ended, looks at `more` candles for the chart and draws the picture. */
  async *watch(records: AsyncIterable<AnyRecord[]>, more?: AsyncIterable<AnyRecord[]>): AsyncGenerator<AnyRecord[]> {
    try {
      for await (const batch of records) {
        this.#chart.add(batch);
        for (const record of batch) if (record.type === 'candle' && record.complete === false) this.incomplete += 1;
        yield batch;
      }
      if (more) for await (const batch of more) this.#chart.add(batch);
      await this.#svg?.write(candleSvg(this.candles));
      await this.#svg?.close();
    } catch (error) {
      await this.#svg?.abort();
      throw error;
    }
  }
}
