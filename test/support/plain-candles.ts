import { Decimal } from 'decimal.js';
import type { CandleOptions } from '../../src/lib/candles/options.js';
import { bucketStart, type CandleInterval } from '../../src/lib/model/interval.js';
import type { AnyRecord, Candle, Gap, Trade } from '../../src/lib/model/records.js';

const Wide = Decimal.clone({ precision: 60 });

const sum = (values: readonly Decimal[]) =>
  values
    .reduce((total, value) => total.plus(value), new Wide(0))
    .toSignificantDigits(15)
    .toNumber();

/** The order of trades, written again: the library's own must not prove itself. */
const inOrder = (a: Trade, b: Trade) =>
  a.timestamp - b.timestamp ||
  Number(BigInt(a.sequence ?? -1) - BigInt(b.sequence ?? -1)) ||
  (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0) ||
  (a.id < b.id ? -1 : 1);

/** Returns the candles of one symbol's trades, computed the plain way: all trades sorted, grouped, summed in decimals. */
export function plainCandles(
  trades: readonly Trade[],
  gaps: readonly Gap[],
  now: number,
  { intervals, open, empty }: Pick<CandleOptions, 'intervals' | 'open' | 'empty'>,
): Candle[] {
  return intervals.flatMap((interval) => candlesOf(interval, [...trades].sort(inOrder), gaps, now, open, empty));
}

function candlesOf(
  { name, size }: CandleInterval,
  trades: readonly Trade[],
  gaps: readonly Gap[],
  now: number,
  open: string,
  empty: string,
): Candle[] {
  const first = trades[0];
  if (!first) return [];
  const buckets = new Map<number, Trade[]>();
  for (const trade of trades) {
    const start = bucketStart(size, trade.timestamp);
    buckets.set(start, [...(buckets.get(start) ?? []), trade]);
  }
  const candles: Candle[] = [];
  let previous: number | undefined;
  const last = Math.max(...buckets.keys());
  for (let start = bucketStart(size, first.timestamp); start <= last || start + size <= now; start += size) {
    const inside = buckets.get(start);
    if (!inside && empty === 'skip' && start > last) break;
    if (!inside && empty === 'skip') continue;
    const overlap = gaps.filter(({ fromTimestamp, untilTimestamp }) => fromTimestamp < start + size && untilTimestamp > start);
    const known = overlap.length > 0 ? Math.min(...overlap.map(({ localTimestamp }) => localTimestamp ?? 0)) : 0;
    const arrival = Math.max(known, ...(inside ?? []).map(({ localTimestamp }) => localTimestamp ?? 0));
    candles.push({
      type: 'candle',
      exchange: first.exchange,
      market: first.market,
      symbol: first.symbol,
      timestamp: start,
      localTimestamp: arrival === 0 ? undefined : arrival,
      interval: name,
      ...prices(inside, previous, open, empty),
      ...amounts(inside ?? []),
      source: 'trades',
      closed: start + size <= now,
      complete: overlap.length === 0,
    });
    previous = inside?.at(-1)?.price ?? previous;
  }
  return candles;
}

function prices(trades: readonly Trade[] | undefined, previous: number | undefined, open: string, empty: string) {
  if (!trades) {
    const price = empty === 'flat' ? previous : undefined;
    return { open: price, high: price, low: price, close: price };
  }
  const all = trades.map(({ price }) => price);
  if (open === 'previous-close' && previous !== undefined) all.unshift(previous);
  return { open: all[0], high: Math.max(...all), low: Math.min(...all), close: all.at(-1) };
}

function amounts(trades: readonly Trade[]) {
  return {
    volume: sum(trades.map(({ amount }) => new Wide(amount))),
    turnover: sum(trades.map(({ price, amount }) => new Wide(price).times(amount))),
    buyVolume: sum(trades.filter(({ side }) => side === 'buy').map(({ amount }) => new Wide(amount))),
    trades: trades.length,
  };
}

/** Returns the last state of every candle, by interval and time: of two with one key the later one counts. */
export function lastStates(records: Iterable<AnyRecord>): Map<string, Candle> {
  const states = new Map<string, Candle>();
  for (const record of records) {
    if (record.type === 'candle') states.set(`${record.symbol} ${record.interval} ${record.timestamp}`, record);
  }
  return states;
}
