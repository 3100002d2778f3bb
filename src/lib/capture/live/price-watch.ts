import type { FeedEvent } from '../../exchanges/exchange.js';
import type { Market } from '../../model/records.js';

/** Last price of one symbol by its ticker and by its trades, and the time (ms) since which they disagree. */
type Prices = {
  quoted: number | undefined;
  traded: number | undefined;
  since: number | undefined;
  /** When a trade arrived last, or the ticker showed a new price (ms). */
  active: number;
};

/**
 * Detects missing trades. Silence alone proves nothing: a thin symbol may have no trades. But a new last price in the ticker
 * means that there was a trade; when no trade arrives after it, the trade topic is mute.
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
    if (ticker?.type === 'ticker') this.#onTicker(ticker.market, ticker.symbol, ticker.last, at);
  }

  /** Returns when a symbol was last seen to trade (ms), 0 if never. */
  lastActive(market: Market, symbol: string): number {
    return this.#markets.get(market)?.get(symbol)?.active ?? 0;
  }

  /** Whether the ticker showed a trade at least `limit` ms before `at`, and no trade arrived since. */
  isMissing(market: Market, symbol: string, at: number, limit: number): boolean {
    const since = this.#markets.get(market)?.get(symbol)?.since;
    return since !== undefined && at - since >= limit;
  }

  /** Counts the trades that the ticker showed as delivered: they are fetched, and only a further price proves more. */
  restart(market: Market, symbol: string): void {
    const prices = this.#of(market, symbol);
    prices.traded = prices.quoted;
    prices.since = undefined;
  }

  #onTrade(market: Market, symbol: string, price: number, at: number): void {
    const prices = this.#of(market, symbol);
    prices.active = at;
    prices.traded = price;
    prices.since = undefined;
  }

  /** A ticker may be late. Only a price that is new in the ticker and not the last traded one means a trade. */
  #onTicker(market: Market, symbol: string, last: number | undefined, at: number): void {
    if (last === undefined) return;
    const prices = this.#of(market, symbol);
    if (prices.quoted !== undefined && last !== prices.quoted) prices.active = at;
    if (last === prices.traded) prices.since = undefined;
    else if (prices.quoted !== undefined && last !== prices.quoted) prices.since ??= at;
    prices.quoted = last;
  }

  #of(market: Market, symbol: string): Prices {
    const symbols = this.#markets.get(market) ?? new Map<string, Prices>();
    this.#markets.set(market, symbols);
    const known = symbols.get(symbol);
    if (known) return known;
    const prices = { quoted: undefined, traded: undefined, since: undefined, active: 0 };
    symbols.set(symbol, prices);
    return prices;
  }
}
