import { ExactSum } from '../model/exact-sum.js';
import type { Candle } from '../model/records.js';
import type { Bucket, BucketValues } from './bucket.js';
import { chosenParts, type Part } from './part-choice.js';

/** Number of latest parts that are kept apart, so that a corrected part can still replace its earlier state. */
const KEPT_APART = 512;

/** A smaller candle in which something traded. */
type Traded = Candle & { readonly open: number; readonly high: number; readonly low: number; readonly close: number };

type SizedPart = Part & { readonly candle: Candle };

function keyOfPart({ timestamp }: Candle, size: number): string {
  return `${timestamp} ${size}`;
}

/** A bucket of smaller candles, each counted once: of two states of one the closed one, then the later one. */
export class PartBucket implements Bucket {
  readonly start: number;
  localTimestamp: number | undefined;
  complete = true;
  #parts = new Map<string, SizedPart>();
  #foldedUntil = Number.NEGATIVE_INFINITY;
  /** Length of the parts that count, and the end of the last one. */
  #covered = 0;
  #reached = 0;
  readonly #sums = { volume: new ExactSum(), turnover: new ExactSum(), buyVolume: new ExactSum() };
  readonly #lacking = new Set<'turnover' | 'buyVolume' | 'trades'>();
  #prices: { open: number; high: number; low: number; close: number } | undefined;
  #trades = 0;

  constructor(start: number) {
    this.start = start;
  }

  /** Returns whether only their order in the input ranks `part` and one that is known. */
  hasTie(part: Candle, size: number): boolean {
    const known = this.#parts.get(keyOfPart(part, size))?.candle;
    return known !== undefined && known.closed === part.closed && known.localTimestamp === part.localTimestamp;
  }

  /** Returns whether the candle still counts; one that arrives more than 512 candles late does not. */
  add(part: Candle, size: number): boolean {
    if (part.timestamp < this.#foldedUntil) return false;
    const key = keyOfPart(part, size);
    const known = this.#parts.get(key)?.candle;
    const isGood = part.closed && part.complete !== false;
    if (known === undefined || supersedes(part, known))
      this.#parts.set(key, { timestamp: part.timestamp, size, isGood, candle: part });
    if (this.#parts.size > KEPT_APART) this.#fold(0.5);
    return true;
  }

  /** Returns whether the parts leave nothing out from the start to `until`, or to the end of the last part. */
  isCovered(until?: number): boolean {
    return this.#covered === (until ?? this.#reached) - this.start;
  }

  values(): BucketValues | undefined {
    this.#fold(1);
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

  /** Adds up the oldest parts that count: a share of them. */
  #fold(share: number): void {
    const chosen = chosenParts([...this.#parts.values()]);
    for (const { candle, timestamp, size } of chosen.slice(0, Math.ceil(chosen.length * share))) {
      this.#foldedUntil = timestamp + size;
      this.#covered += size;
      this.#reached = this.#foldedUntil;
      this.localTimestamp = greater(this.localTimestamp, candle.localTimestamp);
      if (candle.complete === false) this.complete = false;
      if (isTraded(candle)) this.#count(candle);
    }
    for (const [key, { timestamp }] of this.#parts) if (timestamp < this.#foldedUntil) this.#parts.delete(key);
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
