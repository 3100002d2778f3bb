import type { HistoryQuery, HistoryRecord } from '../exchanges/history.js';
import { bucketStart } from '../model/interval.js';
import { compareTrades } from '../model/order.js';
import type { Gap } from '../model/records.js';
import { type Span, united, within, without } from '../model/span.js';
import { DAY, HOUR, MINUTE, SECOND } from '../model/time.js';
import { fetchHistory } from './fetch.js';
import { type FetchTask, spanOf } from './fetch-task.js';
import type { RestClient } from './rest-client.js';
import { keyOf, type StoredKeys } from './stored-keys.js';
import { barSize, CHANNEL_OF, type Topic } from './topic.js';

/** A row that is not a record, and why; `place` is its file and line. */
export type Rejection = { readonly reason: string; readonly place?: string };

/** A result of a fetch task: new records, the spans that are complete now, and repaired gaps. */
export type Delivery = {
  readonly topic: Topic;
  readonly records: readonly HistoryRecord[];
  /** Time of the earliest record of the answer, be it stored already; undefined without records. */
  readonly earliest?: number | undefined;
  readonly rejected: readonly Rejection[];
  /** All spans that the task has fetched completely so far. */
  readonly covered: readonly Span[];
  readonly repaired: readonly Gap[];
};

export type FetchTaskOptions = {
  readonly client: RestClient;
  /** Microseconds. */
  readonly now: () => number;
  /** Returns the keys of what is stored within a span. */
  readonly keys: (topic: Topic, span: Span) => Promise<StoredKeys>;
  /** Sort records by time: exchanges return the pages of one chain newest first. */
  readonly inOrder?: boolean | undefined;
};

/** The exchange may still add to its last minute: those records are emitted, and fetched again by the next run. */
const UNSETTLED = MINUTE;
/** Margin around a span: times may be whole seconds, and both ends must overlap known trades. */
const MARGIN = SECOND;

/**
 * Fetches the spans of a task and yields new records page by page, without stored records and open bars. Throws as
 * `fetchHistory`.
 */
export async function* runFetchTask(task: FetchTask, options: FetchTaskOptions): AsyncGenerator<Delivery> {
  const { topic, gaps } = task;
  const began = options.now();
  const seen = new Overlaps(gaps);
  let covered: Span[] = [];
  for (const span of partsOf(task, options.inOrder ? HOUR : DAY)) {
    const query = { ...topic, ...widened(topic, span, began) };
    const stored = await options.keys(topic, { from: query.from - 2 * MARGIN, until: query.until + 2 * MARGIN });
    seen.begin(stored);
    const pages = pagesOf(task, query, options);
    for await (const page of options.inOrder ? asOne(pages) : pages) {
      const records = page.records.filter((record) => seen.isNew(record, stored, span));
      covered = united([...covered, ...within(page.covered, [span])]);
      const rejected = page.rejected.map((reason) => ({ reason }));
      const earliest = earliestOf(page.records);
      yield { topic, records, earliest, rejected, covered: within(covered, settled(topic, began)), repaired: [] };
    }
  }
  const repaired = gaps.filter((gap) => isRepaired(task, gap, { covered, seen, began }));
  if (repaired.length > 0) yield { topic, records: [], rejected: [], covered: within(covered, settled(topic, began)), repaired };
}

function earliestOf(records: readonly HistoryRecord[]): number | undefined {
  let earliest: number | undefined;
  for (const { timestamp } of records) if (earliest === undefined || timestamp < earliest) earliest = timestamp;
  return earliest;
}

type Page = {
  readonly records: readonly HistoryRecord[];
  readonly rejected: readonly string[];
  readonly covered: readonly Span[];
};

/** Yields the pages of a query. An unreadable row may be any record: its chain is not covered, and the next run fetches it again. */
async function* pagesOf({ topic }: FetchTask, query: HistoryQuery, { client, now }: FetchTaskOptions): AsyncGenerator<Page> {
  let isWhole = true;
  for await (const { records, rejected, covered } of fetchHistory(client, topic.exchange, query, now, { confirmsEmpty: true })) {
    isWhole &&= rejected.length === 0;
    yield { records, rejected, covered: isWhole && covered ? [covered] : [] };
  }
}

async function* asOne(pages: AsyncGenerator<Page>): AsyncGenerator<Page> {
  const records: HistoryRecord[] = [];
  const rejected: string[] = [];
  const covered: Span[] = [];
  for await (const page of pages) {
    for (const record of page.records) records.push(record);
    rejected.push(...page.rejected);
    covered.push(...page.covered);
  }
  yield { records: records.sort(inTime), rejected, covered };
}

function inTime(a: HistoryRecord, b: HistoryRecord): number {
  return a.type === 'trade' && b.type === 'trade' ? compareTrades(a, b) : a.timestamp - b.timestamp;
}

/** Returns whether a record is in a span. For a trade with whole seconds, any overlap of its second counts. */
function isInside({ type, timestamp }: HistoryRecord, { from, until }: Span): boolean {
  if (type !== 'trade') return true;
  return timestamp < until && (timestamp % SECOND === 0 ? timestamp + SECOND > from : timestamp >= from);
}

/** Returns the spans that a task has not fetched, without the last minute or bar. */
export function remainder({ topic, spans }: FetchTask, covered: readonly Span[], began: number): Span[] {
  const size = barSize(topic) ?? 0;
  const due = size > 0 ? bucketStart(size, began - UNSETTLED) : began - UNSETTLED;
  return without(within(spans, [{ from: 0, until: due }]), covered);
}

/** Splits the spans of a task; only trades are numerous enough to need it. */
function partsOf({ topic, spans }: FetchTask, length: number): Span[] {
  if (topic.type !== 'trade') return [...spans];
  return spans.flatMap(({ from, until }) => {
    const parts: Span[] = [];
    for (let start = from; start < until; ) {
      const end = Math.min(until, (Math.floor(start / length) + 1) * length);
      parts.push({ from: start, until: end });
      start = end;
    }
    return parts;
  });
}

function widened({ type }: Topic, { from, until }: Span, now: number): Span {
  return type === 'trade' ? { from: from - MARGIN, until: Math.min(until + MARGIN, Math.max(until, now)) } : { from, until };
}

/** Returns the time up to which answers are final; bars show it themselves. */
function settled(topic: Topic, began: number): Span[] {
  return [{ from: 0, until: barSize(topic) === undefined ? began - UNSETTLED : Number.POSITIVE_INFINITY }];
}

type Fetched = { readonly covered: readonly Span[]; readonly seen: Overlaps; readonly began: number };

/**
 * Returns whether a gap is repaired.
 *
 * Trade ids are not contiguous on either exchange, so an answer that lacks trades looks like a complete one. A gap in trades
 * counts as repaired only if the fetched spans cover it and the fetched trades overlap the stored ones at both ends. Without
 * a stored trade at one end, as after a capture that was cut off, nothing can overlap: then the answer must reach beyond the
 * end, or the end must be old enough that the exchange adds nothing. Fetched candles are identical to lost or missed ones.
 * Captured rates and prices are finer than any history, so their gaps stay.
 */
function isRepaired({ topic: { type }, ends }: FetchTask, gap: Gap, { covered, seen, began }: Fetched): boolean {
  if (without([spanOf(gap)], covered).length > 0) return false;
  const near = ends?.get(gap);
  if (type !== 'trade') return type === 'candle' && (near !== undefined || gap.channel !== CHANNEL_OF.candle);
  const known = near ? { before: near.before !== undefined, after: near.after !== undefined } : seen.known(gap);
  if (known.before && !seen.hasBefore(gap.fromTimestamp)) return false;
  if (known.after) return seen.hasAfter(gap.untilTimestamp);
  return gap.untilTimestamp <= began - UNSETTLED || seen.latest >= gap.untilTimestamp;
}

/** Whether trades are stored directly before and after a gap. */
type Known = { before: boolean; after: boolean };

/** Separates new records from stored ones, and collects the times of fetched records that are stored. */
class Overlaps {
  readonly #known: ReadonlyMap<Gap, Known>;
  #met: number[] = [];
  #fresh = new Set<string | number>();
  /** New records of the previous span: stored by now, but not in the keys that were read before. */
  #before = new Set<string | number>();
  /** The time of the latest fetched record. */
  latest = 0;

  constructor(gaps: readonly Gap[]) {
    this.#known = new Map(gaps.map((gap) => [gap, { before: false, after: false }]));
  }

  /** Starts a span with the given stored keys. */
  begin(stored: StoredKeys): void {
    this.#before = this.#fresh;
    this.#fresh = new Set();
    const times = Float64Array.from(stored.values()).sort();
    for (const [{ fromTimestamp: from, untilTimestamp: until }, known] of this.#known) {
      known.before ||= hasWithin(times, from - MARGIN, from);
      known.after ||= hasWithin(times, until, until + MARGIN);
    }
  }

  known(gap: Gap): Known {
    return this.#known.get(gap) ?? { before: true, after: true };
  }

  /** Returns whether a record is new. A record outside of the span is never new, but may overlap a stored one. */
  isNew(record: HistoryRecord, stored: StoredKeys, span: Span): boolean {
    if (record.type === 'candle' && !record.closed) return false;
    this.latest = Math.max(this.latest, record.timestamp);
    const key = keyOf(record);
    if (this.#fresh.has(key) || this.#before.has(key)) return false;
    const at = stored.get(key);
    if (at !== undefined) this.#met.push(at);
    if (at !== undefined || !isInside(record, span)) return false;
    this.#fresh.add(key);
    return true;
  }

  hasBefore(time: number): boolean {
    return this.#met.some((at) => at <= time);
  }

  hasAfter(time: number): boolean {
    return this.#met.some((at) => at >= time);
  }
}

/** Returns whether sorted times have a value from `first` to `last`, inclusive. */
function hasWithin(times: Float64Array, first: number, last: number): boolean {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) < first) low = middle + 1;
    else high = middle;
  }
  return low < times.length && (times[low] as number) <= last;
}
