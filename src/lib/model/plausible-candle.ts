import { UsageError } from './errors.js';
import { bucketStart, type CandleInterval, parseInterval } from './interval.js';
import type { Candle } from './records.js';
import { formatTime } from './time.js';

/** Sums of a foreign file may be rounded: a share this far above the whole is not an error. */
const ROUNDING = 1 + 1e-9;
const PRICES = ['open', 'high', 'low', 'close'] as const;

/** A candle with the shortest name of its interval (`60m` is `1h`), or the reason why it is refused. */
type CheckedCandle = { readonly candle: Candle } | { readonly fault: string };

/**
 * Checks a candle that was written elsewhere. Without a close its volume would vanish from longer candles, with a high
 * below its open or a price of 0 it would corrupt them, and one that opens at :30 belongs to two of them.
 */
export function checkedCandle(candle: Candle): CheckedCandle {
  const interval = intervalNamed(candle.interval);
  if (typeof interval === 'string') return { fault: interval };
  const fault = openingFault(candle, interval) ?? priceFault(candle) ?? amountFault(candle);
  if (fault !== undefined) return { fault };
  return { candle: interval.name === candle.interval ? candle : { ...candle, interval: interval.name } };
}

const known = new Map<string, CandleInterval>();

/** Returns the interval of a name, or the reason why it has none. */
function intervalNamed(name: string): CandleInterval | string {
  const found = known.get(name);
  if (found) return found;
  try {
    const interval = parseInterval(name);
    known.set(name, interval);
    return interval;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return `candle.interval: expected whole seconds from 1s to 1w, such as 1m, 1h or 1d, was "${name}"`;
  }
}

function openingFault({ timestamp }: Candle, { name, size }: CandleInterval): string | undefined {
  const start = bucketStart(size, timestamp);
  if (start === timestamp) return undefined;
  return `candle.timestamp: expected the opening of a ${name} candle, such as ${formatTime(start)}, was ${formatTime(timestamp)}`;
}

function priceFault(candle: Candle): string | undefined {
  const { open, high, low, close, volume } = candle;
  const missing = PRICES.filter((name) => candle[name] === undefined);
  if (missing.length === PRICES.length)
    return volume > 0 ? `candle: expected prices for a volume of ${volume}, found none` : undefined;
  if (open === undefined || high === undefined || low === undefined || close === undefined)
    return `candle: expected all four prices or none, found no ${missing.join(' and no ')}`;
  const bad = PRICES.find((name) => !((candle[name] as number) > 0));
  if (bad !== undefined) return `candle.${bad}: expected a price above 0, was ${candle[bad]}`;
  if (high < Math.max(open, close, low))
    return `candle.high: expected the highest price, was ${high} (open ${open}, low ${low}, close ${close})`;
  return low > Math.min(open, close)
    ? `candle.low: expected the lowest price, was ${low} (open ${open}, close ${close})`
    : undefined;
}

function amountFault(candle: Candle): string | undefined {
  const { volume, buyVolume, trades } = candle;
  for (const name of ['volume', 'turnover', 'buyVolume', 'trades'] as const)
    if ((candle[name] ?? 0) < 0)
      return `candle.${name === 'buyVolume' ? 'buy_volume' : name}: expected at least 0, was ${candle[name]}`;
  if (buyVolume !== undefined && buyVolume > volume * ROUNDING)
    return `candle.buy_volume: expected at most the volume ${volume}, was ${buyVolume}`;
  if (trades === 0 && volume > 0)
    return `candle.trades: expected trades for a volume of ${volume}, was 0; leave it empty if unknown`;
  return undefined;
}
