import type { CandleInterval } from '../model/interval.js';
import { isOtherTrade } from '../model/order.js';
import type { Candle, Gap, Trade } from '../model/records.js';
import { OpenGaps } from './open-gaps.js';
import type { CandleCounts, CandleOptions } from './options.js';
import { RecentTrades } from './recent-trades.js';
import { CandleTrack, type SeriesIdentity } from './track.js';

/** The candles of one symbol in all intervals. The first trade or smaller candle decides what they are built from. */
export class CandleSeries {
  readonly #options: CandleOptions;
  readonly #counts: CandleCounts;
  readonly #tracks: readonly CandleTrack[];
  readonly #openGaps = new OpenGaps();
  readonly #recent = new RecentTrades();
  #input: 'trade' | 'candle' | undefined;

  constructor(identity: SeriesIdentity, options: CandleOptions, counts: CandleCounts) {
    this.#options = options;
    this.#counts = counts;
    this.#tracks = options.intervals.map((interval) => new CandleTrack(interval, identity, options, this.#openGaps));
  }

  /** Returns the clock time at which the next candle can close. */
  get due(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { due } of this.#tracks) if (due < first) first = due;
    return first;
  }

  /** Returns the closed candles that a late trade proves incomplete, undefined where no repair delivered it. */
  addTrade(trade: Trade, now: number): Iterable<Candle> | undefined {
    this.#input ??= 'trade';
    if (this.#input !== 'trade') this.#counts.unused += 1;
    else {
      const known = this.#recent.add(trade);
      if (known) {
        if (isOtherTrade(trade, known)) this.#options.contradicted?.(trade, known);
        else this.#counts.duplicates += 1;
        return undefined;
      }
      this.#counts.trades += 1;
      let inTime = true;
      for (const track of this.#tracks) if (!track.addTrade(trade, now)) inTime = false;
      if (!inTime) return this.#late(trade);
    }
    return undefined;
  }

  addCandle(candle: Candle, interval: CandleInterval, now: number): void {
    this.#input ??= 'candle';
    if (this.#tracks.some((track) => track.hasTie(candle, interval))) this.#counts.duplicates += 1;
    const taken = this.#input === 'candle' ? this.#tracks.map((track) => track.addPart(candle, interval, now)) : [];
    if (taken.every((inTime) => inTime === undefined)) this.#counts.unused += 1;
    else this.#counts.candles += 1;
    if (taken.includes(false)) this.#counts.late += 1;
  }

  /** Adds a gap in the input of the candles. Returns closed candles whose `complete` it changes. */
  *addGap(gap: Gap): Generator<Candle> {
    this.#openGaps.add(gap);
    if (!gap.missing) this.#openGaps.expect(gap);
    yield* this.#revised(gap);
  }

  #late(trade: Trade): Iterable<Candle> | undefined {
    this.#counts.late += 1;
    const gap = this.#openGaps.addLate(trade.timestamp);
    return gap && this.#revised(gap);
  }

  *#revised(gap: Gap): Generator<Candle> {
    if (gap.missing && this.#tracks.some((track) => track.isForgotten(gap))) this.#counts.unmarked += 1;
    for (const track of this.#tracks) yield* track.revise(gap);
  }

  /** Returns the candles that the clock closes, the shorter intervals first. */
  *close(now: number): Generator<Candle> {
    for (const track of this.#tracks) if (track.due <= now) yield* track.close(now);
    const longest = this.#tracks.at(-1)?.interval.size ?? 0;
    this.#openGaps.forget(now - this.#options.grace - longest);
  }

  /** Returns the remaining candles at the end of the input. */
  *finish(now: number): Generator<Candle> {
    for (const track of this.#tracks) yield* track.finish(now);
  }
}
