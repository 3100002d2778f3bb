import type { HistoryRecord } from '../exchanges/history.js';
import { bucketStart } from '../model/interval.js';
import { compareTrades } from '../model/order.js';
import type { Gap } from '../model/records.js';
import { type Span, united, within, without } from '../model/span.js';
import { DAY, HOUR, MINUTE, SECOND } from '../model/time.js';
import { LONGEST_LAG } from './fetch.js';
import { type FetchTask, spanOf } from './fetch-task.js';
import { fetchToOlderEdge, type ProvenPage } from './older-edge.js';
import type { RestClient } from './rest-client.js';
import { keyOf, type StoredKeys } from './stored-keys.js';
import { type Ends, NO_ENDS } from './stored-spans.js';
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
  for (const part of partsOf(task, options.inOrder ? HOUR : DAY)) {
    const span = seen.continued(part);
    const query = { ...topic, ...widened(topic, span, began) };
    const stored = await options.keys(topic, { from: span.from - 3 * MARGIN, until: span.until + 3 * MARGIN });
    seen.begin(stored, span);
    const pages = fetchToOlderEdge(query, { span, launch: task.launch }, options);
    for await (const page of options.inOrder ? asOne(pages) : pages) {
      const records = page.records.filter((record) => seen.isNew(record, stored));
      const known = part.isContinued ? within([span], [{ from: 0, until: seen.lastListed ?? 0 }]) : [span];
      covered = united([...covered, ...within(page.covered, known)]);
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

async function* asOne(pages: AsyncGenerator<ProvenPage>): AsyncGenerator<ProvenPage> {
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

/** Returns whether a record is in a span. For a trade with whole seconds, any overlap of its second counts. Bars are whole. */
function isInside({ type, timestamp }: HistoryRecord, { from, until }: Span): boolean {
  if (type === 'candle' || type === 'mark_price') return true;
  const isSecond = type === 'trade' && timestamp % SECOND === 0;
  return timestamp < until && (isSecond ? timestamp + SECOND > from : timestamp >= from);
}

/** Returns the spans that a task has not fetched, without the last minute or bar. */
export function remainder({ topic, spans }: FetchTask, covered: readonly Span[], began: number): Span[] {
  const size = barSize(topic) ?? 0;
  const due = size > 0 ? bucketStart(size, began - UNSETTLED) : began - UNSETTLED;
  return without(within(spans, [{ from: 0, until: due }]), covered);
}

/** A part of a span; `isContinued`: the next part begins where this one ends. */
type Part = Span & { readonly isContinued: boolean };

/** Splits the spans of a task; only trades are numerous enough to need it. */
function partsOf({ topic, spans }: FetchTask, length: number): Part[] {
  if (topic.type !== 'trade') return spans.map((span) => ({ ...span, isContinued: false }));
  return spans.flatMap(({ from, until }) => {
    const parts: Part[] = [];
    for (let start = from; start < until; ) {
      const end = Math.min(until, (Math.floor(start / length) + 1) * length);
      parts.push({ from: start, until: end, isContinued: end < until });
      start = end;
    }
    return parts;
  });
}

/** A range that ends within the last hour is asked for up to now: a list that lags is complete only up to a trade that it has. */
function widened({ type }: Topic, { from, until, isContinued }: Part, now: number): Span {
  if (type !== 'trade') return { from, until };
  const isRecent = !isContinued && until > now - LONGEST_LAG;
  return { from: from - MARGIN, until: Math.max(until, isRecent ? now : Math.min(until + MARGIN, now)) };
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
 * counts as repaired only if the fetched spans cover it and the answer has the last stored trade before it and the first one
 * after it: an answer that has an earlier trade and lacks this one may lack those of the gap, too. Without a stored trade at one
 * end, as after a capture that was cut off, there is none to find: then the answer must reach beyond the end, or the end must be
 * old enough that the exchange adds nothing. Fetched candles are identical to lost or missed ones. Captured rates and prices are
 * finer than any history, so their gaps stay.
 */
function isRepaired({ topic: { type }, ends }: FetchTask, gap: Gap, { covered, seen, began }: Fetched): boolean {
  if (without([spanOf(gap)], covered).length > 0) return false;
  const near = ends?.get(gap);
  if (type !== 'trade') return type === 'candle' && (near !== undefined || gap.channel !== CHANNEL_OF.candle);
  const { before, after } = near ?? seen.ends(gap);
  if (before !== undefined && !seen.met(before)) return false;
  if (after !== undefined) return seen.met(after);
  return gap.untilTimestamp <= began - UNSETTLED || seen.latest >= gap.untilTimestamp;
}

/** Separates new records from stored ones, and collects the times of fetched records that are stored. */
class Overlaps {
  /** The stored trades directly before and after the gaps. */
  readonly #ends: Map<Gap, Ends>;
  /** Times of stored records that were fetched again. */
  readonly #met = new Set<number>();
  /** Times of new records, by key. */
  #fresh = new Map<string | number, number>();
  /** New records of earlier spans that may come again: stored by now, but not in the keys that were read before. */
  #before = new Map<string | number, number>();
  #span: Span = { from: 0, until: 0 };
  /** The time of the latest fetched record. */
  latest = 0;
  /** The time of the latest record that was fetched for the current span. */
  lastListed: number | undefined;

  constructor(gaps: readonly Gap[]) {
    this.#ends = new Map(gaps.map((gap) => [gap, NO_ENDS]));
  }

  /**
   * Returns a part, begun at the last record of the part before it. A list may lack its newest records; the next part meets
   * that record again, or finds what is between.
   */
  continued(part: Part): Part {
    const { from, until } = this.#span;
    return until === part.from ? { ...part, from: Math.max(from, this.lastListed ?? from) } : part;
  }

  /** Starts a span with the given stored keys. */
  begin(stored: StoredKeys, span: Span): void {
    this.#span = span;
    this.lastListed = undefined;
    this.#before = new Map([...this.#before, ...this.#fresh].filter(([, time]) => time >= span.from - 2 * MARGIN));
    this.#fresh = new Map();
    const times = Float64Array.from(stored.values()).sort();
    for (const [gap, { before, after }] of this.#ends) {
      const { fromTimestamp: from, untilTimestamp: until } = gap;
      const last = times[placeOf(times, from + 1) - 1] ?? 0;
      const first = times[placeOf(times, until)] ?? Number.POSITIVE_INFINITY;
      this.#ends.set(gap, {
        before: last >= from - MARGIN ? Math.max(last, before ?? 0) : before,
        after: first <= until + MARGIN ? Math.min(first, after ?? first) : after,
      });
    }
  }

  ends(gap: Gap): Ends {
    return this.#ends.get(gap) ?? NO_ENDS;
  }

  /** Returns whether a record is new. A record outside of the span is never new, but may overlap a stored one. */
  isNew(record: HistoryRecord, stored: StoredKeys): boolean {
    if (record.type === 'candle' && !record.closed) return false;
    this.latest = Math.max(this.latest, record.timestamp);
    const span = this.#span;
    if (record.timestamp >= span.from && record.timestamp < span.until)
      this.lastListed = Math.max(this.lastListed ?? 0, record.timestamp);
    const key = keyOf(record);
    if (this.#fresh.has(key) || this.#before.has(key)) return false;
    const at = stored.get(key);
    if (at !== undefined) this.#met.add(at);
    if (at !== undefined || !isInside(record, span)) return false;
    this.#fresh.set(key, record.timestamp);
    return true;
  }

  /** Returns whether a record that is stored with this time was fetched again. */
  met(time: number): boolean {
    return this.#met.has(time);
  }
}

/** Returns the index of the first of sorted times that is at least `time`. */
function placeOf(times: Float64Array, time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
