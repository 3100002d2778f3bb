import { buildTerms, TRADE_LATENCY } from '../../lib/backtest/terms.js';
import type { Live } from '../../lib/capture/live/live.js';
import { engineOptionsOf } from '../../lib/cli/feature-flags.js';
import { FEATURES_INTERVAL, FEATURES_PRESET, type LiveStreamContext } from '../../lib/cli/live/context.js';
import { type LiveStream, openLiveStream } from '../../lib/cli/live/live-stream.js';
import { type Output, openOutput } from '../../lib/cli/output/output.js';
import { inParallel } from '../../lib/history/backfill.js';
import { UsageError } from '../../lib/model/errors.js';
import type { AnyRecord } from '../../lib/model/records.js';
import { type Series, seriesKey } from '../../lib/model/series.js';
import { HOUR, MINUTE, SECOND } from '../../lib/model/time.js';
import { warmUpCandles } from '../../lib/pipeline/warm-up-candles.js';
import { Watch, type WatchOptions } from '../../lib/pipeline/watch.js';
import type { WatchFlags } from './flags.js';

/** A watch that is ready to be read. Call `close` after its records have ended, even by an error. */
export type OpenWatch = {
  readonly watch: Watch;
  readonly live: Live;
  readonly records: AsyncGenerator<AnyRecord[]>;
  /** How many symbols have the candles of their warm-up. */
  readonly candles: { done: number; all: number };
  readonly stream: LiveStream;
};

type WatchContext = Omit<LiveStreamContext, 'flags' | 'view'> & {
  readonly flags: WatchFlags;
  readonly rules: WatchOptions['rules'];
  readonly rejected: WatchOptions['rejected'];
};

/** What a live capture of the channels that signals need does. */
const CAPTURE = {
  channels: FEATURES_PRESET,
  interval: [FEATURES_INTERVAL],
  depth: 15,
  'book-interval': SECOND,
  refresh: 10 * MINUTE,
  stats: MINUTE,
  'repair-max': HOUR,
  'redis-payload': 'record',
  'redis-prefix': 'stream:',
  'redis-mode': 'pubsub',
  'redis-maxlen': 100_000,
} as const;

/** Opens the capture and what follows from it. Throws as `openLiveStream`. */
export async function openWatch(context: WatchContext): Promise<OpenWatch> {
  const { flags } = context;
  if (flags.market.includes('spot'))
    throw new UsageError(
      '--market spot: signals compare the last price with the mark price, which spot lacks; use linear or inverse',
    );
  const engine = await engineOptionsOf(flags);
  const output = flags.record ? ['store'] : ['none'];
  const stream = await openLiveStream({
    ...context,
    flags: { ...flags, ...CAPTURE, output, 'allow-gaps': true },
    view: () => ({ stop() {} }),
  });
  // A symbol may be listed while the watch runs.
  const instrumentOf = (series: Series) =>
    stream.live.instruments.find((instrument) => seriesKey(instrument) === seriesKey(series));
  const watch = new Watch({
    engine,
    rules: context.rules,
    rejected: context.rejected,
    paper: (series) => paperOf(series, instrumentOf(series), flags),
  });
  const candles = { done: 0, all: stream.live.symbols };
  return { watch, live: stream.live, stream, candles, records: derived(context, { stream, watch, candles }) };
}

function paperOf(series: Series, instrument: Live['instruments'][number] | undefined, flags: WatchFlags) {
  // The profit of an inverse contract is paid in coins.
  if (series.market === 'inverse') return undefined;
  const { deposit, notional = deposit / 10 } = flags;
  return {
    notional,
    terms: buildTerms({
      deposit,
      makerFee: flags['maker-fee'] ?? instrument?.makerFee,
      takerFee: flags['taker-fee'] ?? instrument?.takerFee,
      latency: TRADE_LATENCY,
      tickSize: instrument?.tickSize,
      lotSize: instrument?.lotSize,
      minAmount: instrument?.minAmount,
      minNotional: instrument?.minNotional,
    }),
  };
}

type Parts = Pick<OpenWatch, 'stream' | 'watch' | 'candles'>;

/** Yields what follows from the capture and the candles of the warm-up, as both arrive. */
async function* derived(context: WatchContext, { stream, watch, candles }: Parts): AsyncGenerator<AnyRecord[]> {
  const ended = new AbortController();
  const store = await openRecording(context, stream);
  const warmUp = warmUpCandles({
    instruments: () => stream.live.instruments,
    client: stream.rest,
    isSubscribed: () => stream.live.status().isReady,
    signal: AbortSignal.any([context.stopped, ended.signal]),
    now: () => Date.now() * 1000,
    onProgress: (done, all) => Object.assign(candles, { done, all }),
    onFailure: ({ symbol }, reason) => context.notice(`${symbol}: no candles for the warm-up: ${reason}`),
  });
  const live = captured(stream.records, store, () => ended.abort());
  for await (const batch of inParallel([live, warmUp], 2)) {
    const records = batch.flatMap((record) => watch.add(record));
    if (records.length > 0) yield records;
  }
  yield watch.finish();
}

/** Yields the captured records, after they are stored. */
async function* captured(
  records: AsyncGenerator<readonly AnyRecord[]>,
  store: Output | undefined,
  end: () => void,
): AsyncGenerator<readonly AnyRecord[]> {
  try {
    for await (const batch of records) {
      await store?.write(batch);
      yield batch;
    }
    await store?.close();
  } catch (error) {
    await store?.abort();
    throw error;
  } finally {
    end();
  }
}

function openRecording({ flags, stderr }: WatchContext, { claims }: LiveStream): Promise<Output> | undefined {
  if (!flags.record) return undefined;
  return openOutput({
    destinations: ['store'],
    fallback: 'store',
    force: false,
    json: true,
    endless: true,
    store: { directory: flags.store, step: 'watch', claims, sealedApart: true },
    stdout: process.stdout,
    note: (text) => stderr.note(text),
  });
}
