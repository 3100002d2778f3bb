import { bucketStart, type CandleInterval } from '../../model/interval.js';
import type { Span } from '../../model/span.js';
import { DAY, formatDate, HOUR } from '../../model/time.js';
import { expandSegments } from '../../storage/files/segments.js';

/** An input of candles: a stored file, or records that are not sealed (without segments). */
export type CandleInput = Span & { readonly segments?: readonly string[] | undefined };

/** The candles of one UTC day (by opening time) that must be recomputed, and their inputs. */
export type StaleDay = { readonly date: string; readonly spans: readonly Span[]; readonly inputs: readonly CandleInput[] };

type StaleOptions = {
  readonly interval: CandleInterval;
  readonly inputs: readonly CandleInput[];
  /** Returns the segments that the stored candles of a day were computed from. */
  readonly consumed: (date: string) => readonly string[];
  /** Whether a candle depends on the time before its interval: then every candle after a stale one is stale, too. */
  readonly chained: boolean;
  /** End of the last candle, silent ones included. */
  readonly until: number;
};

/** Returns the days whose candles are stale, in order. Spans are whole hours and whole buckets, as candles are stored. */
export function staleDays({ interval, inputs, consumed, chained, until }: StaleOptions): StaleDay[] {
  const days: StaleDay[] = [];
  let broken = false;
  for (const date of datesOf(interval, inputs, chained ? until : 0)) {
    const day = dayOf(interval, date);
    const own = inputs.filter((input) => input.from < day.until && input.until > day.from);
    const known = new Set(expandSegments(consumed(date)));
    const fresh = own.filter(({ segments }) => segments === undefined || expandSegments(segments).some((id) => !known.has(id)));
    if (fresh.length === 0 && !broken) continue;
    const spans = unite(fresh.map((input) => wholeHours(interval, input, day)));
    const from = broken ? day.from : (spans[0]?.from ?? day.from);
    days.push({ date, spans: chained ? [{ from, until: day.until }] : spans, inputs: own });
    broken = chained;
  }
  return days;
}

/** From the opening of the first candle of a day to the end of its last one, which may lie on another day. */
function dayOf({ size }: CandleInterval, date: string): Span {
  const midnight = Date.parse(`${date}T00:00:00Z`) * 1000;
  return { from: firstFrom(size, midnight), until: firstFrom(size, midnight + DAY) };
}

function firstFrom(size: number, time: number): number {
  const start = bucketStart(size, time);
  return start === time ? start : start + size;
}

function wholeHours({ size }: CandleInterval, { from, until }: Span, day: Span): Span {
  const start = bucketStart(size, Math.floor(from / HOUR) * HOUR);
  const end = firstFrom(size, Math.ceil(until / HOUR) * HOUR);
  return { from: Math.max(start, day.from), until: Math.min(end, day.until) };
}

/** The days on which candles open. */
function datesOf({ size }: CandleInterval, inputs: readonly CandleInput[], until: number): string[] {
  const dates = new Set<string>();
  const first = Math.min(...inputs.map(({ from }) => from));
  const spans = until > first ? [...inputs, { from: first, until }] : inputs;
  for (const { from, until: end } of spans) {
    for (let day = bucketStart(DAY, bucketStart(size, from)); day < end; day += DAY) dates.add(formatDate(day));
  }
  return [...dates].sort().filter((date) => {
    const day = dayOf({ size, name: '' }, date);
    return day.until > day.from;
  });
}

function unite(spans: readonly Span[]): Span[] {
  const united: { from: number; until: number }[] = [];
  for (const { from, until } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = united.at(-1);
    if (last && from <= last.until) last.until = Math.max(last.until, until);
    else united.push({ from, until });
  }
  return united;
}
