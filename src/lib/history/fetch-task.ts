import { historyOf, type Reach, type Span } from '../exchanges/history.js';
import { bucketStart } from '../model/interval.js';
import type { Gap } from '../model/records.js';
import { MINUTE } from '../model/time.js';
import { lengthOf, united, within, without } from './spans.js';
import type { Ends, StoredSpans } from './stored-spans.js';
import { barSize, type RequestedRange, type Topic } from './topic.js';

/** Something wanted that no request will give, and why. */
export type UnavailableRange = { readonly spans: readonly Span[]; readonly note: string };

/** What will be fetched of one topic. */
export type FetchTask = {
  readonly topic: Topic;
  /** What is fetched, in order. */
  readonly spans: readonly Span[];
  /** The recorded gaps that this may repair. */
  readonly gaps: readonly Gap[];
  /** What is known next to those of lost trades. */
  readonly ends?: ReadonlyMap<Gap, Ends> | undefined;
  readonly unavailable: readonly UnavailableRange[];
  /** A warning that holds for all of it: only the newest records can be had. */
  readonly note?: string | undefined;
  readonly requests: number;
  /** Whether more requests may be needed: how many depends on what comes. */
  readonly atLeast: boolean;
};

/** What the planner knows beside the exchange. */
export type PlanContext = {
  /** Microseconds. */
  readonly now: number;
  readonly stored: StoredSpans;
};

/** Of what is being captured, the last minute is left to that: it may be on its way into the store. */
const IN_FLIGHT = MINUTE;

/** Returns what has to be fetched for a requested range, and what cannot be had. */
export function planFetchTask(range: RequestedRange, context: PlanContext): FetchTask {
  const { spans: asked, isForced, ...topic } = range;
  const { now, stored } = context;
  const history = historyOf(topic.exchange);
  const reach = history.reach(topic.type, topic.market, topic.interval, now);
  const due = isForced ? united(asked) : without(asked, stored.known(topic));
  const ends = new Map(lostWithin(stored.gaps(topic), due).map((gap) => [gap, stored.ends(gap)]));
  const wanted = united([...due, ...[...ends].map(([gap, near]) => reachingOut(topic, gap, near))]);
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

function lostWithin(gaps: readonly Gap[], spans: readonly Span[]): Gap[] {
  return gaps.filter((gap) => gap.reason === 'lost' && within([spanOf(gap)], spans).length > 0);
}

/** What was lost is fetched with what is known at both ends, so that these can be met; bars are fetched whole. */
function reachingOut(topic: Topic, gap: Gap, { before, after }: Ends): Span {
  const { from, until } = spanOf(gap);
  const size = barSize(topic);
  if (size !== undefined) return { from: bucketStart(size, from), until: bucketStart(size, until - 1) + size };
  return { from: Math.min(from, before ?? from), until: Math.max(until, (after ?? 0) + 1) };
}

/** A bar is there or not: of one that is cut, nothing is wanted. */
function inWholeBars(spans: readonly Span[], topic: Topic): Span[] {
  const size = barSize(topic);
  if (size === undefined) return [...spans];
  return united(spans.map(({ from, until }) => ({ from: bucketStart(size, from - 1) + size, until: bucketStart(size, until) })));
}

export function spanOf({ fromTimestamp: from, untilTimestamp: until }: Gap): Span {
  return { from, until: Math.max(until, from + 1) };
}
