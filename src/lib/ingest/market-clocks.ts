import type { Market } from '../model/records.js';
import { type ClockTick, MarketClock } from './market-clock.js';

export type MarketTick = { readonly exchange: string; readonly market: Market; readonly tick: ClockTick };

/** The clocks of all markets; `exchange market` names one. */
export class MarketClocks {
  readonly #clocks = new Map<string, { readonly exchange: string; readonly market: Market; readonly clock: MarketClock }>();

  /** Returns the clock of a market. */
  of(exchange: string, market: Market): MarketClock {
    const name = `${exchange} ${market}`;
    const known = this.#clocks.get(name);
    if (known) return known.clock;
    const clock = new MarketClock();
    this.#clocks.set(name, { exchange, market, clock });
    return clock;
  }

  /** Returns the seconds that have passed by `at`, in the order of their moments; those of a market that is held wait. */
  due(at: number, isHeld: (name: string) => boolean): readonly MarketTick[] {
    const ticks: MarketTick[] = [];
    for (const [name, { exchange, market, clock }] of this.#clocks) {
      if (isHeld(name)) continue;
      for (const tick of clock.due(at)) ticks.push({ exchange, market, tick });
    }
    return ticks.length > 1 ? ticks.sort((a, b) => a.tick.at - b.tick.at) : ticks;
  }
}
