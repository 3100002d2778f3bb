import { finite, positive } from '../../model/numbers.js';
import type { Candle, Market } from '../../model/records.js';
import { DAY, fromMilliseconds, WEEK } from '../../model/time.js';
import { type Mapped, mapRows, unexpected } from './fields.js';
import type { Interval } from './protocols.js';

/** The raw values of one candle, whatever the protocol calls them. `turnover` counts the quote coin. */
export type CandleValues = {
  readonly start: unknown;
  readonly open: unknown;
  readonly high: unknown;
  readonly low: unknown;
  readonly close: unknown;
  readonly volume: unknown;
  readonly turnover: unknown;
};

/** The first Monday of the epoch, where weeks begin. */
const MONDAY = 4 * DAY;

/**
 * Maps the candles of a frame. The exchange has no word for "closed": a candle is closed when the same frame has a later
 * one, and the last is open, whether it ends up so or not. Buckets that do not begin where ours do are rejected.
 */
export function parseCandleRows(
  market: Market,
  symbol: string,
  interval: Interval,
  rows: readonly CandleValues[],
): Mapped<Candle> {
  const last = rows.reduce((latest, { start }) => Math.max(latest, fromMilliseconds(start) ?? 0), 0);
  const mapped = mapRows(rows, (values) => parseCandle(market, symbol, interval, values, (timestamp) => timestamp < last));
  mapped.items.sort((a, b) => a.timestamp - b.timestamp);
  return mapped;
}

/** Returns the candle that raw values make, or the reason why they make none. */
export function parseCandle(
  market: Market,
  symbol: string,
  interval: Interval,
  values: CandleValues,
  isClosed: (timestamp: number) => boolean,
): Candle | string {
  const timestamp = fromMilliseconds(values.start);
  if (timestamp === undefined) return unexpected('candle', 'start', 'milliseconds', values.start);
  if ((timestamp - (interval.length === WEEK ? MONDAY : 0)) % interval.length !== 0)
    return unexpected('candle', 'start', `the beginning of ${interval.name} in UTC`, values.start);
  const open = positive(values.open);
  const high = positive(values.high);
  const low = positive(values.low);
  const close = positive(values.close);
  if (open === undefined || high === undefined || low === undefined || close === undefined)
    return unexpected('candle', 'prices', 'numbers above 0', [values.open, values.high, values.low, values.close]);
  const volume = amountOf(values.volume);
  if (volume === undefined) return unexpected('candle', 'volume', 'a number, at least 0', values.volume);
  const turnover = amountOf(values.turnover);
  return {
    type: 'candle',
    exchange: 'bitget',
    market,
    symbol,
    timestamp,
    interval: interval.name,
    open,
    high,
    low,
    close,
    volume,
    turnover,
    source: 'exchange',
    closed: isClosed(timestamp),
  };
}

function amountOf(value: unknown): number | undefined {
  const amount = finite(value);
  return amount !== undefined && amount >= 0 ? amount : undefined;
}
