import type { Execution } from './ledger.js';

const FIELDS = 7;

/** Filled market orders in one typed array. Objects per fill would dominate the time of a fast run. */
export class FillColumns {
  count = 0;
  readonly #values: Float64Array;
  #list: Execution[] | undefined;

  /** `most` is the capacity in fills. */
  constructor(most: number) {
    this.#values = new Float64Array(most * FIELDS);
  }

  /** `signed` is the signed amount (long positive), `held` the signed position after the fill. */
  add(time: number, price: number, signed: number, fee: number, realized: number, held: number, isLong: boolean): void {
    const values = this.#values;
    const at = this.count * FIELDS;
    values[at] = time;
    values[at + 1] = price;
    values[at + 2] = signed;
    values[at + 3] = fee;
    values[at + 4] = realized;
    values[at + 5] = held;
    values[at + 6] = isLong ? 1 : 0;
    this.count++;
  }

  /** Returns the fills in the engine's format, one per order. */
  list(): readonly Execution[] {
    this.#list ??= Array.from({ length: this.count }, (_, index) => this.#at(index));
    return this.#list;
  }

  #at(index: number): Execution {
    const from = index * FIELDS;
    const [time, price, signed, fee, realized, held, long] = this.#values.subarray(from, from + FIELDS);
    const opens = (signed as number) > 0 === (long === 1);
    return {
      time: time as number,
      order: index + 1,
      side: (signed as number) > 0 ? 'buy' : 'sell',
      position: long === 1 ? 'long' : 'short',
      price: price as number,
      amount: Math.abs(signed as number),
      fee: fee as number,
      maker: false,
      reason: opens ? 'entry' : 'exit',
      realized: realized as number,
      held: held as number,
      opens,
    };
  }
}
