import type { Trade } from '../model/records.js';

/** Numbers per trade: two hashes of the id, one of the content, and the line. */
const WIDTH = 4;
const FIRST_SLOTS = 1 << 12;

/**
 * The trades of one archive file by id, 32 bytes each: a busy day has millions, and a `Map` of their ids would hold the
 * whole text of the file. Open addressing over a 64-bit hash of the id; a line of 0 marks a free slot.
 */
export class SeenTrades {
  #slots = FIRST_SLOTS;
  #table = new Uint32Array(FIRST_SLOTS * WIDTH);
  #size = 0;

  /** Adds a trade. Returns the line of an earlier one with its id, and whether both have the same content. */
  add({ id, price, amount, side }: Trade, line: number): { readonly line: number; readonly isCopy: boolean } | undefined {
    if (this.#size * 2 >= this.#slots) this.#grow();
    const [high, low] = [hash(id, 0x811c9dc5), hash(id, 0x9747b28c)];
    const content = hash(`${price} ${amount} ${side}`, 0x811c9dc5);
    const at = this.#find(high, low);
    const known = this.#table[at + 3] as number;
    if (known !== 0) return { line: known, isCopy: this.#table[at + 2] === content };
    this.#table.set([high, low, content, line], at);
    this.#size += 1;
    return undefined;
  }

  /** Returns the position of an id, or of the free slot where it belongs. */
  #find(high: number, low: number): number {
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
      if (entry[3] !== 0) this.#table.set(entry, this.#find(entry[0] as number, entry[1] as number));
    }
  }
}

/** FNV-1a with a final mix, so that ids which differ in their last digits spread over the table. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}
