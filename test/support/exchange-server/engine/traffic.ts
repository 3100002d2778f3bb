import type { SyntheticMarket } from '../market/market.js';
import type { Feeds } from './feeds.js';

/** Makes things happen on a market as its time passes. */
export class Traffic {
  readonly #market: SyntheticMarket;
  readonly #feeds: Feeds;
  /** Events per second. */
  readonly #rate: number;
  #ran: number;
  #owed = 0;

  constructor(market: SyntheticMarket, feeds: Feeds, rate: number, from: number) {
    this.#market = market;
    this.#feeds = feeds;
    this.#rate = rate;
    this.#ran = from;
  }

  /** Lets events happen at even distances up to `until`, and every full second of the market what goes by the clock. */
  run(until: number): void {
    const from = this.#ran;
    this.#ran = until;
    this.#owed += (this.#rate * (until - from)) / 1_000;
    const events = Math.floor(this.#owed);
    this.#owed -= events;
    let second = Math.floor(from / 1_000);
    for (let event = 1; event <= events; event++) {
      const now = from + Math.floor((event * (until - from)) / events);
      second = this.#seconds(second, now);
      this.#market.step(now);
    }
    this.#seconds(second, until);
  }

  #seconds(last: number, now: number): number {
    const current = Math.floor(now / 1_000);
    for (let second = last + 1; second <= current; second++) this.#feeds.second(second * 1_000);
    return current;
  }
}
