import type { Market } from '../../model/records.js';
import { floorToSecond, HOUR, SECOND } from '../../model/time.js';

/** A whole second that the exchange's time on a market has passed, and the local time at which it passed. */
export type ClockTick = { readonly exchange: string; readonly market: Market; readonly timestamp: number; readonly at: number };

/**
 * The exchange's time on one market: the latest push time plus the local time elapsed since, floored to the second, never
 * back. Driven by arrival times alone, so live and replay tick alike.
 */
export class MarketClock {
  readonly exchange: string;
  readonly market: Market;
  /** `exchange market`. */
  readonly name: string;
  #push = 0;
  #arrival = 0;
  #passed = 0;
  /** A leap of the push time that a second frame has to confirm. */
  #leap: number | undefined;

  constructor(exchange: string, market: Market) {
    this.exchange = exchange;
    this.market = market;
    this.name = `${exchange} ${market}`;
  }

  /**
   * Registers that a frame with the push time `push` arrived at the local time `at`.
   *
   * One frame with a wrong time, hours ahead of all others, would end every second and every candle up to then. So a leap
   * of more than an hour counts only when the next frame that leaps confirms it.
   */
  observe(push: number, at: number): void {
    if (push <= this.#push || !this.#isPlausible(push - this.time(at))) return;
    this.#push = push;
    this.#arrival = at;
  }

  #isPlausible(leap: number): boolean {
    if (this.#push === 0 || leap <= HOUR) return true;
    const isConfirmed = this.#leap !== undefined && Math.abs(leap - this.#leap) <= HOUR;
    this.#leap = isConfirmed ? undefined : leap;
    return isConfirmed;
  }

  /** Returns the exchange's time at the local time `at`, 0 before the first frame. */
  time(at: number): number {
    return this.#push === 0 ? 0 : this.#push + Math.max(0, at - this.#arrival);
  }

  /** Returns the exchange's time at any local time, past or future, undefined before the first frame. */
  at(local: number): number | undefined {
    return this.#push === 0 ? undefined : this.#push + local - this.#arrival;
  }

  /** Returns every second that has passed by `at` and was not returned before. */
  due(at: number): readonly ClockTick[] {
    // Called for every frame, and nearly always the result is empty.
    const reached = floorToSecond(this.time(at));
    if (reached <= this.#passed) return NONE;
    // The first second known, or a jump (a tape with a gap, a corrected clock): earlier seconds are not news.
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

const NONE: readonly ClockTick[] = [];

/** The clocks of all markets. */
export class MarketClocks {
  readonly #clocks: MarketClock[] = [];

  /** Returns the clock of a market. */
  of(exchange: string, market: Market): MarketClock {
    for (const clock of this.#clocks) if (clock.market === market && clock.exchange === exchange) return clock;
    const clock = new MarketClock(exchange, market);
    this.#clocks.push(clock);
    return clock;
  }

  /** Returns the exchange's time at any local time, past or future, undefined before the first frame. */
  at({ exchange, market }: { readonly exchange: string; readonly market: Market }, local: number): number | undefined {
    return this.of(exchange, market).at(local);
  }

  /** Returns the seconds that have passed by `at`, in the order of their moments, of markets that are not held. */
  due(at: number, isHeld: (name: string) => boolean): readonly ClockTick[] {
    const ticks: ClockTick[] = [];
    for (const clock of this.#clocks) if (!isHeld(clock.name)) ticks.push(...clock.due(at));
    return ticks.length > 1 ? ticks.sort((a, b) => a.at - b.at) : ticks;
  }
}
