import { compareLongs } from '../../model/numbers.js';
import type { Trade } from '../../model/records.js';

/** The place of a trade in the exchange's order. */
export type TradePoint = Pick<Trade, 'id' | 'timestamp' | 'sequence'>;

/**
 * Ids of recent trades of one symbol, between `limit` and twice as many.
 *
 * A reconnect can deliver the last 50 trades again; without the ids the store would get them twice. The latest known trade
 * is also where a gap starts. Open addressing: a `Set` needed ten times as long to report an id as new, and every trade
 * of hundreds of symbols is looked up.
 *
 * ```
 * ids     [ a  b  c  d ]              in the order of arrival
 * slots   [ 0  3  0  1  0  0  2  4 ]  place of an id plus 1, at the hash of the id or behind it; 0 is free
 * ```
 */
export class KnownTrades {
  readonly #limit: number;
  /** In the order of arrival; undefined where an id was forgotten. */
  #ids: (string | undefined)[] = [];
  /** The hash of each id in the list. */
  readonly #hashes: Int32Array;
  /** At least half of the slots are free. */
  readonly #slots: Int32Array;
  #first: TradePoint | undefined;
  #last: TradePoint | undefined;
  #floor: TradePoint | undefined;
  /** The latest trade of the first half of the list, and of its second half. */
  #older: TradePoint | undefined;
  #newer: TradePoint | undefined;

  constructor(limit: number) {
    this.#limit = limit;
    this.#hashes = new Int32Array(2 * limit);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(4 * limit)));
  }

  /** The latest trade in the exchange's order, undefined before the first. */
  get last(): TradePoint | undefined {
    return this.#last;
  }

  /** The first trade that arrived: trades before it are not missing. */
  get first(): TradePoint | undefined {
    return this.#first;
  }

  /** The latest trade whose id was forgotten: an unknown trade counts as missing only after this one. */
  get floor(): TradePoint | undefined {
    return this.#floor;
  }

  /** A copy of the ids. */
  get ids(): Set<string> {
    return new Set(this.#ids.filter((id) => id !== undefined));
  }

  has(id: string): boolean {
    return this.#slots[this.#slotOf(id, hashOf(id))] !== 0;
  }

  /** Adds a trade. Returns false when it was known. */
  add(trade: TradePoint): boolean {
    const hash = hashOf(trade.id);
    let slot = this.#slotOf(trade.id, hash);
    if (this.#slots[slot] !== 0) return false;
    if (this.#ids.length === 2 * this.#limit) {
      this.#forgetHalf();
      slot = this.#slotOf(trade.id, hash);
    }
    this.#hashes[this.#ids.length] = hash;
    this.#first ??= trade;
    this.#last = latest(this.#last, trade);
    if (this.#ids.length < this.#limit) this.#older = latest(this.#older, trade);
    else this.#newer = latest(this.#newer, trade);
    this.#slots[slot] = this.#ids.push(trade.id);
    return true;
  }

  /** Registers a trade that was fetched too late to be among the recent ones. Returns false when it was known. */
  addForgotten(trade: TradePoint): boolean {
    if (this.has(trade.id)) return false;
    this.#floor = latest(this.#floor, trade);
    return true;
  }

  /** Removes a trade that was not emitted after all: it may arrive again. */
  forget(id: string): void {
    const slot = this.#slotOf(id, hashOf(id));
    const place = this.#slots[slot] as number;
    if (place === 0) return;
    // The slot of an older id stays taken: ids behind it would no longer be found.
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
    this.#hashes.copyWithin(0, this.#limit);
    const slots = this.#slots;
    const mask = slots.length - 1;
    slots.fill(0);
    for (let index = 0; index < this.#ids.length; index++) {
      if (this.#ids[index] === undefined) continue;
      let slot = (this.#hashes[index] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
  }

  /** Returns the slot of an id, else the free slot for it. */
  #slotOf(id: string, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = slots[slot] as number;
      if (place === 0 || this.#ids[place - 1] === id) return slot;
    }
  }
}

/** Characters of an id that are hashed: some exchanges count at its end, others keep the end and count at the beginning. */
const FIRST = 8;
const LAST = 12;

/** Returns the FNV-1a hash of both ends of an id. Ids of one hash are searched one by one. */
function hashOf(id: string): number {
  const { length } = id;
  const head = Math.min(FIRST, length);
  let hash = 0x811c9dc5;
  for (let i = 0; i < head; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  for (let i = Math.max(head, length - LAST); i < length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 16);
}

/** Returns the later of two trades in the exchange's order, the second of two equal ones. */
export function latest(known: TradePoint | undefined, trade: TradePoint): TradePoint {
  return known === undefined || !isBefore(trade, known) ? trade : known;
}

/** Whether `a` precedes `b`: by the exchange's sequence where both have one, else by time. */
export function isBefore(a: TradePoint, b: TradePoint): boolean {
  if (a.sequence !== undefined && b.sequence !== undefined) return compareLongs(a.sequence, b.sequence) < 0;
  return a.timestamp < b.timestamp;
}
