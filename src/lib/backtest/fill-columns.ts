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
    const values = this.#values;
    const from = index * FIELDS;
    const signed = values[from + 2] as number;
    const isLong = values[from + 6] === 1;
    const opens = signed > 0 === isLong;
    return {
      time: values[from] as number,
      order: index + 1,
      side: signed > 0 ? 'buy' : 'sell',
      position: isLong ? 'long' : 'short',
      price: values[from + 1] as number,
      amount: Math.abs(signed),
      fee: values[from + 3] as number,
      maker: false,
      reason: opens ? 'entry' : 'exit',
      realized: values[from + 4] as number,
      held: values[from + 5] as number,
      opens,
    };
  }
}
