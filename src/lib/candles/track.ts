import { bucketStart, type CandleInterval, isMadeOf } from '../model/interval.js';
import type { Candle, Gap, Market, Trade } from '../model/records.js';
import { type Bucket, type BucketValues, TradeBucket } from './bucket.js';
import type { OpenGaps } from './open-gaps.js';
import type { CandleOptions } from './options.js';
import { PartBucket } from './part-bucket.js';

/** Number of closed candles kept for gaps that become known later: about the seconds that a reconnect takes. */
const KEPT = 100;

export type SeriesIdentity = { readonly exchange: string; readonly market: Market; readonly symbol: string };

type Kept = { readonly bucket: Pick<Bucket, 'complete' | 'localTimestamp'>; candle: Candle };

/** The candles of one interval of one symbol: open buckets by their start, closed ones in order of time. */
export class CandleTrack {
  readonly interval: CandleInterval;
  readonly #identity: SeriesIdentity;
  readonly #options: CandleOptions;
  readonly #openGaps: OpenGaps;
  readonly #amountUnit: 'base' | 'quote';
  readonly #buckets = new Map<number, TradeBucket | PartBucket>();
  readonly #kept: Kept[] = [];
  /** End of the last candle. */
  #reached: number | undefined;
  #previousClose: number | undefined;

  constructor(interval: CandleInterval, identity: SeriesIdentity, options: CandleOptions, openGaps: OpenGaps) {
    this.interval = interval;
    this.#identity = identity;
    this.#options = options;
    this.#openGaps = openGaps;
    this.#amountUnit = options.amountUnit(identity.exchange, identity.market);
  }

  /** Returns the clock time at which the next candle can close. */
  get due(): number {
    const { size } = this.interval;
    const { empty, grace } = this.#options;
    if (empty !== 'skip' && this.#reached !== undefined) return this.#reached + size + grace;
    let first = Number.POSITIVE_INFINITY;
    for (const start of this.#buckets.keys()) if (start < first) first = start;
    return first + size + grace;
  }

  /** Returns whether the trade arrived in time. */
  addTrade(trade: Trade, now: number): boolean {
    const start = bucketStart(this.interval.size, trade.timestamp);
    if (this.#isClosed(start, now)) return false;
    const bucket = this.#buckets.get(start);
    if (bucket instanceof TradeBucket) bucket.add(trade);
    else this.#buckets.set(start, new TradeBucket(start, trade, this.#amountUnit));
    return true;
  }

  /** Returns whether only their order in the input ranks a smaller candle and one with the same key. */
  hasTie(part: Candle, { size }: CandleInterval): boolean {
    const bucket = this.#buckets.get(bucketStart(this.interval.size, part.timestamp));
    return bucket instanceof PartBucket && bucket.hasTie(part, size);
  }

  /**
   * Returns whether a smaller candle arrived in time, undefined when this interval does not use its interval. A candle that
   * is emitted again as incomplete counts as in time: its gap marks the longer candle, too.
   */
  addPart(part: Candle, interval: CandleInterval, now: number): boolean | undefined {
    if (!isMadeOf(this.interval, interval)) return undefined;
    const start = bucketStart(this.interval.size, part.timestamp);
    if (this.#isClosed(start, now)) return part.complete === false;
    const known = this.#buckets.get(start);
    const bucket = known instanceof PartBucket ? known : new PartBucket(start);
    this.#buckets.set(start, bucket);
    return bucket.add(part, interval.size);
  }

  /** Returns the candles that the clock closes, in order of time. */
  *close(now: number): Generator<Candle> {
    const over = [...this.#buckets.values()].filter(({ start }) => this.#isOver(start, now));
    yield* this.#emit(over, bucketStart(this.interval.size, now - this.#options.grace), now);
  }

  /** Returns the remaining candles at the end of the input, in order of time. */
  *finish(now: number): Generator<Candle> {
    yield* this.#emit([...this.#buckets.values()], bucketStart(this.interval.size, now), now);
  }

  /** Returns the emitted candles that `gap` proves incomplete, or complete after all. */
  *revise(gap: Gap): Generator<Candle> {
    for (const kept of this.#kept) {
      const { candle, bucket } = kept;
      const overlap = this.#openGaps.overlapping(candle.timestamp, candle.timestamp + this.interval.size);
      const complete = bucket.complete && overlap === undefined;
      if (complete === candle.complete) continue;
      kept.candle = { ...candle, complete, localTimestamp: greater(candle.localTimestamp, gap.localTimestamp) };
      yield kept.candle;
    }
  }

  /** Returns whether `gap` reaches back to candles that are no longer kept. */
  isForgotten(gap: Gap): boolean {
    const [oldest] = this.#kept;
    return this.#kept.length === KEPT && oldest !== undefined && gap.fromTimestamp < oldest.candle.timestamp;
  }

  /** An emitted candle stays closed, even if the first `clock` lies before the arrivals that had closed it. */
  #isClosed(start: number, now: number): boolean {
    return this.#isOver(start, now) || (this.#reached !== undefined && start < this.#reached);
  }

  #isOver(start: number, now: number): boolean {
    return start + this.interval.size + this.#options.grace <= now;
  }

  *#emit(buckets: Bucket[], until: number, now: number): Generator<Candle> {
    buckets.sort((a, b) => a.start - b.start);
    for (const bucket of buckets) {
      yield* this.#silence(bucket.start, now);
      this.#buckets.delete(bucket.start);
      const values = bucket.values();
      // A silent interval is emitted only when it is over: until then it may still see a trade.
      if (values || bucket !== buckets.at(-1) || bucket.start + this.interval.size <= now)
        yield* this.#candle(bucket, values, now);
    }
    yield* this.#silence(until, now);
  }

  *#silence(until: number, now: number): Generator<Candle> {
    if (this.#options.empty === 'skip' || this.#reached === undefined) return;
    for (let start = this.#reached; start < until; start += this.interval.size)
      yield* this.#candle({ start, complete: true, localTimestamp: undefined, isCovered: () => false }, undefined, now);
  }

  *#candle(bucket: Omit<Bucket, 'values'>, values: BucketValues | undefined, now: number): Generator<Candle> {
    if (values === undefined && (this.#options.empty === 'skip' || this.#previousClose === undefined)) return;
    const { start } = bucket;
    const end = start + this.interval.size;
    const openGap = this.#openGaps.overlapping(start, end);
    const closed = end <= now;
    // The exchange publishes a candle for every interval; an interval without trades has no candle from trades.
    const isCovered = this.#options.source === 'trades' || (bucket.isCovered?.(closed ? end : undefined) ?? true);
    const complete = bucket.complete && isCovered;
    const candle: Candle = {
      type: 'candle',
      ...this.#identity,
      timestamp: start,
      localTimestamp: greater(bucket.localTimestamp, openGap?.known),
      interval: this.interval.name,
      ...(values ? this.#opened(values) : this.#unopened()),
      source: this.#options.source,
      closed,
      complete: complete && openGap === undefined,
    };
    this.#previousClose = values?.close ?? this.#previousClose;
    this.#reached = end;
    this.#kept.push({ bucket: { complete, localTimestamp: bucket.localTimestamp }, candle });
    if (this.#kept.length > KEPT) this.#kept.shift();
    yield candle;
  }

  #opened(values: BucketValues): BucketValues {
    const open = this.#options.open === 'previous-close' ? (this.#previousClose ?? values.open) : values.open;
    return { ...values, open, high: Math.max(values.high, open), low: Math.min(values.low, open) };
  }

  #unopened() {
    const price = this.#options.empty === 'flat' ? this.#previousClose : undefined;
    return { open: price, high: price, low: price, close: price, volume: 0, turnover: 0, buyVolume: 0, trades: 0 };
  }
}

function greater(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
