import type { Market } from '../../model/records.js';
import { floorToSecond, HOUR, SECOND } from '../../model/time.js';

/** A whole second that the exchange's time on a market has passed, and the local time at which that was so. */
export type ClockTick = { readonly exchange: string; readonly market: Market; readonly timestamp: number; readonly at: number };

/**
 * The exchange's time on one market: the greatest push time seen plus the local time elapsed since, floored to the
 * second, never back. Driven by arrival times alone, so live and replay tick alike.
 */
export class MarketClock {
  readonly exchange: string;
  readonly market: Market;
  /** `exchange market`. */
  readonly name: string;
  #push = 0;
  #arrival = 0;
  #passed = 0;
  /** A push time far ahead of the local time elapsed, which a second one has to confirm. */
  #ahead: number | undefined;

  constructor(exchange: string, market: Market) {
    this.exchange = exchange;
    this.market = market;
    this.name = `${exchange} ${market}`;
  }

  /**
   * Learns that something pushed at `push` arrived `at`. One frame with a wrong time, hours ahead of all others, would end
   * every second and every candle up to then: such a leap counts when the next that leaps comes to about the same time.
   */
  observe(push: number, at: number): void {
    if (push <= this.#push || !this.#isBelieved(push - this.time(at))) return;
    this.#push = push;
    this.#arrival = at;
  }

  #isBelieved(leap: number): boolean {
    if (this.#push === 0 || leap <= HOUR) return true;
    const isConfirmed = this.#ahead !== undefined && Math.abs(leap - this.#ahead) <= HOUR;
    this.#ahead = isConfirmed ? undefined : leap;
    return isConfirmed;
  }

  /** Returns the exchange's time at the local time `at`, 0 before anything arrived. */
  time(at: number): number {
    return this.#push === 0 ? 0 : this.#push + Math.max(0, at - this.#arrival);
  }

  /** Returns the exchange's time at any local time by what is known now, undefined before anything arrived. */
  at(local: number): number | undefined {
    return this.#push === 0 ? undefined : this.#push + local - this.#arrival;
  }

  /** Returns every second that has passed by `at` and was not returned before. */
  due(at: number): readonly ClockTick[] {
    // Asked for every frame, and nearly always there is nothing.
    const reached = floorToSecond(this.time(at));
    if (reached <= this.#passed) return NOTHING;
    // The first second known, and a jump (a tape with a hole, a corrected clock): earlier seconds are not news.
    if (reached - this.#passed > HOUR) this.#passed = reached - SECOND;
    const { exchange, market } = this;
    const ticks: ClockTick[] = [];
    while (this.#passed < reached) {
      this.#passed += SECOND;
      const at = Math.max(this.#arrival, this.#arrival + this.#passed - this.#push);
      ticks.push({ exchange, market, timestamp: this.#passed, at });
    }
    return ticks;
  }
}

const NOTHING: readonly ClockTick[] = [];
