import { endOf } from '../../../lib/backtest/market-data.js';
import { type LoadedMarket, MarketReader } from '../../../lib/backtest/study/market-reader.js';
import { loadMarkets } from '../../../lib/backtest/study/source.js';
import type { RunConfig } from '../../../lib/execution/state.js';
import { MdtoolError } from '../../../lib/model/errors.js';
import type { Candle } from '../../../lib/model/records.js';
import type { Span } from '../../../lib/model/span.js';
import { formatTime, MINUTE } from '../../../lib/model/time.js';

/** The market of the hours of a run, and what is to be said of it. */
export type HoursMarket = {
  readonly market: LoadedMarket;
  /** Where it comes from. */
  readonly source: string;
  /** What of the hours is not in it; undefined where all of them are. */
  readonly lack?: string | undefined;
};

type HoursOptions = {
  readonly config: RunConfig;
  /** Store with the market. */
  readonly store: string;
  readonly hours: Span;
  /** Fetches the candles of a minute of these hours from the exchange. */
  readonly fetch: (hours: Span) => Promise<Candle[]>;
  /** Called with the reason why nothing could be fetched. */
  readonly unfetched: (reason: string) => void;
};

const INTERVAL = '1m';
/** Microseconds by which a market may begin later and end earlier than the run: its last candle is still open. */
const SLACK = 2 * MINUTE;
/** A market without a price for longer than this has not been captured. */
const LONGEST_QUIET = 10 * MINUTE;

/**
 * Returns the market of a run in its hours: from trades of the store, else from its candles, else from candles that are fetched.
 * A store that has a part of the hours would make the backtest of that part look like one of all of them: a market that covers
 * them comes before one that does not, and what is lacking is said.
 */
export async function loadHours(options: HoursOptions): Promise<HoursMarket | undefined> {
  const found: HoursMarket[] = [];
  for (const load of [storedTrades, storedCandles, fetchedCandles]) {
    const one = await load(options);
    if (one && one.lack === undefined) return one;
    if (one) found.push(one);
  }
  return found.sort((a, b) => extentOf(b) - extentOf(a))[0];
}

function storedTrades(options: HoursOptions): Promise<HoursMarket | undefined> {
  return stored(options, undefined, `trades of ${options.store}`);
}

function storedCandles(options: HoursOptions): Promise<HoursMarket | undefined> {
  return stored(options, INTERVAL, `candles of a minute of ${options.store}`);
}

async function stored({ config, store, hours }: HoursOptions, interval: string | undefined, source: string) {
  const { exchange, market, symbol } = config;
  const selection = { exchanges: [exchange], markets: [market], symbols: [symbol], since: hours.from, until: hours.until };
  const options = { ...selection, paths: [], directory: store, books: false, signals: false, broken: () => {} };
  const [loaded] = await loadMarkets({ ...options, interval } as Parameters<typeof loadMarkets>[0]);
  return marketOf(loaded, source, hours);
}

async function fetchedCandles({ config, hours, fetch, unfetched }: HoursOptions): Promise<HoursMarket | undefined> {
  const reader = new MarketReader({ interval: INTERVAL, books: false });
  try {
    reader.add(await fetch(hours));
  } catch (error) {
    if (!(error instanceof MdtoolError)) throw error;
    unfetched(error.message);
  }
  return marketOf(reader.finish()[0], `candles of a minute, fetched from ${config.exchange}`, hours);
}

function marketOf(market: LoadedMarket | undefined, source: string, hours: Span): HoursMarket | undefined {
  const first = market?.data.feed.time[0];
  return market && first !== undefined ? { market, source, lack: lackOf(market, first, hours) } : undefined;
}

function lackOf({ data: { feed, gaps } }: LoadedMarket, first: number, { from, until }: Span): string | undefined {
  if (first > from + SLACK) return `it begins at ${formatTime(first)}`;
  const end = endOf(feed);
  if (end < until - SLACK) return `it ends at ${formatTime(end)}`;
  const [gap] = gaps;
  if (gap) return `it has a gap at ${formatTime(gap.from)}`;
  const missing = feed.time.findIndex((time, index) => index > 0 && time - (feed.time[index - 1] as number) > LONGEST_QUIET);
  return missing < 0 ? undefined : `it has no price from ${formatTime(feed.time[missing - 1] as number)} on`;
}

function extentOf({ market: { data } }: HoursMarket): number {
  return endOf(data.feed) - (data.feed.time[0] as number);
}
