import { BrokenLines } from '../../input/broken-lines.js';
import { afterInput, untilStopped } from '../../input/closing.js';
import { readInput } from '../../input/input.js';
import { isPiped } from '../../input/paths.js';
import type { StepRequest, StepRun, StoreStep } from '../../input/store-step.js';
import { UniqueTrades } from '../../input/unique-trades.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord } from '../../model/records.js';
import { filtered, isSelected } from '../../model/selection.js';
import type { Workers } from '../../redis/remote-jobs.js';
import { changeMetadata } from '../../storage/log/metadata.js';
import type { StoreContext } from '../../storage/log/store-context.js';
import type { CandleCounts, CandleOptions } from '../options.js';
import { requireSameRules, ruleMetadata } from './candle-rules.js';
import {
  batchCandles,
  type CandleStep,
  candlesOfStore,
  noCounts,
  type StoreBuilder,
  streamCandles,
  widened,
} from './candle-step.js';
import type { RemoteCandles } from './remote-candles.js';
import { buildStoredCandles } from './stored-candles.js';

export type CandleRequest = StepRequest & {
  readonly candles: CandleOptions;
  /** Build the candles of a store on these workers, not here. */
  readonly workers?: Workers | undefined;
};

/** Facts about a run of `candles`. */
export type CandleReport = {
  readonly counts: CandleCounts;
  /** Lines and rows of INPUT that are not records. */
  readonly broken: { readonly count: number };
  /** Changes of the store, undefined when the candles went elsewhere. */
  readonly stored?: StoredCandleCounts | undefined;
};

export type StoredCandleCounts = {
  days: number;
  changed: number;
  records: number;
  incomplete: number;
  /** Stored candles that also went elsewhere. */
  shown: number;
};

/** The step `candles`: over a store it computes what is new, late or repaired. */
export const candleStep: StoreStep<CandleRequest, CandleReport> = {
  name: 'candles',

  overInput(request) {
    const { input, candles, selection, warn } = request;
    if (request.workers)
      throw new UsageError('--workers: workers read a store; leave INPUT out, after mdtool import has put the records there');
    const broken = new BrokenLines(warn);
    const step = isPiped(input) ? piped(input, request, broken) : batchCandles(input, selection, candles, broken);
    return { records: step.records, report: { counts: step.counts, broken } };
  },

  besideStore(request) {
    const { directory, selection, candles, workers } = request;
    const { records, counts } = candlesOfStore(directory, selection, candles, workers && buildByWorkers(request, workers));
    return { records, report: { counts, broken: { count: 0 } } };
  },

  intoStore(context, request, most): StepRun<CandleReport> {
    if (request.candles.source !== 'trades')
      throw new UsageError('--source exchange: a store builds its candles from trades; use -o FILE or -o -');
    const stored: StoredCandleCounts = { days: 0, changed: 0, records: 0, incomplete: 0, shown: 0 };
    const report = { counts: noCounts(), broken: { count: 0 }, stored };
    return { records: build(context, request, stored, most), report };
  },

  async keepRules({ directory, candles }) {
    await changeMetadata(directory, (metadata) => {
      requireSameRules(metadata, candles.intervals, candles);
      return Object.assign({}, ...candles.intervals.map((interval) => ruleMetadata(interval, candles)));
    });
  },
};

/** Builds candles of records as they arrive, of each trade once. */
function piped(input: readonly string[], { candles, selection, stopped }: CandleRequest, broken: BrokenLines): CandleStep {
  const wide = widened(selection, candles);
  const unique = new UniqueTrades(
    (reason) => broken.broken(reason),
    (trade) => isSelected(trade, wide),
  );
  const records = untilStopped(readInput(input, unique.listener, stopped), afterInput(stopped));
  const step = streamCandles(unique.filter(records), selection, candles);
  return { records: countingDuplicates(step, unique), counts: step.counts };
}

async function* countingDuplicates({ records, counts }: CandleStep, unique: UniqueTrades): AsyncGenerator<AnyRecord[]> {
  yield* records;
  counts.duplicates += unique.duplicates;
}

/** Builds the candles of all symbols, so that one run cannot hide those of another; `selection` filters the output. */
async function* build(
  context: StoreContext,
  request: CandleRequest,
  stored: StoredCandleCounts,
  most: number,
): AsyncGenerator<AnyRecord[]> {
  const remote = request.workers && (await openRemote(request, request.workers));
  try {
    yield* buildDays(context, request, { stored, most, remote });
  } finally {
    await remote?.close();
  }
}

type DaysOptions = {
  readonly stored: StoredCandleCounts;
  readonly most: number;
  readonly remote: RemoteCandles | undefined;
};

async function* buildDays(
  context: StoreContext,
  { candles, selection }: CandleRequest,
  { stored, most, remote }: DaysOptions,
): AsyncGenerator<AnyRecord[]> {
  const { exchanges, markets } = selection;
  for await (const day of buildStoredCandles(context, { candles, exchanges, markets, remote })) {
    stored.days += 1;
    if (!day.changed) continue;
    stored.changed += 1;
    stored.records += day.candles;
    stored.incomplete += day.incomplete;
    if (most === 0) continue;
    for await (const records of filtered(day.records(most), (candle) => isSelected(candle, selection))) {
      stored.shown += records.length;
      yield records;
    }
  }
}

/** Connects to the workers; nothing of Redis is loaded without them. */
async function openRemote({ candles, stopped }: CandleRequest, workers: Workers): Promise<RemoteCandles> {
  const { RemoteCandles: Remote } = await import('./remote-candles.js');
  return await Remote.open(workers, candles, stopped);
}

function buildByWorkers(request: CandleRequest, workers: Workers): StoreBuilder {
  return async (build) => {
    const remote = await openRemote(request, workers);
    await remote.build(build).finally(() => remote.close());
  };
}
