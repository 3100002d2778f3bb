import { ExactSum } from '../model/exact-sum.js';
import { compareTrades } from '../model/order.js';
import type { Trade } from '../model/records.js';

/** The values of a closed bucket; prices are `undefined` where nothing traded. */
export type BucketValues = {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly turnover: number | undefined;
  readonly buyVolume: number | undefined;
  readonly trades: number | undefined;
};

/** One interval of one symbol while it is being filled. */
export type Bucket = {
  readonly start: number;
  /** Greatest arrival among its inputs. */
  readonly localTimestamp: number | undefined;
  /** False when an input is not complete. */
  readonly complete: boolean;
  /** Returns whether the input leaves nothing out, up to `until` or as far as it reaches; absent where that is unknown. */
  isCovered?(until?: number): boolean;
  /** Returns the values, undefined when nothing traded. */
  values(): BucketValues | undefined;
};

/** A bucket of trades. The order of trades decides open and close, whatever order they arrive in. */
export class TradeBucket implements Bucket {
  readonly start: number;
  readonly complete = true;
  localTimestamp: number | undefined;
  readonly #amountUnit: 'base' | 'quote';
  #first: Trade;
  #last: Trade;
  #high: number;
  #low: number;
  #trades = 0;
  readonly #bought = new ExactSum();
  readonly #rest = new ExactSum();
  /** Without the side of one trade, the volume of those whose taker bought is not known. */
  #isSided = true;
  readonly #turnover = new ExactSum();

  constructor(start: number, trade: Trade, amountUnit: 'base' | 'quote') {
    this.start = start;
    this.#amountUnit = amountUnit;
    this.#first = trade;
    this.#last = trade;
    this.#high = trade.price;
    this.#low = trade.price;
    this.add(trade);
  }

  add(trade: Trade): void {
    const { price, amount, localTimestamp } = trade;
    if (compareTrades(trade, this.#first) < 0) this.#first = trade;
    if (compareTrades(trade, this.#last) > 0) this.#last = trade;
    if (price > this.#high) this.#high = price;
    if (price < this.#low) this.#low = price;
    if (trade.side === undefined) this.#isSided = false;
    (trade.side === 'buy' ? this.#bought : this.#rest).add(amount);
    this.#turnover.add(this.#amountUnit === 'base' ? price * amount : amount / price);
    this.#trades += 1;
    if (localTimestamp !== undefined && localTimestamp > (this.localTimestamp ?? 0)) this.localTimestamp = localTimestamp;
  }

  values(): BucketValues {
    const volume = new ExactSum();
    volume.addSum(this.#bought);
    volume.addSum(this.#rest);
    return {
      open: this.#first.price,
      high: this.#high,
      low: this.#low,
      close: this.#last.price,
      volume: volume.value,
      turnover: this.#turnover.value,
      buyVolume: this.#isSided ? this.#bought.value : undefined,
      trades: this.#trades,
    };
  }
}
