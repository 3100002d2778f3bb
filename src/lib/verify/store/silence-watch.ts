import { daysBefore, formatTime, HOUR, SECOND, spokenDuration } from '../../model/time.js';
import type { Finding } from '../day.js';
import { Intervals, SHORTEST_SILENCE } from '../silence.js';
import type { LongPause } from './silences.js';

/** Days whose intervals define what is ordinary: the judged day and the days before it. */
export const DAYS_COMPARED = 7;

/** Returns the intervals between the records of some symbols on a day. */
type IntervalSource = (date: string, symbols: readonly string[]) => Promise<ReadonlyMap<string, Intervals>>;

/** The last record and the ordinary pauses of each symbol over a series of days. */
export class SilenceWatch {
  readonly #intervalsOf: IntervalSource;
  readonly #dates: readonly string[];
  readonly #known = new Map<string, Map<string, Intervals>>();
  readonly #lastSeen = new Map<string, number>();

  /** `dates` are all days that may serve as context, in order. */
  constructor(dates: readonly string[], intervalsOf: IntervalSource) {
    this.#dates = dates;
    this.#intervalsOf = intervalsOf;
  }

  /** Adds the intervals of some symbols on a day. */
  learn(date: string, intervals: ReadonlyMap<string, Intervals>): void {
    const known = this.#known.get(date) ?? new Map<string, Intervals>();
    for (const [symbol, own] of intervals) known.set(symbol, own);
    this.#known.set(date, known);
    const [oldest] = this.#window(date);
    for (const day of this.#known.keys()) if (oldest !== undefined && day < oldest) this.#known.delete(day);
  }

  /** Returns the pause before a symbol's first record of a day, if any, and remembers its last record. */
  seen(symbol: string, first: number, last: number): LongPause | undefined {
    const from = this.#lastSeen.get(symbol);
    this.#lastSeen.set(symbol, last);
    return from === undefined || first - from <= SHORTEST_SILENCE * SECOND ? undefined : { symbol, from, until: first };
  }

  /** Returns the pauses of symbols whose last record lies long before the end of the series. */
  unended(end: number): LongPause[] {
    return [...this.#lastSeen]
      .filter(([, from]) => end - from > SHORTEST_SILENCE * SECOND)
      .map(([symbol, from]) => ({ symbol, from, until: end }));
  }

  /** Returns the pauses of a day that are longer than ordinary for their symbols, as findings. */
  async suspicious(date: string, pauses: readonly LongPause[]): Promise<Map<string, Finding[]>> {
    const findings = new Map<string, Finding[]>();
    if (pauses.length === 0) return findings;
    const ordinary = await this.#ordinary(date, [...new Set(pauses.map(({ symbol }) => symbol))]);
    for (const { symbol, from, until } of pauses) {
      const seconds = (until - from) / SECOND;
      const limit = ordinary.get(symbol)?.ordinarySilence(Math.floor(from / HOUR) % 24, seconds);
      if (limit === undefined || seconds <= limit) continue;
      const own = findings.get(symbol) ?? [];
      own.push({ from, until, verdict: 'suspect', isEmpty: true, detail: silenceText({ from, until, symbol }, limit) });
      findings.set(symbol, own);
    }
    return findings;
  }

  async #ordinary(date: string, symbols: readonly string[]): Promise<Map<string, Intervals>> {
    const result = new Map(symbols.map((symbol) => [symbol, new Intervals()]));
    for (const day of this.#window(date)) {
      const unknown = symbols.filter((symbol) => !this.#known.get(day)?.has(symbol));
      if (unknown.length > 0) {
        const found = await this.#intervalsOf(day, unknown);
        this.learn(day, new Map(unknown.map((symbol) => [symbol, found.get(symbol) ?? new Intervals()])));
      }
      for (const symbol of symbols) result.get(symbol)?.addAll(this.#known.get(day)?.get(symbol) as Intervals);
    }
    return result;
  }

  #window(date: string): string[] {
    const first = daysBefore(date, DAYS_COMPARED - 1);
    return this.#dates.filter((day) => day >= first && day <= date);
  }
}

function silenceText({ from, until }: LongPause, limit: number): string {
  const length = spokenDuration((until - from) / SECOND);
  return `silent for ${length}, from ${formatTime(from)} to ${formatTime(until)}; up to ${spokenDuration(limit)} is ordinary for this symbol at that hour`;
}
