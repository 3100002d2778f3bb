import { compareLongs } from '../../model/numbers.js';
import type { Trade } from '../../model/records.js';

/** Where a trade stands in the exchange's order. */
export type TradePoint = Pick<Trade, 'id' | 'timestamp' | 'sequence'>;

/**
 * The last trades of one symbol by their ids, at least `limit` and at most twice as many: what comes again is told apart by
 * them, and what is missing begins after them. Asked with every trade of hundreds of symbols, where a `Set` took ten times
 * as long to say that an id is new: hence a hash table over a plain list.
 */
export class KnownTrades {
  readonly #limit: number;
  /** In the order in which they came; undefined where one was forgotten. */
  #ids: (string | undefined)[] = [];
  /** Places in the list counted from 1, by the hash of the id or behind it; 0 is free, as half of them always are. */
  readonly #slots: Int32Array;
  #first: TradePoint | undefined;
  #last: TradePoint | undefined;
  #floor: TradePoint | undefined;
  /** The latest of the first half of the list, and of its second. */
  #older: TradePoint | undefined;
  #newer: TradePoint | undefined;

  constructor(limit: number) {
    this.#limit = limit;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(4 * limit)));
  }

  /** The latest trade in the exchange's order, undefined before the first. */
  get last(): TradePoint | undefined {
    return this.#last;
  }

  /** The first trade that came: what is before it is not missing. */
  get first(): TradePoint | undefined {
    return this.#first;
  }

  /** The latest trade that is forgotten: what is unknown and comes after it, in the exchange's order, is missing. */
  get floor(): TradePoint | undefined {
    return this.#floor;
  }

  /** The ids as they are now. */
  get ids(): Set<string> {
    return new Set(this.#ids.filter((id) => id !== undefined));
  }

  has(id: string): boolean {
    return this.#slots[this.#slotOf(id)] !== 0;
  }

  /** Remembers a trade; returns false when it was known. */
  add(trade: TradePoint): boolean {
    let slot = this.#slotOf(trade.id);
    if (this.#slots[slot] !== 0) return false;
    if (this.#ids.length === 2 * this.#limit) {
      this.#forgetHalf();
      slot = this.#slotOf(trade.id);
    }
    this.#first ??= trade;
    this.#last = latest(this.#last, trade);
    if (this.#ids.length < this.#limit) this.#older = latest(this.#older, trade);
    else this.#newer = latest(this.#newer, trade);
    this.#slots[slot] = this.#ids.push(trade.id);
    return true;
  }

  /** Takes a trade for one that is forgotten, which comes too late to be among the last; returns false when it was known. */
  passOver(trade: TradePoint): boolean {
    if (this.has(trade.id)) return false;
    this.#floor = latest(this.#floor, trade);
    return true;
  }

  /** Forgets a trade that was not passed on after all: it may come again. */
  forget(id: string): void {
    const slot = this.#slotOf(id);
    const place = this.#slots[slot] as number;
    if (place === 0) return;
    // The slot of an older one stays taken, since others may have been put behind it.
    if (place < this.#ids.length) this.#ids[place - 1] = undefined;
    else {
      this.#ids.pop();
      this.#slots[slot] = 0;
    }
  }

  #forgetHalf(): void {
    this.#ids = this.#ids.slice(this.#limit);
    if (this.#older) this.#floor = latest(this.#floor, this.#older);
    this.#older = this.#newer;
    this.#newer = undefined;
    this.#slots.fill(0);
    for (const [index, id] of this.#ids.entries()) if (id !== undefined) this.#slots[this.#slotOf(id)] = index + 1;
  }

  /** Returns the slot of an id, else the free one where it belongs. */
  #slotOf(id: string): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hashOf(id) & mask; ; slot = (slot + 1) & mask) {
      const place = slots[slot] as number;
      if (place === 0 || this.#ids[place - 1] === id) return slot;
    }
  }
}

/** How much of an id is hashed: its end, where the ids of all exchanges differ most. */
const HASHED = 12;

/** FNV-1a. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = Math.max(0, id.length - HASHED); i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 16);
}

/** Returns the later of two in the exchange's order, of two alike the second. */
export function latest(known: TradePoint | undefined, trade: TradePoint): TradePoint {
  return known === undefined || !isBefore(trade, known) ? trade : known;
}

/** Whether `a` comes before `b`: by the exchange's own order where it gives one, else by time. */
export function isBefore(a: TradePoint, b: TradePoint): boolean {
  if (a.sequence !== undefined && b.sequence !== undefined) return compareLongs(a.sequence, b.sequence) < 0;
  return a.timestamp < b.timestamp;
}
