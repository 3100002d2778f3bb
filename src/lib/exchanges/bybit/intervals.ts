/** Our names of the candle intervals, and Bybit's (`kline.{interval}.{symbol}`: minutes, `D`, `W`). */
const INTERVALS = [
  ['1m', '1'],
  ['3m', '3'],
  ['5m', '5'],
  ['15m', '15'],
  ['30m', '30'],
  ['1h', '60'],
  ['2h', '120'],
  ['4h', '240'],
  ['6h', '360'],
  ['12h', '720'],
  ['1d', 'D'],
  ['1w', 'W'],
] as const;

const OURS: ReadonlyMap<string, string> = new Map(INTERVALS.map(([ours, theirs]) => [theirs, ours]));
const THEIRS: ReadonlyMap<string, string> = new Map(INTERVALS);

/** The candle intervals that Bybit publishes, by our names. Not its month, which has no fixed length. */
export const CANDLE_INTERVALS: readonly string[] = [...THEIRS.keys()];

/** Returns our name of Bybit's interval: `60` is `1h`. */
export function intervalFrom(theirs: string): string | undefined {
  return OURS.get(theirs);
}

/** Returns Bybit's name of our interval: `1h` is `60`. */
export function intervalTo(ours: string): string | undefined {
  return THEIRS.get(ours);
}
