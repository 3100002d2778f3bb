import type { HistoryQuery, HistoryRecord, HistoryType } from '../exchanges/history.js';
import { historyOf } from '../exchanges/history.js';
import type { Span } from '../model/span.js';
import { DAY, HOUR, SECOND } from '../model/time.js';
import { type FetchedPage, fetchHistory } from './fetch.js';
import type { RestClient } from './rest-client.js';
import type { Topic } from './topic.js';

/** A page of records, and the spans that are proven complete by it and the pages before it. */
export type ProvenPage = {
  readonly records: readonly HistoryRecord[];
  readonly rejected: readonly string[];
  readonly covered: readonly Span[];
};

type Edge = {
  readonly span: Span;
  /** When the symbol was listed (microseconds). */
  readonly launch: number | undefined;
};

type FetchOptions = { readonly client: RestClient; readonly now: () => number };

/**
 * How far before a span the records are looked for that prove its older end, one attempt after the other (microseconds). Bars
 * come at known times and need none.
 */
const LOOK_BACKS: Partial<Record<HistoryType, readonly [number, ...number[]]>> = {
  trade: [DAY, 5 * DAY],
  funding: [3 * DAY, 30 * DAY],
  open_interest: [HOUR, 7 * DAY],
};

/** The newest record of an attempt must be one that the attempt before it has: what is between is fetched twice. */
const OVERLAP = SECOND;

/**
 * Yields the pages of a query that answer a span, newest first.
 *
 * An endpoint that lags or fails answers with an empty or a short list, and the records that it lacks would be missing for
 * good: a span that counts as fetched is never asked for again. So no empty answer covers anything. The older end of a span
 * is complete when the lists lead, without an empty one, to a record from before the span. A further attempt begins at the
 * oldest record so far and looks back further. Of a symbol that was listed within the span, there is no older record: there,
 * an empty answer to every attempt is believed.
 */
export async function* fetchToOlderEdge(
  query: HistoryQuery & Topic,
  edge: Edge,
  options: FetchOptions,
): AsyncGenerator<ProvenPage> {
  const lookBacks = LOOK_BACKS[query.type];
  if (!lookBacks) return yield* barPages(query, options);
  const { kind } = historyOf(query.exchange).reach(query.type, query.market, undefined, options.now());
  const attempts = kind === 'newest' ? lookBacks.slice(0, 1) : lookBacks;
  let oldest: number | undefined;
  for (const [attempt, lookBack] of attempts.entries()) {
    const until = oldest === undefined ? query.until : Math.min(query.until, oldest + OVERLAP);
    const asked = { ...query, from: query.from - lookBack, until };
    const trust = attempt === attempts.length - 1 && edge.launch !== undefined && edge.span.from <= edge.launch;
    for await (const page of attemptPages(asked, { near: oldest, trust }, options)) {
      yield page;
      const since = Math.min(...page.covered.map(({ from }) => from));
      if (since <= edge.span.from) return;
      if (Number.isFinite(since)) oldest = Math.min(oldest ?? since, since);
    }
  }
}

/** `near`: the oldest record so far, which an attempt must meet; `trust`: whether an empty answer is believed. */
type Attempt = { readonly near: number | undefined; readonly trust: boolean };

async function* attemptPages(
  query: HistoryQuery & Topic,
  { near, trust }: Attempt,
  { client, now }: FetchOptions,
): AsyncGenerator<ProvenPage> {
  let isWhole = true;
  let isAfterShort = false;
  /** Where an attempt does not meet the oldest record so far, it is complete only up to its own newest one. */
  let until = near === undefined ? Number.POSITIVE_INFINITY : undefined;
  for await (const page of fetchHistory(client, query.exchange, query, now, { confirmsEmpty: true })) {
    isWhole &&= page.rejected.length === 0 && (!isAfterShort || page.isEmpty);
    isAfterShort = page.isShort && !page.last;
    until ??= newestOf(page);
    const isProven = isWhole && (!page.isEmpty || trust) && until !== undefined;
    const covered = isProven && page.covered ? [clipped(page.covered, reached(until, near))] : [];
    yield { records: page.records, rejected: page.rejected, covered };
    if (page.isEmpty && !page.last && !trust) return;
  }
}

function reached(until: number | undefined, near: number | undefined): number {
  return until === undefined || (near !== undefined && until >= near - OVERLAP) ? Number.POSITIVE_INFINITY : until;
}

function clipped({ from, until }: Span, end: number): Span {
  return { from, until: Math.min(until, end) };
}

function newestOf({ records }: FetchedPage): number | undefined {
  return records.at(-1)?.timestamp;
}

/** Yields the pages of bars. An unreadable row may be any record: its chain is not covered, and the next run fetches it again. */
async function* barPages(query: HistoryQuery & Topic, { client, now }: FetchOptions): AsyncGenerator<ProvenPage> {
  let isWhole = true;
  for await (const { records, rejected, covered } of fetchHistory(client, query.exchange, query, now, { confirmsEmpty: true })) {
    isWhole &&= rejected.length === 0;
    yield { records, rejected, covered: isWhole && covered ? [covered] : [] };
  }
}
