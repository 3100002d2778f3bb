import { historyOf, type Reach } from '../exchanges/history.js';
import { bucketStart } from '../model/interval.js';
import type { Gap } from '../model/records.js';
import { lengthOf, type Span, united, within, without } from '../model/span.js';
import { MINUTE } from '../model/time.js';
import type { Ends, StoredSpans } from './stored-spans.js';
import { barSize, type RequestedRange, type Topic } from './topic.js';

/** Requested spans that no endpoint serves, and the reason. */
export type UnavailableRange = { readonly spans: readonly Span[]; readonly note: string };

/** The spans to fetch of one topic. */
export type FetchTask = {
  readonly topic: Topic;
  /** Spans to fetch, in order. */
  readonly spans: readonly Span[];
  /** Recorded gaps that the task may repair. */
  readonly gaps: readonly Gap[];
  /** Stored trades next to the gaps of lost trades. */
  readonly ends?: ReadonlyMap<Gap, Ends> | undefined;
  readonly unavailable: readonly UnavailableRange[];
  /** When the symbol was listed (microseconds); undefined where nobody says so. */
  readonly launch?: number | undefined;
  /** A warning for the whole task: the endpoint serves only the newest records. */
  readonly note?: string | undefined;
  readonly requests: number;
  /** Whether more requests may be needed, depending on the answers. */
  readonly atLeast: boolean;
};

/** Context of the planner. */
type PlanContext = {
  /** Microseconds. */
  readonly now: number;
  readonly stored: StoredSpans;
};

/** While a capture runs, the last minute is not fetched: its records may still be on their way into the store. */
const IN_FLIGHT = MINUTE;

/** Returns the fetch task for a requested range, with the parts that are unavailable. */
export function planFetchTask(range: RequestedRange, context: PlanContext): FetchTask {
  const { spans: asked, isForced, launch, ...topic } = range;
  const { now, stored } = context;
  const history = historyOf(topic.exchange);
  const reach = history.reach(topic.type, topic.market, topic.interval, now);
  const due = isForced ? united(asked) : without(asked, stored.known(topic));
  const ends = new Map(lostGapsIn(stored.gaps(topic), due).map((gap) => [gap, stored.ends(gap)]));
  const wanted = united([...due, ...[...ends].map(([gap, near]) => withOverlap(topic, gap, near))]);
  const missing = within(inWholeBars(wanted, topic), [{ from: 0, until: stored.isCaptured(topic) ? now - IN_FLIGHT : now }]);
  const gaps = stored.gaps(topic).filter((gap) => within([spanOf(gap)], missing).length > 0);
  if (reach.kind === 'none') return { ...NOTHING, topic, gaps: [], unavailable: unavailableOf(missing, reach) };
  const since = reach.kind === 'since' ? reach.from : 0;
  const spans = within(missing, [{ from: since, until: now }]);
  const costs = spans.map((span) => history.cost({ ...topic, ...span }, now));
  return {
    topic,
    spans,
    gaps,
    ends,
    launch,
    unavailable: unavailableOf(without(missing, spans), reach),
    note: reach.kind === 'newest' && spans.length > 0 ? reach.note : undefined,
    requests: costs.reduce((sum, { requests }) => sum + requests, 0),
    atLeast: costs.some(({ atLeast }) => atLeast),
  };
}

const NOTHING = { spans: [], requests: 0, atLeast: false };

function unavailableOf(spans: readonly Span[], { note }: Reach): UnavailableRange[] {
  return lengthOf(spans) > 0 ? [{ spans, note }] : [];
}

function lostGapsIn(gaps: readonly Gap[], spans: readonly Span[]): Gap[] {
  return gaps.filter((gap) => gap.reason === 'lost' && within([spanOf(gap)], spans).length > 0);
}

/**
 * Returns the span to fetch for a gap of lost records. Trades around the gap are fetched as well: a repair is complete only
 * when fetched trades overlap stored ones at both ends. Bars are fetched whole.
 */
function withOverlap(topic: Topic, gap: Gap, { before, after }: Ends): Span {
  const { from, until } = spanOf(gap);
  const size = barSize(topic);
  if (size !== undefined) return { from: bucketStart(size, from), until: bucketStart(size, until - 1) + size };
  return { from: Math.min(from, before ?? from), until: Math.max(until, (after ?? 0) + 1) };
}

/** Returns the whole bars in spans: part of a bar cannot be fetched. */
function inWholeBars(spans: readonly Span[], topic: Topic): Span[] {
  const size = barSize(topic);
  if (size === undefined) return [...spans];
  return united(spans.map(({ from, until }) => ({ from: bucketStart(size, from - 1) + size, until: bucketStart(size, until) })));
}

/** Returns from when on a task was requested, undefined if it is complete already. */
export function requestedFrom({ spans, unavailable }: FetchTask): number | undefined {
  const starts = [...spans, ...unavailable.flatMap((range) => range.spans)].map(({ from }) => from);
  return starts.length === 0 ? undefined : Math.min(...starts);
}

export function spanOf({ fromTimestamp: from, untilTimestamp: until }: Gap): Span {
  return { from, until: Math.max(until, from + 1) };
}
