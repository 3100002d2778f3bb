import type { FeedEvent } from '../../exchanges/exchange.js';
import type { Market } from '../../model/records.js';

/** Last price of one symbol by its ticker and by its trades, and the time (ms) since which they disagree. */
type Prices = { quoted: number | undefined; traded: number | undefined; since: number | undefined };

/**
 * Detects missing trades. Silence alone proves nothing: a thin symbol may have no trades. But a new last price in the ticker
 * means that there was a trade; when no trade arrives after it, the trade topic is mute.
 */
export class PriceWatch {
  readonly #markets = new Map<Market, Map<string, Prices>>();
  #hasTickers = false;

  /** Updates the prices from a frame that arrived at `at` (ms). Its trades are in order. */
  observe(events: readonly FeedEvent[], at: number): void {
    const event = events.at(-1);
    if (event?.type === 'trade' && this.#hasTickers) this.#onTrade(event.market, event.symbol, event.price);
    const ticker = events[0];
    if (ticker?.type === 'ticker') this.#onTicker(ticker.market, ticker.symbol, ticker.last, at);
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

  #onTrade(market: Market, symbol: string, price: number): void {
    const prices = this.#of(market, symbol);
    prices.traded = price;
    prices.since = undefined;
  }

  /** A ticker may be late. Only a price that is new in the ticker and not the last traded one means a trade. */
  #onTicker(market: Market, symbol: string, last: number | undefined, at: number): void {
    this.#hasTickers = true;
    if (last === undefined) return;
    const prices = this.#of(market, symbol);
    if (last === prices.traded) prices.since = undefined;
    else if (prices.quoted !== undefined && last !== prices.quoted) prices.since ??= at;
    prices.quoted = last;
  }

  #of(market: Market, symbol: string): Prices {
    const symbols = this.#markets.get(market) ?? new Map<string, Prices>();
    this.#markets.set(market, symbols);
    const known = symbols.get(symbol);
    if (known) return known;
    const prices = { quoted: undefined, traded: undefined, since: undefined };
    symbols.set(symbol, prices);
    return prices;
  }
}
