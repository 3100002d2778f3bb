import type { Market } from '../../model/records.js';
import { type ClockTick, MarketClock } from './market-clock.js';

/** The clocks of all markets; a few. */
export class MarketClocks {
  readonly #clocks: MarketClock[] = [];

  /** Returns the clock of a market. */
  of(exchange: string, market: Market): MarketClock {
    for (const clock of this.#clocks) if (clock.market === market && clock.exchange === exchange) return clock;
    const clock = new MarketClock(exchange, market);
    this.#clocks.push(clock);
    return clock;
  }

  /** Returns the exchange's time at any local time by what is known now, undefined before anything arrived. */
  at({ exchange, market }: { readonly exchange: string; readonly market: Market }, local: number): number | undefined {
    return this.of(exchange, market).at(local);
  }

  /** Returns the seconds that have passed by `at`, in the order of their moments; those of a market that is held wait. */
  due(at: number, isHeld: (name: string) => boolean): readonly ClockTick[] {
    const ticks: ClockTick[] = [];
    for (const clock of this.#clocks) if (!isHeld(clock.name)) ticks.push(...clock.due(at));
    return ticks.length > 1 ? ticks.sort((a, b) => a.at - b.at) : ticks;
  }
}
