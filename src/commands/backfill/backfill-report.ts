import type { Summary } from '../../lib/cli/summary.js';
import type { BackfillListener } from '../../lib/history/backfill.js';
import type { FetchTask, UnavailableRange } from '../../lib/history/fetch-task.js';
import { beginsLate } from '../../lib/history/fetched-spans.js';
import type { Rejection } from '../../lib/history/run-fetch-task.js';
import { type Topic, topicName } from '../../lib/history/topic.js';
import { counted } from '../../lib/model/counted.js';
import type { Span } from '../../lib/model/span.js';
import { formatTime, SECOND, spokenDuration } from '../../lib/model/time.js';
import { spansText } from './plan-rows.js';

/** Maximum number of reasons that are listed; the rest is counted. */
const MOST_REASONS = 8;

/** Collects what a run could not fetch, so that the summary reports it once for all symbols. */
export class BackfillReport implements BackfillListener {
  readonly #unavailable = new Map<string, { topic: Topic; range: UnavailableRange; symbols: Set<string> }>();
  readonly #refused: string[] = [];
  readonly #unreachable: string[] = [];
  readonly #rejected = new Map<string, Rejection & { readonly topic: Topic; count: number }>();
  /** The earliest record of each topic. */
  readonly #earliest = new Map<string, number>();
  readonly #onProgress: (share: number) => void;

  constructor(onProgress: (share: number) => void = () => {}) {
    this.#onProgress = onProgress;
  }

  unavailable(topic: Topic, range: UnavailableRange): void {
    const key = [topic.exchange.id, topic.market, topic.type, topic.interval, range.note].join(' ');
    const known = this.#unavailable.get(key) ?? { topic, range, symbols: new Set() };
    known.symbols.add(topic.symbol);
    this.#unavailable.set(key, known);
  }

  refused(topic: Topic, reason: string): void {
    this.#refused.push(`${topicName(topic)}: ${reason}`);
  }

  unreachable(reason: string): void {
    this.#unreachable.push(reason);
  }

  rejected(topic: Topic, rows: readonly Rejection[]): void {
    for (const { reason, place } of rows) {
      const key = `${topicName(topic)} ${reason}`;
      const known = this.#rejected.get(key);
      if (known) known.count += 1;
      else this.#rejected.set(key, { topic, reason, ...(place === undefined ? {} : { place }), count: 1 });
    }
  }

  received(topic: Topic, earliest: number): void {
    const name = topicName(topic);
    this.#earliest.set(name, Math.min(this.#earliest.get(name) ?? earliest, earliest));
  }

  progress(share: number): void {
    this.#onProgress(share);
  }

  /** Returns what was requested and what the exchange gave, where that begins much later and nothing else says so. */
  shortfalls(tasks: readonly FetchTask[]): string[] {
    const said = new Set([...this.#unavailable.keys()]);
    const late = new Map<string, { first: string; symbols: number }>();
    for (const { topic, spans } of tasks) {
      const [span] = spans;
      const { exchange, market, type, interval } = topic;
      const series = [exchange.id, market, type, interval].join(' ');
      if (!span || [...said].some((key) => key.startsWith(series))) continue;
      const first = this.#earliest.get(topicName(topic)) ?? span.until;
      if (!beginsLate(topic, span.from, first)) continue;
      const known = late.get(series) ?? { first: shortfallText(topic, span, first), symbols: 0 };
      late.set(series, { ...known, symbols: known.symbols + 1 });
    }
    return [...late.values()].map(({ first, symbols }) =>
      symbols > 1 ? `${first}; likewise ${counted(symbols - 1, 'more symbol')}` : first,
    );
  }

  /** Fills the summary; `runs` is the number of histories to fetch. */
  summarize(summary: Summary, runs: number): void {
    for (const reason of this.#unreachable) summary.unreachable(reason);
    const unavailable = [...this.#unavailable.values()].map(({ topic, range, symbols }) => {
      const others = symbols.size > 1 ? ` and ${counted(symbols.size - 1, 'more symbol')}` : '';
      return `${topicName(topic)}${others}: ${spansText(range.spans)} is unavailable: ${range.note}`;
    });
    const rejected = [...this.#rejected.values()].map(({ topic, reason, place, count }) => {
      const where = place === undefined ? '' : ` (${count === 1 ? '' : 'first: '}${place})`;
      return `${topicName(topic)}: ${counted(count, 'row')} could not be read: ${reason}${where}`;
    });
    for (const reason of capped([...unavailable, ...rejected])) summary.incomplete(reason);
    const isAll = runs > 0 && this.#refused.length === runs;
    for (const reason of capped(this.#refused)) isAll ? summary.unreachable(reason) : summary.incomplete(reason);
  }
}

function shortfallText(topic: Topic, { from, until }: Span, first: number): string {
  const length = (time: number) => spokenDuration((until - time) / SECOND);
  const given = first >= until ? 'nothing' : `${length(first)}, from ${formatTime(first)} on`;
  return `${topicName(topic)}: asked for ${length(from)}, from ${formatTime(from)} on; the exchange gave ${given}`;
}

function capped(reasons: readonly string[]): string[] {
  if (reasons.length <= MOST_REASONS) return [...reasons];
  return [...reasons.slice(0, MOST_REASONS), `and ${counted(reasons.length - MOST_REASONS, 'more problem')}`];
}
