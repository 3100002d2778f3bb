import type { HistoryType } from '../exchanges/history.js';
import { exchangeOf } from '../exchanges/index.js';
import { UsageError } from '../model/errors.js';
import type { Instrument } from '../model/records.js';
import { seriesKey } from '../model/series.js';
import type { StoredSpans } from './stored-spans.js';
import { type RequestedRange, type Topic, topicName } from './topic.js';

/** Requested history types and candle intervals. */
type WantedTypes = {
  readonly types: readonly HistoryType[];
  readonly intervals: readonly string[];
};

/** Returns the topics of instruments; for candles one per interval. */
export function topicsOf(instruments: readonly Instrument[], { types, intervals }: WantedTypes): Topic[] {
  return instruments.flatMap(({ exchange: id, market, symbol }) => {
    const exchange = exchangeOf(id);
    return types.flatMap((type): Topic[] => {
      if (type !== 'candle') return [{ exchange, market, symbol, type }];
      return intervals.map((interval) => ({ exchange, market, symbol, type, interval }));
    });
  });
}

/**
 * Returns the requested ranges of topics between `since` and `until`; without `since`, from the first stored record. A range
 * does not begin before the symbol's launch. Throws a `UsageError` without `since` and stored records.
 */
export function listedRanges(
  topics: readonly Topic[],
  stored: StoredSpans,
  { since, until, launches }: { since: number | undefined; until: number; launches: ReadonlyMap<string, number | undefined> },
): RequestedRange[] {
  const ranges = topics.flatMap((topic) => {
    const from = since ?? stored.first(topic);
    const launch = launches.get(seriesKey({ ...topic, exchange: topic.exchange.id }));
    return from === undefined ? [] : [{ ...topic, spans: [{ from: Math.max(from, launch ?? 0), until }], launch }];
  });
  if (ranges.length === 0 && topics.length > 0)
    throw new UsageError(
      `missing --since: the store has no records of ${topicName(topics[0] as Topic)}${topics.length > 1 ? ' or the other symbols' : ''} to start from`,
    );
  return ranges;
}
