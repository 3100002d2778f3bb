/** What the choice of parts looks at; `size` is the length of the interval, microseconds. */
export type Part = { readonly timestamp: number; readonly size: number; readonly isGood: boolean };

/**
 * Returns the parts that a longer candle is made of, in order of time, none of which overlap. Two hours as 1h candles and
 * as 15m candles must not count twice: of each stretch the smallest parts count that cover it completely. A longer part
 * replaces shorter ones that leave something of it out; `isGood` parts are closed and complete. A SQL form of this rule
 * stands in `store/part-relation.ts`.
 */
export function chosenParts<P extends Part>(parts: readonly P[]): P[] {
  const sizes = [...new Set(parts.map(({ size }) => size))].sort((a, b) => a - b);
  let chosen = parts.filter(({ size }) => size === sizes[0]);
  for (const size of sizes.slice(1))
    chosen = withLonger(
      chosen,
      parts.filter((part) => part.size === size),
    );
  return chosen.sort((a, b) => a.timestamp - b.timestamp);
}

function withLonger<P extends Part>(shorter: readonly P[], longer: readonly P[]): P[] {
  const taken: P[] = [];
  const replaced = new Set<P>();
  for (const part of longer) {
    const end = part.timestamp + part.size;
    const inside = shorter.filter(({ timestamp, size }) => timestamp < end && timestamp + size > part.timestamp);
    // Intervals such as 2h and 3h do not nest: a shorter part that reaches out of the longer one stays.
    if (inside.some(({ timestamp, size }) => timestamp < part.timestamp || timestamp + size > end)) continue;
    const covered = inside.reduce((sum, { size, isGood }) => sum + (isGood ? size : 0), 0);
    if (inside.length > 0 && (covered === part.size || !part.isGood)) continue;
    taken.push(part);
    for (const one of inside) replaced.add(one);
  }
  return [...shorter.filter((part) => !replaced.has(part)), ...taken];
}
