import { type CandleInterval, isMadeOf, parseInterval } from '../model/interval.js';
import type { Market, Trade } from '../model/records.js';
import { SECOND } from '../model/time.js';

/** Where a candle opens: at its first trade, or at the close before it, as the exchanges publish theirs. */
export const OPENS = ['first-trade', 'previous-close'] as const;
/** An interval without trades becomes nothing, the last close carried forward, or a row without prices. */
export const EMPTIES = ['skip', 'flat', 'null'] as const;

export type OpenRule = (typeof OPENS)[number];
export type EmptyRule = (typeof EMPTIES)[number];

export type CandleOptions = {
  /** Distinct intervals, the shortest first, as `parseIntervals` returns them. */
  readonly intervals: readonly CandleInterval[];
  readonly open: OpenRule;
  readonly empty: EmptyRule;
  /** How long after its end a candle still takes trades, microseconds of the clock. */
  readonly grace: number;
  /** `trades`: from trades, or candles that were built from them. `exchange`: from the exchange's own candles. */
  readonly source: 'trades' | 'exchange';
  /** What the amounts of a market count. Where it is the quote asset, turnover is in the base asset: Σ amount / price. */
  readonly amountUnit: (exchange: string, market: Market) => 'base' | 'quote';
  /** Called with a trade that is rejected, since its id is that of an earlier, different one. */
  readonly contradicted?: ((trade: Trade, earlier: Trade) => void) | undefined;
};

/** The options of `mdtool candles` without flags. Inverse markets count US dollars. */
export const DEFAULT_OPTIONS: CandleOptions = {
  intervals: [parseInterval('1m')],
  open: 'first-trade',
  empty: 'skip',
  grace: SECOND,
  source: 'trades',
  amountUnit: (_, market) => (market === 'inverse' ? 'quote' : 'base'),
};

/**
 * Returns whether gaps in a channel make candles incomplete: those of what they are built from. Gaps in the exchange's
 * candles may name their interval, `candle_exchange_1m`: then those count that are parts of what is built.
 */
export function isOfInput(channel: string, { source, intervals }: Pick<CandleOptions, 'source' | 'intervals'>): boolean {
  if (source === 'trades') return channel === 'trade';
  const [, name] = /^candle_exchange_(\d+[smhdw])$/.exec(channel) ?? [];
  const part = name === undefined ? undefined : parseInterval(name);
  return channel === 'candle' || (part !== undefined && intervals.some((interval) => isMadeOf(interval, part)));
}

/** Counts of records that did not go into candles; each count above 0 is reported. */
export type CandleCounts = {
  trades: number;
  /** Smaller candles taken. */
  candles: number;
  /** Trades and smaller candles that arrived after one of their candles had closed; longer intervals may still have them. */
  late: number;
  /** Trades with an id that arrived before. */
  duplicates: number;
  /** Smaller candles that fit into none of the intervals, and records of types that make no candles. */
  unused: number;
  /** Gaps that became known too late to emit every overlapping candle again as incomplete. */
  unmarked: number;
};
