import type { Liquidation, Trade } from '../../model/records.js';
import type { Feed } from './feed-table.js';

/** What happens once and is told once: nothing that comes later stands for one that is lost. */
export type SingleEvent = Trade | Liquidation;

/** An event that came on a connection that does not lead its feed, and how long (local time) it waits. */
export type WaitingEvent = {
  readonly feed: Feed;
  readonly connection: string;
  readonly event: SingleEvent;
  readonly until: number;
};

/** Of one symbol; a connection that is ahead by more than the others ever bring is followed. */
const MOST = 10_000;
/** Liquidations remembered: two connections bring the same within moments, and there are some hundreds a minute at worst. */
const REMEMBERED = 1_000;

/**
 * Events that a connection brings while it takes over from another that still leads. They wait until that one has brought
 * them too, or has ended: what is told is then without a hole up to the last event at every moment, and a crash in between
 * leaves none that the next start would not look for.
 */
export class WaitingEvents {
  /** By feed and id, in the order in which they came. */
  readonly #feeds = new Map<string, Map<string, WaitingEvent>>();
  /** None waits longer than until here. */
  #next = Number.POSITIVE_INFINITY;
  /** Liquidations told last, which have no ids by which they would be known. */
  readonly #told = new Set<string>();

  /** Whether an event of a market (`exchange market`) waits: its seconds have to, too. */
  holdsClock(market: string): boolean {
    for (const key of this.#feeds.keys()) if (key.startsWith(`${market} `)) return true;
    return false;
  }

  /** Lets an event wait that was not told yet, as far as that is known here; returns false when too many do. */
  keep(added: WaitingEvent): boolean {
    const { event, until } = added;
    const key = keyOf(event);
    const id = idOf(event);
    if (this.#told.has(`${key} ${id}`)) return true;
    const waiting = this.#feeds.get(key) ?? new Map<string, WaitingEvent>();
    if (waiting.size >= MOST) return false;
    this.#feeds.set(key, waiting.set(id, added));
    this.#next = Math.min(this.#next, until);
    return true;
  }

  /** Notes that an event was told; returns whether it was waited with. */
  told(event: SingleEvent): boolean {
    if (event.type === 'liquidation') this.#remember(event);
    const waiting = this.#feeds.size > 0 ? this.#feeds.get(keyOf(event)) : undefined;
    if (!waiting?.delete(idOf(event))) return false;
    if (waiting.size === 0) this.#feeds.delete(keyOf(event));
    return true;
  }

  /** Returns the first event of each feed that has waited long enough, in the order in which they have; they go on waiting. */
  overdue(at: number): readonly WaitingEvent[] {
    if (this.#next > at) return [];
    const first = [...this.#feeds.values()].flatMap((waiting) => [...waiting.values()].slice(0, 1));
    this.#next = Math.min(...first.map(({ until }) => until).filter((until) => until > at));
    return first.filter(({ until }) => until <= at).sort((a, b) => a.until - b.until);
  }

  /** Forgets what a connection brought that has ended: whoever leads will bring it, or miss it. */
  lost(connection: string): void {
    this.#remove((waiting) => waiting.connection === connection);
  }

  /** Returns the events whose time has come, in order; they wait no more. */
  take(isDue: (waiting: WaitingEvent) => boolean): readonly WaitingEvent[] {
    return this.#remove(isDue);
  }

  #remember(event: Liquidation): void {
    this.#told.add(`${keyOf(event)} ${idOf(event)}`);
    if (this.#told.size <= REMEMBERED) return;
    for (const oldest of this.#told) return void this.#told.delete(oldest);
  }

  #remove(isMeant: (waiting: WaitingEvent) => boolean): WaitingEvent[] {
    const removed: WaitingEvent[] = [];
    for (const [key, waiting] of this.#feeds) {
      const meant = [...waiting.values()].filter(isMeant);
      for (const { event } of meant) waiting.delete(idOf(event));
      if (waiting.size === 0) this.#feeds.delete(key);
      removed.push(...meant);
    }
    return removed;
  }
}

function keyOf({ exchange, market, symbol, type }: SingleEvent): string {
  return `${exchange} ${market} ${symbol} ${type}`;
}

/** Liquidations are known by all that is told of them: of two that are alike in everything one may be lost while they wait. */
function idOf(event: SingleEvent): string {
  return event.type === 'trade' ? event.id : `${event.timestamp} ${event.side} ${event.price} ${event.amount}`;
}
