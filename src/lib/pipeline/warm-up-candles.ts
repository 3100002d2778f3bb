import { setTimeout as sleep } from 'node:timers/promises';
import { exchangeOf } from '../exchanges/index.js';
import { BAR, BAR_INTERVAL, OLDEST_BAR, WARM_BARS } from '../features/bars.js';
import { closedCandles } from '../history/closed-candles.js';
import type { RestClient } from '../history/rest-client.js';
import { MdtoolError } from '../model/errors.js';
import type { AnyRecord, Candle, Instrument } from '../model/records.js';
import { seriesKey } from '../model/series.js';
import type { Span } from '../model/span.js';

type WarmUpOptions = {
  readonly instruments: () => readonly Instrument[];
  readonly client: RestClient;
  /** Whether the live candles are subscribed: a bar that closes after the fetch then arrives by itself. */
  readonly isSubscribed: () => boolean;
  readonly signal: AbortSignal;
  /** Microseconds. */
  readonly now: () => number;
  /** Called after each symbol. */
  readonly onProgress: (done: number, all: number) => void;
  /** Called for a symbol whose candles cannot be fetched. */
  readonly onFailure: (instrument: Instrument, reason: string) => void;
};

/** Milliseconds between two looks for the subscriptions, and the longest wait for them. */
const LOOK_EVERY = 50;
const LONGEST_WAIT = 15_000;
/** Milliseconds between two looks for symbols that were listed meanwhile. */
const NEW_SYMBOLS_EVERY = 1_000;

/**
 * Yields the closed candles that volatility needs, symbol by symbol, until the signal: also those of symbols that are listed
 * later. They are fetched after the live candles are subscribed:
 * a bar that closes between a fetch and a later subscription would be missing in the average, and nothing would show it.
 */
export async function* warmUpCandles(options: WarmUpOptions): AsyncGenerator<readonly AnyRecord[]> {
  const { signal, now, onProgress, onFailure } = options;
  await subscribed(options);
  const done = new Set<string>();
  while (!signal.aborted) {
    const instruments = options.instruments();
    const next = instruments.find((instrument) => !done.has(seriesKey(instrument)));
    if (next === undefined) {
      await sleep(NEW_SYMBOLS_EVERY, undefined, { signal }).catch(() => {});
      continue;
    }
    done.add(seriesKey(next));
    try {
      yield await candlesOf(next, now(), options);
    } catch (error) {
      if (!(error instanceof MdtoolError)) throw error;
      if (!signal.aborted) onFailure(next, error.message);
    }
    onProgress(done.size, Math.max(done.size, instruments.length));
  }
}

async function subscribed({ isSubscribed, signal }: WarmUpOptions): Promise<void> {
  const until = performance.now() + LONGEST_WAIT;
  while (!isSubscribed() && !signal.aborted && performance.now() < until)
    await sleep(LOOK_EVERY, undefined, { signal }).catch(() => {});
}

/** Returns as many closed candles as the average takes. A thin symbol has fewer in that time: then those of a week. */
async function candlesOf(instrument: Instrument, now: number, options: WarmUpOptions): Promise<Candle[]> {
  const recent = await barsOf(instrument, { from: barsBack(now, WARM_BARS), until: now }, options);
  if (recent.length >= WARM_BARS) return recent;
  const launched = instrument.launchTimestamp ?? 0;
  const from = Math.max(barsBack(now, OLDEST_BAR / BAR), launched);
  return from >= barsBack(now, WARM_BARS) ? recent : await barsOf(instrument, { from, until: now }, options);
}

function barsBack(now: number, bars: number): number {
  return (Math.floor(now / BAR) - bars) * BAR;
}

function barsOf({ exchange, market, symbol }: Instrument, span: Span, { client, now }: WarmUpOptions): Promise<Candle[]> {
  return closedCandles(client, exchangeOf(exchange), { market, symbol, interval: BAR_INTERVAL, ...span }, now);
}
