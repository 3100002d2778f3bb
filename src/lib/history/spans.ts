import type { Span } from '../exchanges/history.js';

/** Returns the spans in order, those that overlap or touch made one, without empty ones. */
export function united(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const { from, until } of [...spans].filter((span) => span.from < span.until).sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && from <= last.until) result[result.length - 1] = { from: last.from, until: Math.max(last.until, until) };
    else result.push({ from, until });
  }
  return result;
}

/** Returns what of `spans` lies in none of `others`. */
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

/** Returns what of `spans` lies in some of `others`. */
export function within(spans: readonly Span[], others: readonly Span[]): Span[] {
  return united(
    united(spans).flatMap(({ from, until }) =>
      united(others).map((other) => ({ from: Math.max(from, other.from), until: Math.min(until, other.until) })),
    ),
  );
}

/** Returns the length of all spans, which do not overlap. */
export function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { from, until }) => sum + until - from, 0);
}
