import { type Span, without } from '../model/span.js';
/** What a `gap` record says of one series: between `from` and `until` something is missing, or was found again. */
export type RecordedGap = Span & {
  readonly missing: boolean;
  readonly reason: string;
  /** When it became known, microseconds; absent on what was fetched. */
  readonly known: number | undefined;
};

/** A hole that is still open. */
export type Hole = Span & { readonly reason: string };

/**
 * Returns the holes of one series that are still open, in order of time: what gaps with `missing` leave when every later
 * gap without it is taken away, and those that overlap as one. A hole whose ends are the same (the exchange's times are
 * too coarse to tell them apart) is a microsecond long.
 */
export function openHoles(gaps: readonly RecordedGap[]): Hole[] {
  const repairs = gaps.filter(({ missing }) => !missing);
  const open = gaps
    .filter(({ missing }) => missing)
    .flatMap((hole) => {
      const later = repairs.filter(({ known }) => (known ?? 0) >= (hole.known ?? 0));
      // A repair vouches for both of its ends, as the gap that it repairs names them.
      const spans = later.map(({ from, until }) => ({ from, until: Math.max(until, from + 1) }));
      const whole = { from: hole.from, until: Math.max(hole.until, hole.from + 1) };
      return without([whole], spans).map((span) => ({ ...span, reason: hole.reason }));
    });
  return joined(open);
}

function joined(holes: readonly Hole[]): Hole[] {
  const result: Hole[] = [];
  for (const hole of [...holes].sort((a, b) => a.from - b.from || a.until - b.until)) {
    const last = result.at(-1);
    if (last === undefined || hole.from >= last.until) result.push(hole);
    else if (hole.until > last.until) {
      const reason = last.reason.includes(hole.reason) ? last.reason : `${last.reason}, ${hole.reason}`;
      result[result.length - 1] = { from: last.from, until: hole.until, reason };
    }
  }
  return result;
}
