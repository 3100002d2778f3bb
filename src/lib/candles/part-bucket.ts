import { ExactSum } from '../model/exact-sum.js';
import type { Candle } from '../model/records.js';
import type { Bucket, BucketValues } from './bucket.js';

/** Number of latest parts that are kept apart, so that a corrected part can still replace its earlier state. */
const KEPT_APART = 512;

/** A smaller candle in which something traded. */
type Traded = Candle & { readonly open: number; readonly high: number; readonly low: number; readonly close: number };

/** A bucket of smaller candles, each counted once: of two states of one the closed one, then the later one. */
export class PartBucket implements Bucket {
  readonly start: number;
  localTimestamp: number | undefined;
  complete = true;
  #parts = new Map<number, Candle>();
  #foldedUntil = Number.NEGATIVE_INFINITY;
  readonly #sums = { volume: new ExactSum(), turnover: new ExactSum(), buyVolume: new ExactSum() };
  readonly #lacking = new Set<'turnover' | 'buyVolume' | 'trades'>();
  #prices: { open: number; high: number; low: number; close: number } | undefined;
  #trades = 0;

  constructor(start: number) {
    this.start = start;
  }

  /** Returns whether only their order in the input ranks `part` and one that is known. */
  hasTie(part: Candle): boolean {
    const known = this.#parts.get(part.timestamp);
    return known !== undefined && known.closed === part.closed && known.localTimestamp === part.localTimestamp;
  }

  /** Returns whether the candle still counts; one that arrives more than 512 candles late does not. */
  add(part: Candle): boolean {
    if (part.timestamp < this.#foldedUntil) return false;
    const known = this.#parts.get(part.timestamp);
    if (known === undefined || supersedes(part, known)) this.#parts.set(part.timestamp, part);
    if (this.#parts.size > KEPT_APART) this.#fold(KEPT_APART / 2);
    return true;
  }

  values(): BucketValues | undefined {
    this.#fold(this.#parts.size);
    if (this.#prices === undefined) return undefined;
    const { volume, turnover, buyVolume } = this.#sums;
    return {
      ...this.#prices,
      volume: volume.value,
      turnover: this.#lacking.has('turnover') ? undefined : turnover.value,
      buyVolume: this.#lacking.has('buyVolume') ? undefined : buyVolume.value,
      trades: this.#lacking.has('trades') ? undefined : this.#trades,
    };
  }

  #fold(count: number): void {
    const oldest = [...this.#parts.values()].sort((a, b) => a.timestamp - b.timestamp).slice(0, count);
    for (const part of oldest) {
      this.#parts.delete(part.timestamp);
      this.#foldedUntil = part.timestamp + 1;
      this.localTimestamp = greater(this.localTimestamp, part.localTimestamp);
      if (part.complete === false) this.complete = false;
      if (isTraded(part)) this.#count(part);
    }
  }

  #count(part: Traded): void {
    const { open, high, low } = this.#prices ?? part;
    this.#prices = { open, high: Math.max(high, part.high), low: Math.min(low, part.low), close: part.close };
    this.#sums.volume.add(part.volume);
    for (const name of ['turnover', 'buyVolume'] as const) {
      const value = part[name];
      if (value === undefined) this.#lacking.add(name);
      else this.#sums[name].add(value);
    }
    if (part.trades === undefined) this.#lacking.add('trades');
    else this.#trades += part.trades;
  }
}

function supersedes(later: Candle, earlier: Candle): boolean {
  if (later.closed !== earlier.closed) return later.closed;
  return (later.localTimestamp ?? 0) >= (earlier.localTimestamp ?? 0);
}

/** A candle of a silent interval (`--empty`) has prices that nobody paid. */
function isTraded(part: Candle): part is Traded {
  const { open, high, low, close } = part;
  return part.trades !== 0 && open !== undefined && high !== undefined && low !== undefined && close !== undefined;
}

function greater(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
