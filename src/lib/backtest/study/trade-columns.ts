import { compareTrades } from '../../model/order.js';
import type { Trade } from '../../model/records.js';
import type { Ticks } from '../market-data.js';
import { Column } from './columns.js';

/** Collects trades into typed columns in trade order. Duplicates of a trade, for example from overlapping files, are dropped. */
export class TradeColumns {
  duplicates = 0;
  readonly #time = new Column();
  readonly #price = new Column();
  readonly #amount = new Column();
  readonly #buy = new Column();
  readonly #id = new Column();
  #tied: Trade[] = [];

  get count(): number {
    return this.#time.length + this.#tied.length;
  }

  add(trade: Trade): void {
    if (this.#tied[0] !== undefined && this.#tied[0].timestamp !== trade.timestamp) this.#flush();
    this.#tied.push(trade);
  }

  /** Returns all trades in order of time. */
  finish(): Ticks {
    this.#flush();
    const order = this.#withoutDuplicates(this.#byTime());
    return {
      kind: 'trades',
      time: this.#time.shared(order),
      price: this.#price.shared(order),
      amount: this.#amount.shared(order),
      buy: this.#buy.sharedBytes(order),
    };
  }

  #flush(): void {
    const tied = this.#tied.length > 1 ? this.#tied.sort(compareTrades) : this.#tied;
    for (const { timestamp, price, amount, side, id } of tied) {
      this.#time.push(timestamp);
      this.#price.push(price);
      this.#amount.push(amount);
      this.#buy.push(side === 'buy' ? 1 : 0);
      this.#id.push(fingerprint(id));
    }
    this.#tied = [];
  }

  /** Files may overlap. The sort is stable: trades of one time keep the order of their file. */
  #byTime(): Uint32Array {
    const time = this.#time;
    const indices = new Uint32Array(time.length);
    let isOrdered = true;
    for (let index = 0; index < indices.length; index++) {
      indices[index] = index;
      if (index > 0 && time.at(index) < time.at(index - 1)) isOrdered = false;
    }
    return isOrdered ? indices : indices.sort((a, b) => time.at(a) - time.at(b) || a - b);
  }

  /** Duplicates share a time, so ids are compared only within one timestamp. */
  #withoutDuplicates(order: Uint32Array): Uint32Array {
    const kept = new Uint32Array(order.length);
    const ids = new Set<number>();
    let length = 0;
    for (const index of order) {
      if (length > 0 && this.#time.at(index) !== this.#time.at(kept[length - 1] as number)) ids.clear();
      const id = this.#id.at(index);
      if (!ids.has(id)) kept[length++] = index;
      ids.add(id);
    }
    this.duplicates = order.length - length;
    return kept.subarray(0, length);
  }
}

/** Returns a 53-bit hash of an id: FNV-1a over its characters, twice with different seeds. */
function fingerprint(id: string): number {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let index = 0; index < id.length; index++) {
    const code = id.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
