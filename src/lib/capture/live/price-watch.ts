import type { FeedEvent } from '../../exchanges/exchange.js';
import type { Market } from '../../model/records.js';

/** What is known of one symbol: the last price by its ticker and by its trades, and since when (ms) they disagree. */
type Prices = { told: number | undefined; traded: number | undefined; since: number | undefined };

/**
 * Notices trades that do not come. A symbol that nobody trades is silent and nothing is wrong with it; but when its ticker
 * tells of a new last price, there was a trade. One that had another price before and none since is one we were not sent.
 */
export class PriceWatch {
  readonly #markets = new Map<Market, Map<string, Prices>>();
  #hasTickers = false;

  /** Takes note of what a frame brought `at` (ms). Its trades are in order. */
  observe(events: readonly FeedEvent[], at: number): void {
    const event = events.at(-1);
    if (event?.type === 'trade' && this.#hasTickers) this.#traded(event.market, event.symbol, event.price);
    const ticker = events[0];
    if (ticker?.type === 'ticker') this.#told(ticker.market, ticker.symbol, ticker.last, at);
  }

  /** Whether a symbol's ticker has told of a trade `limit` ms before `at`, and none came since. */
  isMissing(market: Market, symbol: string, at: number, limit: number): boolean {
    const since = this.#markets.get(market)?.get(symbol)?.since;
    return since !== undefined && at - since >= limit;
  }

  #traded(market: Market, symbol: string, price: number): void {
    const prices = this.#of(market, symbol);
    prices.traded = price;
    prices.since = undefined;
  }

  /** A ticker may be late: only a price that is new to it and no trade's tells of a trade. */
  #told(market: Market, symbol: string, last: number | undefined, at: number): void {
    this.#hasTickers = true;
    if (last === undefined) return;
    const prices = this.#of(market, symbol);
    if (last === prices.traded) prices.since = undefined;
    else if (prices.told !== undefined && last !== prices.told) prices.since ??= at;
    prices.told = last;
  }

  #of(market: Market, symbol: string): Prices {
    const symbols = this.#markets.get(market) ?? new Map<string, Prices>();
    this.#markets.set(market, symbols);
    const known = symbols.get(symbol);
    if (known) return known;
    const prices = { told: undefined, traded: undefined, since: undefined };
    symbols.set(symbol, prices);
    return prices;
  }
}
