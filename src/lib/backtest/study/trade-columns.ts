import { compareTrades, isOtherTrade } from '../../model/order.js';
import type { Trade } from '../../model/records.js';
import { formatTime } from '../../model/time.js';
import { TAKER, type Ticks, takerCode, takerOf } from '../market-data.js';
import { Column, repeatedIn, timeOrder } from './columns.js';

type TradeNumbers = Readonly<Record<'time' | 'price' | 'amount' | 'taker', Float64Array>>;

/**
 * Collects trades into typed columns in trade order. Duplicates of a trade, for example from overlapping files, are dropped.
 * So is a trade with the id of another one that differs in price, amount or side: one of the two is wrong, and both would
 * count twice. The first is kept, every further one is a conflict.
 */
export class TradeColumns {
  duplicates = 0;
  /** Trades whose side is not known. */
  sideless = 0;
  /** Descriptions of conflicts, one line each. */
  readonly conflicts: string[] = [];
  readonly #conflicting = new Set<string>();
  readonly #time = new Column();
  readonly #price = new Column();
  readonly #amount = new Column();
  readonly #taker = new Column();
  readonly #id = new Column();
  /** A second hash of each id: among millions of trades, two ids may share the first one. */
  readonly #check = new Column();
  #tied: Trade[] = [];

  get count(): number {
    return this.#time.length + this.#tied.length;
  }

  add(trade: Trade): void {
    if (this.#tied[0] !== undefined && this.#tied[0].timestamp !== trade.timestamp) this.#flush();
    this.#tied.push(trade);
  }

  /** Returns whether a trade has the id of a conflict, after `finish`. */
  isConflict({ id }: Trade): boolean {
    return this.#conflicting.has(idKey(...idHashes(id)));
  }

  /** Returns all trades in order of time. */
  finish(): Ticks {
    this.#flush();
    const order = this.#byTime(this.#distinct());
    const ticks: Ticks = {
      kind: 'trades',
      time: this.#time.shared(order),
      price: this.#price.shared(order),
      amount: this.#amount.shared(order),
      taker: this.#taker.sharedBytes(order),
    };
    for (const column of [this.#id, this.#check, this.#taker]) column.clear();
    return ticks;
  }

  /** Makes room for trades that are pushed next. */
  reserve(trades: number): void {
    for (const column of [this.#time, this.#price, this.#amount, this.#taker]) column.reserve(trades);
  }

  /** Adds the trades `[from, until)` of columns, whose ids no other one has. */
  append({ time, price, amount, taker }: TradeNumbers, from: number, until: number): void {
    this.#time.append(time, from, until);
    this.#price.append(price, from, until);
    this.#amount.append(amount, from, until);
    this.#taker.append(taker, from, until);
    for (let row = from; row < until; row++) if (taker[row] === TAKER.unknown) this.sideless++;
  }

  #push(time: number, price: number, amount: number, taker: number): void {
    this.#time.push(time);
    this.#price.push(price);
    this.#amount.push(amount);
    this.#taker.push(taker);
    if (taker === TAKER.unknown) this.sideless++;
  }

  /** Reorders the trades from `from` on, which have one time and no ids: `order` are offsets among them. */
  reorder(from: number, order: readonly number[]): void {
    const indices = order.map((offset) => from + offset);
    for (const column of [this.#price, this.#amount, this.#taker]) column.reorder(from, indices);
  }

  #flush(): void {
    const tied = this.#tied.length > 1 ? this.#distinctTies().sort(compareTrades) : this.#tied;
    for (const { timestamp, price, amount, side, id } of tied) {
      this.#push(timestamp, price, amount, takerCode(side));
      const [hash, check] = idHashes(id);
      this.#id.push(hash);
      this.#check.push(check);
    }
    this.#tied = [];
  }

  /** Returns the trades of one time without duplicates and conflicts. Sorted first, a later trade could come before the first with its id. */
  #distinctTies(): Trade[] {
    const first = new Map<string, Trade>();
    for (const trade of this.#tied) {
      const known = first.get(trade.id);
      if (known === undefined) first.set(trade.id, trade);
      else if (isOtherTrade(trade, known)) this.#conflict(idKey(...idHashes(trade.id)), describe(trade), describe(known));
      else this.duplicates++;
    }
    return [...first.values()];
  }

  /** Files may overlap. The sort is stable: trades of one time keep the order of their file. */
  #byTime(indices: Uint32Array | undefined): Uint32Array | undefined {
    const time = this.#time;
    if (!indices) return timeOrder(time);
    for (let index = 1; index < indices.length; index++)
      if (time.at(indices[index] as number) < time.at(indices[index - 1] as number))
        return indices.sort((a, b) => time.at(a) - time.at(b) || a - b);
    return indices;
  }

  /** Returns the indices of the trades without duplicates and conflicts, in input order; undefined for all of them. */
  #distinct(): Uint32Array | undefined {
    const repeated = this.#repeatedIds();
    if (repeated.size === 0) return undefined;
    const kept = new Uint32Array(this.#id.length);
    const first = new Map<string, number>();
    let length = 0;
    for (let index = 0; index < kept.length; index++) {
      const key = repeated.has(this.#id.at(index)) ? idKey(this.#id.at(index), this.#check.at(index)) : undefined;
      const known = key === undefined ? undefined : first.get(key);
      if (known !== undefined) this.#drop(known, index);
      else {
        if (key !== undefined) first.set(key, index);
        kept[length++] = index;
      }
    }
    return kept.subarray(0, length);
  }

  #repeatedIds(): ReadonlySet<number> {
    return new Set(repeatedIn(this.#id));
  }

  #drop(first: number, index: number): void {
    const isCopy = [this.#price, this.#amount, this.#taker].every((column) => column.at(first) === column.at(index));
    if (isCopy) this.duplicates++;
    else this.#conflict(idKey(this.#id.at(index), this.#check.at(index)), describe(this.#at(index)), describe(this.#at(first)));
  }

  #conflict(key: string, trade: string, first: string): void {
    this.#conflicting.add(key);
    this.conflicts.push(`${trade} has the id of ${first}; the first is used`);
  }

  #at(index: number): TradeContent {
    const side = takerOf(this.#taker.at(index));
    return { timestamp: this.#time.at(index), price: this.#price.at(index), amount: this.#amount.at(index), side };
  }
}

type TradeContent = Pick<Trade, 'timestamp' | 'price' | 'amount' | 'side'>;

function describe({ timestamp, price, amount, side }: TradeContent): string {
  return `the trade at ${formatTime(timestamp)} (${side === undefined ? '' : `${side} `}${amount} at ${price})`;
}

function idHashes(id: string): [hash: number, check: number] {
  return [hashOf(id, 0x811c9dc5, 0x1b873593), hashOf(id, 0x2545f491, 0x9e3779b9)];
}

function idKey(hash: number, check: number): string {
  return `${hash} ${check}`;
}

/** Returns a 53-bit hash of an id: FNV-1a over its characters, twice with different seeds. */
function hashOf(id: string, lowSeed: number, highSeed: number): number {
  let low = lowSeed;
  let high = highSeed;
  for (let index = 0; index < id.length; index++) {
    const code = id.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
