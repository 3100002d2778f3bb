import type { SyntheticMarket } from '../market/market.js';
import type { RecordedEvent, Recording } from '../market/recording.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import type { Feeds } from './feeds.js';

/** Lets a recording happen on a market as its time passes; what lies before `from` is history at once. */
export class Playback {
  readonly #market: SyntheticMarket;
  readonly #feeds: Feeds;
  readonly #events: readonly RecordedEvent[];
  readonly #symbol: SymbolMarket;
  #next = 0;
  #ran: number;

  constructor(market: SyntheticMarket, feeds: Feeds, recording: Recording, from: number) {
    this.#market = market;
    this.#feeds = feeds;
    this.#events = recording.events;
    this.#symbol = market.get(recording.listing.market, recording.listing.symbol);
    this.#ran = from;
    while (this.#eventBefore(from)) this.#play(this.#events[this.#next++] as RecordedEvent);
  }

  /** Lets happen what happens up to `until`, and every full second what goes by the clock. */
  run(until: number): void {
    let second = Math.floor(this.#ran / 1_000);
    this.#ran = until;
    while (this.#eventBefore(until + 1)) {
      const event = this.#events[this.#next++] as RecordedEvent;
      second = this.#seconds(second, event.at);
      this.#play(event);
    }
    this.#seconds(second, until);
  }

  #eventBefore(time: number): boolean {
    return this.#next < this.#events.length && (this.#events[this.#next] as RecordedEvent).at < time;
  }

  #play(event: RecordedEvent): void {
    if (event.kind === 'trade') this.#market.trade(this.#symbol, event.at, event);
    else if (event.kind === 'book') this.#market.setBook(this.#symbol, event.bids, event.asks, event.at);
    else this.#market.onEvent({ kind: 'ticker', symbol: this.#symbol }, event.at);
  }

  #seconds(last: number, now: number): number {
    const current = Math.floor(now / 1_000);
    for (let second = last + 1; second <= current; second++) this.#feeds.second(second * 1_000);
    return current;
  }
}
