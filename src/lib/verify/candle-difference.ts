import type { Candle } from '../model/records.js';
import { formatTime } from '../model/time.js';

/** Sums of the same amounts in another order differ by less than this part. */
const SAME_SUM = 1e-9;
/** Exchanges cut the turnover after a few decimals (Bybit after four). */
const SAME_TURNOVER = { part: 1e-6, absolute: 1e-4 };

const PRICES = ['open', 'high', 'low', 'close'] as const;

/**
 * Returns how a candle built from stored trades differs from the exchange's own, undefined when it does not. Without
 * trades there is no candle; the exchange's then has no volume.
 */
export function candleDifference(own: Candle | undefined, published: Candle): string | undefined {
  const at = `candle ${published.interval} of ${formatTime(published.timestamp)}`;
  const volume = own?.volume ?? 0;
  if (!isNear(volume, published.volume, SAME_SUM)) {
    const what = volume < published.volume ? 'trades are missing' : 'trades that the exchange does not count';
    return `${at}: volume ${volume} from ${own?.trades ?? 0} trades, ${published.volume} at the exchange (${what})`;
  }
  if (own === undefined) return undefined;
  const price = PRICES.find((name) => published[name] !== undefined && own[name] !== published[name]);
  if (price) return `${at}: ${price} ${own[price]} from trades, ${published[price]} at the exchange`;
  if (own.turnover === undefined || published.turnover === undefined) return undefined;
  if (Math.abs(own.turnover - published.turnover) <= SAME_TURNOVER.absolute) return undefined;
  if (isNear(own.turnover, published.turnover, SAME_TURNOVER.part)) return undefined;
  return `${at}: turnover ${own.turnover} from trades, ${published.turnover} at the exchange`;
}

function isNear(a: number, b: number, part: number): boolean {
  return Math.abs(a - b) <= part * Math.max(Math.abs(a), Math.abs(b));
}
