/** Returns up to `most` candidates that `word` probably means: the nearest ones, and those that start with it. */
export function nearest(word: string, candidates: Iterable<string>, most = 3): string[] {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const measured = [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: distanceOf(word, candidate) }))
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1));
  const best = Math.min(limit, measured[0]?.distance ?? 0);
  return measured
    .filter(({ candidate, distance }) => distance <= best || (word.length >= 3 && candidate.startsWith(word)))
    .slice(0, most)
    .map(({ candidate }) => candidate);
}

/** Returns `; did you mean a or b?`, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  return asQuestion(nearest(word, candidates));
}

/** Returns `; did you mean a, b or c?`, or nothing without names. */
export function asQuestion(names: readonly string[]): string {
  const last = names.at(-1);
  if (last === undefined) return '';
  return `; did you mean ${names.length > 1 ? `${names.slice(0, -1).join(', ')} or ` : ''}${last}?`;
}

/** What other tools call our channels. */
const CHANNEL_SYNONYMS: Readonly<Record<string, string>> = {
  trades: 'trade',
  orderbook: 'book',
  books: 'book',
  depth: 'book',
  l2: 'book',
  kline: 'candle',
  klines: 'candle',
  ohlcv: 'candle',
  candles: 'candle',
  tickers: 'ticker',
  quotes: 'ticker',
  bbo: 'ticker',
  oi: 'open_interest',
  mark: 'mark_price',
  funding_rate: 'funding',
  liquidations: 'liquidation',
};

/** Returns `; did you mean candle?` for the name that another tool has for one of our channels, or for a similar one. */
export function didYouMeanChannel(word: string, channels: readonly string[]): string {
  const same = CHANNEL_SYNONYMS[word.toLowerCase().replace('-', '_')];
  return same !== undefined && channels.includes(same) ? `; did you mean ${same}?` : didYouMean(word, channels);
}

/** Levenshtein distance, with a swap of neighbours as one edit (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + same, swapped));
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
