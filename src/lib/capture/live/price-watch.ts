import type { FeedEvent } from '../../exchanges/exchange.js';
import type { Market } from '../../model/records.js';

/** The last price that a topic showed, and the time (ms) since which the trades disagree with it. */
type Shown = { price: number | undefined; since: number | undefined };

/** Prices of one symbol. */
type Prices = {
  traded: number | undefined;
  readonly ticker: Shown;
  /** The close of the candles, of any interval. */
  readonly candle: Shown;
  /** When a trade arrived last, or a new price was shown (ms). */
  active: number;
};

/** Candles may come a minute late, tickers do not: their price must stand longer by this factor. */
const CANDLE_PATIENCE = 4;

/**
 * Detects missing trades. Silence alone proves nothing: a thin symbol may have no trades. But a new last price in the ticker,
 * or a new close of the candle, means that there was a trade; when no trade arrives after it, the trade topic is mute.
 */
export class PriceWatch {
  readonly #markets = new Map<Market, Map<string, Prices>>();
  /** Whether anything but trades arrives: alone, trades have nothing to be compared with. */
  #hasOthers = false;

  /** Updates the prices from a frame that arrived at `at` (ms). Its trades are in order. */
  observe(events: readonly FeedEvent[], at: number): void {
    const event = events.at(-1);
    if (event?.type !== 'trade') this.#hasOthers = true;
    else if (this.#hasOthers) this.#onTrade(event.market, event.symbol, event.price, at);
    const ticker = events[0];
    if (ticker?.type === 'ticker') this.#onPrice('ticker', ticker, ticker.last, at);
    else if (event?.type === 'candle') this.#onPrice('candle', event, event.close, at);
  }

  /** Returns when a symbol was last seen to trade (ms), 0 if never. */
  lastActive(market: Market, symbol: string): number {
    return this.#markets.get(market)?.get(symbol)?.active ?? 0;
  }

  /** Whether the ticker showed a trade at least `limit` ms before `at`, or a candle much longer, and no trade arrived since. */
  isMissing(market: Market, symbol: string, at: number, limit: number): boolean {
    const prices = this.#markets.get(market)?.get(symbol);
    if (!prices) return false;
    return isOlder(prices.ticker, at - limit) || isOlder(prices.candle, at - CANDLE_PATIENCE * limit);
  }

  /** Counts the trades that were shown as delivered: they are fetched, and only a further price proves more. */
  restart(market: Market, symbol: string): void {
    const prices = this.#of(market, symbol);
    prices.traded = prices.ticker.price ?? prices.candle.price;
    prices.ticker.since = undefined;
    prices.candle.since = undefined;
  }

  #onTrade(market: Market, symbol: string, price: number, at: number): void {
    const prices = this.#of(market, symbol);
    prices.active = at;
    prices.traded = price;
    prices.ticker.since = undefined;
    prices.candle.since = undefined;
  }

  /** A ticker or candle may be late. Only a price that is new there and not the last traded one means a trade. */
  #onPrice(by: 'ticker' | 'candle', { market, symbol }: FeedEvent, price: number | undefined, at: number): void {
    if (price === undefined) return;
    const prices = this.#of(market, symbol);
    const shown = prices[by];
    const isNew = shown.price !== undefined && price !== shown.price;
    if (isNew) prices.active = at;
    if (price === prices.traded) shown.since = undefined;
    else if (isNew) shown.since ??= at;
    shown.price = price;
  }

  #of(market: Market, symbol: string): Prices {
    const symbols = this.#markets.get(market) ?? new Map<string, Prices>();
    this.#markets.set(market, symbols);
    const known = symbols.get(symbol);
    if (known) return known;
    const shown = (): Shown => ({ price: undefined, since: undefined });
    const prices: Prices = { traded: undefined, ticker: shown(), candle: shown(), active: 0 };
    symbols.set(symbol, prices);
    return prices;
  }
}

function isOlder({ since }: Shown, time: number): boolean {
  return since !== undefined && since <= time;
}
