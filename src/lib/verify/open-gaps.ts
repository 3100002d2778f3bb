import { type Span, without } from '../model/span.js';
/** A `gap` record of one series: records between `from` and `until` are missing or were recovered. */
export type RecordedGap = Span & {
  readonly missing: boolean;
  readonly reason: string;
  /** When it became known, microseconds; absent on fetched records. */
  readonly known: number | undefined;
};

/** A gap that is still open. */
export type OpenGap = Span & { readonly reason: string };

/**
 * Returns the open gaps of one series in order of time: the gaps with `missing`, minus every later gap without it; gaps
 * that overlap are merged. A gap with equal ends (the exchange's times are too coarse) is one microsecond long.
 */
export function openGaps(gaps: readonly RecordedGap[]): OpenGap[] {
  const repairs = gaps.filter(({ missing }) => !missing);
  const open = gaps
    .filter(({ missing }) => missing)
    .flatMap((openGap) => {
      const later = repairs.filter(({ known }) => (known ?? 0) >= (openGap.known ?? 0));
      // A repair covers both of its ends, because the gap that it repairs has the same ends.
      const spans = later.map(({ from, until }) => ({ from, until: Math.max(until, from + 1) }));
      const whole = { from: openGap.from, until: Math.max(openGap.until, openGap.from + 1) };
      return without([whole], spans).map((span) => ({ ...span, reason: openGap.reason }));
    });
  return joined(open);
}

function joined(openGaps: readonly OpenGap[]): OpenGap[] {
  const result: OpenGap[] = [];
  for (const openGap of [...openGaps].sort((a, b) => a.from - b.from || a.until - b.until)) {
    const last = result.at(-1);
    if (last === undefined || openGap.from >= last.until) result.push(openGap);
    else if (openGap.until > last.until) {
      const reason = last.reason.includes(openGap.reason) ? last.reason : `${last.reason}, ${openGap.reason}`;
      result[result.length - 1] = { from: last.from, until: openGap.until, reason };
    }
  }
  return result;
}
