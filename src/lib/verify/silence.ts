/** Minimum length of a suspicious silence, seconds. */
export const SHORTEST_SILENCE = 60;
/** Multiple of the median interval. */
const TIMES_MEDIAN = 20;
/** Multiple of the time-weighted median interval: half of the time passes in intervals of at least this length. */
const TIMES_TYPICAL = 10;
/** With fewer intervals in an hour of the day, the hours around it count, too; with fewer in all, there is no judgement. */
const LEAST_INTERVALS = 100;
/** This number is enough for an hour itself to raise the limit: else a night would be judged by the evening before. */
const LEAST_OF_HOUR = 10;
/** The time-weighted median covers at least this many hours on either side: else two gaps in one hour would hide each other. */
const TYPICAL_REACH = 3;
const HOURS = 24;
/** All 24 hours: 12 on one side, 11 on the other. */
const FARTHEST = 12;

/** Intervals of about one length: their number and total length (seconds). */
type Bin = { count: number; seconds: number };

/**
 * Histogram of the intervals between the records of one symbol, by the hour of the day in which they begin. Silences are
 * judged by it. A bin is a quarter of an octave wide.
 */
export class Intervals {
  readonly #hours: readonly Map<number, Bin>[] = Array.from({ length: HOURS }, () => new Map());
  /** Cached limits, by hour and bin. */
  readonly #limits = new Map<string, number | undefined>();

  /** Adds `count` intervals of about equal length in an hour of the day; `seconds` is their total length. */
  add(hour: number, count: number, seconds: number): void {
    if (this.#limits.size > 0) this.#limits.clear();
    const bins = this.#hours[hour] as Map<number, Bin>;
    const key = binOf(seconds / count);
    const bin = bins.get(key);
    if (!bin) bins.set(key, { count, seconds });
    else {
      bin.count += count;
      bin.seconds += seconds;
    }
  }

  /** Adds all intervals of another collection. */
  addAll(other: Intervals): void {
    for (const [hour, bins] of other.#hours.entries())
      for (const { count, seconds } of bins.values()) this.add(hour, count, seconds);
  }

  /**
   * Returns the length (seconds) up to which a silence that begins in this hour of the day is ordinary, judged without
   * itself; undefined where there are too few intervals.
   *
   * It is the maximum of 60 s, 20 times the median interval, and 10 times the time-weighted median interval. The last is
   * for symbols that trade in bursts: their median says nothing about the pauses between bursts. For independent trades
   * (Poisson) the limits are 13.9 and 16.8 times the mean, which chance exceeds once in 19 million intervals.
   */
  ordinarySilence(hour: number, silence: number): number | undefined {
    const bin = binOf(silence);
    const key = `${hour} ${bin}`;
    if (!this.#limits.has(key)) this.#limits.set(key, this.#limit(hour, bin));
    return this.#limits.get(key);
  }

  #limit(hour: number, silence: number): number | undefined {
    const own = withoutOne(this.#around(hour, 0), silence);
    for (let reach = 0; reach <= FARTHEST; reach++) {
      const near = reach === 0 ? own : withoutOne(this.#around(hour, reach), silence);
      if (countOf(near) < LEAST_INTERVALS) continue;
      const wide = reach >= TYPICAL_REACH ? near : withoutOne(this.#around(hour, TYPICAL_REACH), silence);
      const ofHour = reach > 0 && countOf(own) >= LEAST_OF_HOUR ? [medianLimit(own), typicalLimit(own)] : [];
      return Math.max(SHORTEST_SILENCE, medianLimit(near), typicalLimit(wide), ...ofHour);
    }
    return undefined;
  }

  /** The bins of an hour and those around it, the shortest first. */
  #around(hour: number, reach: number): Bin[] {
    const merged = new Map<number, Bin>();
    const first = reach === FARTHEST ? 1 - reach : -reach;
    for (let offset = first; offset <= reach; offset++) {
      for (const [key, { count, seconds }] of this.#hours[(hour + offset + HOURS) % HOURS] ?? []) {
        const bin = merged.get(key) ?? { count: 0, seconds: 0 };
        merged.set(key, { count: bin.count + count, seconds: bin.seconds + seconds });
      }
    }
    return [...merged].sort(([a], [b]) => a - b).map(([, bin]) => bin);
  }
}

function binOf(seconds: number): number {
  return seconds < 1 ? -1 : Math.round(4 * Math.log2(seconds));
}

/** Removes one interval from a bin. */
function withoutOne(bins: readonly Bin[], key: number): Bin[] {
  return bins.map((bin) => {
    const mean = bin.seconds / bin.count;
    return binOf(mean) === key ? { count: bin.count - 1, seconds: Math.max(0, bin.seconds - mean) } : bin;
  });
}

function countOf(bins: readonly Bin[]): number {
  return bins.reduce((sum, { count }) => sum + count, 0);
}

function medianLimit(bins: readonly Bin[]): number {
  return TIMES_MEDIAN * halfway(bins, ({ count }) => count);
}

function typicalLimit(bins: readonly Bin[]): number {
  return TIMES_TYPICAL * halfway(bins, ({ seconds }) => seconds);
}

/** The mean length in the bin that contains the weighted median. */
function halfway(bins: readonly Bin[], weight: (bin: Bin) => number): number {
  const half = bins.reduce((sum, bin) => sum + weight(bin), 0) / 2;
  let reached = 0;
  for (const bin of bins) {
    reached += weight(bin);
    if (reached >= half && bin.count > 0) return bin.seconds / bin.count;
  }
  return 0;
}
