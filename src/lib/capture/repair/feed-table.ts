import type { Channel } from '../../exchanges/exchange.js';
import type { Market } from '../../model/records.js';

/** One channel of one symbol on one market. */
export type Feed = { readonly exchange: string; readonly market: Market; readonly channel: Channel; readonly symbol: string };

/**
 * A table of states by feed, looked up with every record. A composed key would have to be built for each look-up; a reader
 * returns the same text for a symbol again and again, so the table is keyed by symbol alone. Iterates in the order in
 * which the states were added.
 */
export class FeedTable<State extends Feed> {
  readonly #bySymbol = new Map<string, State[]>();
  readonly #all = new Set<State>();

  get(exchange: string, market: Market, channel: Channel, symbol: string): State | undefined {
    const states = this.#bySymbol.get(symbol);
    if (states === undefined) return undefined;
    for (const state of states)
      if (state.channel === channel && state.market === market && state.exchange === exchange) return state;
    return undefined;
  }

  /** Adds the state of a feed that has none yet. */
  add(state: State): void {
    this.#all.add(state);
    const states = this.#bySymbol.get(state.symbol);
    if (states) states.push(state);
    else this.#bySymbol.set(state.symbol, [state]);
  }

  delete(state: State): void {
    this.#all.delete(state);
    const others = this.#bySymbol.get(state.symbol)?.filter((other) => other !== state) ?? [];
    if (others.length > 0) this.#bySymbol.set(state.symbol, others);
    else this.#bySymbol.delete(state.symbol);
  }

  [Symbol.iterator](): IterableIterator<State> {
    return this.#all.values();
  }
}
