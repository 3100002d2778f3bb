import type { Topic } from '../exchange-server/engine/exchange.js';
import type { Stage } from './stage.js';
import type { StoredGap } from './stored.js';

/** A part of time for which a capture must account; exchange time in ms, both ends left out. */
export type Span = { readonly from: number; readonly until: number };

/** After so long (ms) a confirmation that was sent has been read. */
const SETTLED = 300;

/**
 * Returns the times of which a symbol's feed is owed: from the first subscription that was confirmed and lived, to the end
 * of each run. A run that was killed owes what lies before the last record it stored.
 */
export function owedSpans(
  { server, market, runs }: Stage,
  kind: Topic['kind'],
  symbol: string,
  records: readonly { readonly timestamp: number }[],
): Span[] {
  return runs.flatMap(({ from, until, ending }): Span[] => {
    const confirmed = server.subscribed.find(
      ({ at, topic, session }) =>
        topic.kind === kind &&
        topic.market === market &&
        topic.symbol === symbol &&
        at >= from &&
        at + SETTLED < Math.min(until, session.brokenAt),
    );
    if (!confirmed) return [];
    if (ending === 'stop') return [{ from: confirmed.at, until: until + 1 }];
    const last = records.findLast(({ timestamp }) => timestamp <= until * 1_000);
    return last ? [{ from: confirmed.at, until: last.timestamp / 1_000 }] : [];
  });
}

/** Returns what happened within the spans. */
export function owedOf<Happened extends { readonly time: number }>(
  truth: readonly Happened[],
  spans: readonly Span[],
): Happened[] {
  return truth.filter(({ time }) => spans.some(({ from, until }) => from < time && time < until));
}

/** Whether a gap says that what happened at `time` (ms) is missing or was fetched. */
export function covers({ from_timestamp: from, until_timestamp: until }: StoredGap, time: number): boolean {
  return from <= time * 1_000 && time * 1_000 <= until;
}
