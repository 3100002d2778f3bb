import type { Topic } from '../exchange-server/engine/exchange.js';
import type { Run, Stage } from './stage.js';
import type { StoredGap } from './stored.js';

/** A part of time for which a capture must account; exchange time in ms, both ends left out. */
type Span = { readonly from: number; readonly until: number };

/**
 * Returns the times of which a symbol's feed is owed: from the first subscription that was confirmed and lived, to the end
 * of the last run that stored something of it. `isResumed` where a run also owes what happened since the last record of
 * the run before; otherwise a run owes from its own first subscription on, and one that was killed what lies before the
 * last record it stored. What came before the first record ever, of a topic that was mute, is not owed by a run that was killed.
 */
export function owedSpans(
  stage: Stage,
  kind: Topic['kind'],
  symbol: string,
  records: readonly { readonly timestamp: number }[],
  isResumed: boolean,
): Span[] {
  return stage.runs.flatMap((run): Span[] => {
    const { from, until, ending } = run;
    const confirmed = confirmation(stage, kind, symbol, run);
    if (confirmed === undefined) return [];
    const before = records.findLast(({ timestamp }) => timestamp < from * 1_000)?.timestamp;
    const last = records.findLast(({ timestamp }) => timestamp <= until * 1_000)?.timestamp;
    // The audit that compares what came before the first trade is at the end of a run, or minutes after its start.
    const first = records.find(({ timestamp }) => timestamp >= from * 1_000)?.timestamp;
    const isUnaudited = isResumed && ending === 'kill' && before === undefined && first !== undefined;
    const start = isUnaudited ? Math.max(confirmed, first / 1_000) : confirmed;
    const begin = isResumed && before !== undefined ? Math.min(start, before / 1_000) : start;
    // What a run has stored nothing of is left to the next one.
    const isLeft = ending === 'kill' || (isResumed && before !== undefined && last === before);
    if (!isLeft) return [{ from: begin, until: until + 1 }];
    return last === undefined ? [] : [{ from: begin, until: last / 1_000 }];
  });
}

/** Returns when a run was first confirmed a subscription of which it came to know. */
function confirmation({ server, market }: Stage, kind: Topic['kind'], symbol: string, { from, until }: Run): number | undefined {
  return server.subscribed.find(
    ({ at, topic, readAt = Number.POSITIVE_INFINITY }) =>
      topic.kind === kind && topic.market === market && topic.symbol === symbol && at >= from && readAt < until,
  )?.at;
}

/** Returns what happened within the spans. */
export function owedOf<Happened extends { readonly time: number }>(
  truth: readonly Happened[],
  spans: readonly Span[],
): Happened[] {
  return truth.filter(({ time }) => spans.some(({ from, until }) => from < time && time < until));
}

/**
 * Returns the gaps that hold: one that was told while its repair went on is replaced by the one that says what came of it.
 */
export function holding(gaps: readonly StoredGap[]): StoredGap[] {
  return gaps.filter((gap, at) => !gaps.some((later, place) => place > at && replaces(later, gap)));
}

function replaces(later: StoredGap, gap: StoredGap): boolean {
  const isSameFeed = later.symbol === gap.symbol && later.channel === gap.channel && later.reason === gap.reason;
  return isSameFeed && later.from_timestamp === gap.from_timestamp && later.repaired > gap.repaired;
}

/** Returns the gaps of which something is still missing: what later ones found again, also in another run, is none. */
export function unfilled(gaps: readonly StoredGap[]): StoredGap[] {
  return holding(gaps).filter((gap) => gap.missing && !isFilled(gap, gaps));
}

function isFilled(gap: StoredGap, gaps: readonly StoredGap[]): boolean {
  const isLater = ({ local_timestamp: at = 0 }: StoredGap) => at > (gap.local_timestamp ?? 0);
  const isSameFeed = ({ symbol, channel }: StoredGap) => symbol === gap.symbol && channel === gap.channel;
  const repairs = gaps.filter((other) => !other.missing && isSameFeed(other) && isLater(other));
  let reached = gap.from_timestamp;
  for (const { from_timestamp: from, until_timestamp: until } of repairs.sort((a, b) => a.from_timestamp - b.from_timestamp))
    if (from <= reached) reached = Math.max(reached, until + 1);
  return reached > gap.until_timestamp;
}

/** Whether a gap says that what happened at `time` (ms) is missing or was fetched. */
export function covers({ from_timestamp: from, until_timestamp: until }: StoredGap, time: number): boolean {
  return from <= time * 1_000 && time * 1_000 <= until;
}
