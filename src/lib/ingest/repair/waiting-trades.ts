import type { Trade } from '../../model/records.js';
import type { Feed } from './feed-table.js';

/** A trade that came on a connection that does not lead its feed, and how long (local time) it waits. */
export type WaitingTrade = {
  readonly feed: Feed;
  readonly connection: string;
  readonly trade: Trade;
  readonly until: number;
};

/** Of one symbol; a connection that is ahead by more than the others ever bring is followed. */
const MOST = 10_000;

/**
 * Trades that a connection brings while it takes over from another that still leads. They wait until that one has brought
 * them too, or has ended: what is told is then without a hole up to the last trade at every moment, and a crash in between
 * leaves none that the next start would not look for.
 */
export class WaitingTrades {
  /** By symbol and id, in the order in which they came. */
  readonly #symbols = new Map<string, Map<string, WaitingTrade>>();
  /** None waits longer than until here. */
  #next = Number.POSITIVE_INFINITY;

  /** Whether a trade of a market (`exchange market`) waits: its seconds have to, too. */
  holdsClock(market: string): boolean {
    for (const key of this.#symbols.keys()) if (key.startsWith(`${market} `)) return true;
    return false;
  }

  /** Lets a trade wait; returns false when too many do. */
  keep(added: WaitingTrade): boolean {
    const { trade, until } = added;
    const key = keyOf(trade);
    const waiting = this.#symbols.get(key) ?? new Map<string, WaitingTrade>();
    if (waiting.size >= MOST) return false;
    this.#symbols.set(key, waiting.set(trade.id, added));
    this.#next = Math.min(this.#next, until);
    return true;
  }

  /** Notes that a trade was told; returns whether it was waited with. */
  told(trade: Trade): boolean {
    const waiting = this.#symbols.size > 0 ? this.#symbols.get(keyOf(trade)) : undefined;
    if (!waiting?.delete(trade.id)) return false;
    if (waiting.size === 0) this.#symbols.delete(keyOf(trade));
    return true;
  }

  /** Returns the first trade of each symbol that has waited long enough, in the order in which they have; they go on waiting. */
  overdue(at: number): readonly WaitingTrade[] {
    if (this.#next > at) return [];
    const first = [...this.#symbols.values()].flatMap((waiting) => [...waiting.values()].slice(0, 1));
    this.#next = Math.min(...first.map(({ until }) => until).filter((until) => until > at));
    return first.filter(({ until }) => until <= at).sort((a, b) => a.until - b.until);
  }

  /** Forgets what a connection brought that has ended: whoever leads will bring it, or miss it. */
  lost(connection: string): void {
    this.#remove((waiting) => waiting.connection === connection);
  }

  /** Returns the trades whose time has come, in order; they wait no more. */
  take(isDue: (waiting: WaitingTrade) => boolean): readonly WaitingTrade[] {
    return this.#remove(isDue);
  }

  #remove(isMeant: (waiting: WaitingTrade) => boolean): WaitingTrade[] {
    const removed: WaitingTrade[] = [];
    for (const [key, waiting] of this.#symbols) {
      const meant = [...waiting.values()].filter(isMeant);
      for (const { trade } of meant) waiting.delete(trade.id);
      if (waiting.size === 0) this.#symbols.delete(key);
      removed.push(...meant);
    }
    return removed;
  }
}

function keyOf({ exchange, market, symbol }: Trade): string {
  return `${exchange} ${market} ${symbol}`;
}
