/** A time range `[from, until)` in microseconds. */
export type Span = { readonly from: number; readonly until: number };

/** Returns whether two spans overlap. */
export function overlap(a: Span, b: Span): boolean {
  return a.from < b.until && b.from < a.until;
}

/** Sorts spans, merges those that overlap or touch, and drops empty ones. */
export function united(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const { from, until } of [...spans].filter((span) => span.from < span.until).sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && from <= last.until) result[result.length - 1] = { from: last.from, until: Math.max(last.until, until) };
    else result.push({ from, until });
  }
  return result;
}

/** Returns the parts of `spans` outside of all `others`, in order. */
export function without(spans: readonly Span[], others: readonly Span[]): Span[] {
  let rest = united(spans);
  for (const other of united(others)) {
    rest = rest.flatMap(({ from, until }) =>
      other.until <= from || other.from >= until
        ? [{ from, until }]
        : [
            { from, until: other.from },
            { from: other.until, until },
          ].filter((span) => span.from < span.until),
    );
  }
  return rest;
}

/** Returns the parts of `spans` inside any of `others`, in order. */
export function within(spans: readonly Span[], others: readonly Span[]): Span[] {
  const known = united(others);
  return united(spans.flatMap((span) => known.map((other) => intersection(span, other))));
}

/** Returns the total length of spans, which must not overlap. */
export function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { from, until }) => sum + until - from, 0);
}

/** Returns the intersection of two spans; it is empty (`until` at or before `from`) when they share no time. */
function intersection(a: Span, b: Span): Span {
  return { from: Math.max(a.from, b.from), until: Math.min(a.until, b.until) };
}
