import type { Trade } from './records.js';

/** The part of a trade that two copies of it share. */
export type TradeKey = Pick<Trade, 'id' | 'price' | 'amount' | 'side'>;

/** The line of an earlier trade with the same id, and whether price, amount and side are equal. */
type SeenTrade = { readonly line: number; readonly isCopy: boolean };

/** Numbers per trade: two hashes of the id, one of the content, and the line. */
const WIDTH = 4;
const FIRST_SLOTS = 1 << 12;

/**
 * Trades by id, 32 bytes each: a busy day has millions, and a `Map` of their ids takes ten times as much. Open addressing over a 64-bit hash of the id; a line of 0 marks a free slot.
 */
export class SeenTrades {
  #slots = FIRST_SLOTS;
  #table = new Uint32Array(FIRST_SLOTS * WIDTH);
  #size = 0;

  /** Adds a trade with a line of 1 or more, unless its id is known: then returns the trade with that id, as `find`. */
  add(trade: TradeKey, line: number): SeenTrade | undefined {
    if (this.#size * 2 >= this.#slots) this.#grow();
    const [high, low] = idHashes(trade.id);
    const at = this.#position(high, low);
    if (this.#table[at + 3] !== 0) return this.#seenAt(at, trade);
    this.#table.set([high, low, contentHash(trade), line], at);
    this.#size += 1;
    return undefined;
  }

  /** Returns the trade with the id of this one, undefined when there is none. */
  find(trade: TradeKey): SeenTrade | undefined {
    const at = this.#position(...idHashes(trade.id));
    return this.#table[at + 3] === 0 ? undefined : this.#seenAt(at, trade);
  }

  #seenAt(at: number, trade: TradeKey): SeenTrade {
    return { line: this.#table[at + 3] as number, isCopy: this.#table[at + 2] === contentHash(trade) };
  }

  /** Returns the position of an id, or of the free slot where it belongs. */
  #position(high: number, low: number): number {
    const table = this.#table;
    let slot = high & (this.#slots - 1);
    for (;;) {
      const at = slot * WIDTH;
      if (table[at + 3] === 0 || (table[at] === high && table[at + 1] === low)) return at;
      slot = (slot + 1) & (this.#slots - 1);
    }
  }

  #grow(): void {
    const old = this.#table;
    this.#slots *= 2;
    this.#table = new Uint32Array(this.#slots * WIDTH);
    for (let at = 0; at < old.length; at += WIDTH) {
      const entry = old.subarray(at, at + WIDTH);
      if (entry[3] !== 0) this.#table.set(entry, this.#position(entry[0] as number, entry[1] as number));
    }
  }
}

function idHashes(id: string): [high: number, low: number] {
  return [hash(id, 0x811c9dc5), hash(id, 0x9747b28c)];
}

function contentHash({ price, amount, side }: TradeKey): number {
  return hash(`${price} ${amount} ${side}`, 0x811c9dc5);
}

/** FNV-1a with a final mix, so that ids which differ in their last digits spread over the table. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}
