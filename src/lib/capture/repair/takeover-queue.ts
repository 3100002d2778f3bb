import type { Liquidation, Trade } from '../../model/records.js';
import type { Feed } from './feed-table.js';

/** An event that happens once: no later record replaces a lost one. */
export type SingleEvent = Trade | Liquidation;

/** An event of a connection that does not lead its feed, and the local time until which it waits. */
export type WaitingEvent = {
  readonly feed: Feed;
  readonly connection: string;
  readonly event: SingleEvent;
  readonly until: number;
};

/** Maximum of waiting events per symbol. Beyond it the connection is so far ahead that it is followed at once. */
const MAX_WAITING = 10_000;
/** Liquidations remembered: two connections deliver the same one within moments, and a minute has some hundreds at worst. */
const REMEMBERED = 1_000;

/**
 * Events of a successor connection while the old one still leads.
 *
 * If the successor's events were emitted at once, a trade that is still on its way on the old connection would be emitted
 * after later ones; and a crash in between would leave a gap before the last stored trade, where the next start does not
 * look. So they wait until the old connection has delivered them too, or has ended: at every moment the emitted events
 * have no gap up to the last one.
 */
export class TakeoverQueue {
  /** By feed and id, in the order of arrival. */
  readonly #feeds = new Map<string, Map<string, WaitingEvent>>();
  /** No event waits beyond this time. */
  #next = Number.POSITIVE_INFINITY;
  /** Liquidations that were emitted last: they have no ids to recognise them by. */
  readonly #emitted = new Set<string>();

  /** Whether an event of a market (`exchange market`) waits: its clock must wait too. */
  holdsClock(market: string): boolean {
    for (const key of this.#feeds.keys()) if (key.startsWith(`${market} `)) return true;
    return false;
  }

  /** Adds an event unless it was emitted already, as far as that is known here. Returns false when too many wait. */
  add(added: WaitingEvent): boolean {
    const { event, until } = added;
    const key = keyOf(event);
    const id = idOf(event);
    if (this.#emitted.has(`${key} ${id}`)) return true;
    const waiting = this.#feeds.get(key) ?? new Map<string, WaitingEvent>();
    if (waiting.size >= MAX_WAITING) return false;
    this.#feeds.set(key, waiting.set(id, added));
    this.#next = Math.min(this.#next, until);
    return true;
  }

  /** Registers an emitted event. Returns whether a copy of it was waiting. */
  emitted(event: SingleEvent): boolean {
    if (event.type === 'liquidation') this.#remember(event);
    const waiting = this.#feeds.size > 0 ? this.#feeds.get(keyOf(event)) : undefined;
    if (!waiting?.delete(idOf(event))) return false;
    if (waiting.size === 0) this.#feeds.delete(keyOf(event));
    return true;
  }

  /** Returns the first event of each feed that has waited until `at`, in the order of their deadlines; they stay queued. */
  overdue(at: number): readonly WaitingEvent[] {
    if (this.#next > at) return [];
    const first = [...this.#feeds.values()].flatMap((waiting) => [...waiting.values()].slice(0, 1));
    this.#next = Math.min(...first.map(({ until }) => until).filter((until) => until > at));
    return first.filter(({ until }) => until <= at).sort((a, b) => a.until - b.until);
  }

  /** Drops the events of a connection that has ended: the one that leads will deliver them, or they are missing. */
  connectionLost(connection: string): void {
    this.#remove((waiting) => waiting.connection === connection);
  }

  /** Removes and returns the events that may be emitted now, in order. */
  take(isDue: (waiting: WaitingEvent) => boolean): readonly WaitingEvent[] {
    return this.#remove(isDue);
  }

  #remember(event: Liquidation): void {
    this.#emitted.add(`${keyOf(event)} ${idOf(event)}`);
    if (this.#emitted.size <= REMEMBERED) return;
    for (const oldest of this.#emitted) return void this.#emitted.delete(oldest);
  }

  #remove(matches: (waiting: WaitingEvent) => boolean): WaitingEvent[] {
    const removed: WaitingEvent[] = [];
    for (const [key, waiting] of this.#feeds) {
      const matching = [...waiting.values()].filter(matches);
      for (const { event } of matching) waiting.delete(idOf(event));
      if (waiting.size === 0) this.#feeds.delete(key);
      removed.push(...matching);
    }
    return removed;
  }
}

function keyOf({ exchange, market, symbol, type }: SingleEvent): string {
  return `${exchange} ${market} ${symbol} ${type}`;
}

/** Returns a trade's id; for a liquidation, which has none, all its values. Of two equal liquidations that wait one is lost. */
function idOf(event: SingleEvent): string {
  return event.type === 'trade' ? event.id : `${event.timestamp} ${event.side} ${event.price} ${event.amount}`;
}
