import type { Summary } from '../../lib/cli/summary.js';
import type { BackfillListener } from '../../lib/history/backfill.js';
import type { UnavailableRange } from '../../lib/history/fetch-task.js';
import { type Topic, topicName } from '../../lib/history/topic.js';
import { counted } from '../../lib/model/counted.js';
import { spansText } from './plan-rows.js';

/** Maximum number of reasons that are listed; the rest is counted. */
const MOST_REASONS = 8;

/** Collects what a run could not fetch, so that the summary reports it once for all symbols. */
export class BackfillReport implements BackfillListener {
  readonly #unavailable = new Map<string, { topic: Topic; range: UnavailableRange; symbols: Set<string> }>();
  readonly #refused: string[] = [];
  readonly #unreachable: string[] = [];
  readonly #rejected = new Map<string, { count: number; reason: string }>();
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

  rejected(topic: Topic, reasons: readonly string[]): void {
    const known = this.#rejected.get(topicName(topic)) ?? { count: 0, reason: reasons[0] as string };
    this.#rejected.set(topicName(topic), { ...known, count: known.count + reasons.length });
  }

  progress(share: number): void {
    this.#onProgress(share);
  }

  /** Fills the summary; `runs` is the number of histories to fetch. */
  summarize(summary: Summary, runs: number): void {
    for (const reason of this.#unreachable) summary.unreachable(reason);
    const unavailable = [...this.#unavailable.values()].map(({ topic, range, symbols }) => {
      const others = symbols.size > 1 ? ` and ${counted(symbols.size - 1, 'more symbol')}` : '';
      return `${topicName(topic)}${others}: ${spansText(range.spans)} is unavailable: ${range.note}`;
    });
    const rejected = [...this.#rejected].map(([name, { count, reason }]) => {
      return `${name}: ${counted(count, 'row')} could not be read: ${reason}`;
    });
    for (const reason of capped([...unavailable, ...rejected])) summary.incomplete(reason);
    const isAll = runs > 0 && this.#refused.length === runs;
    for (const reason of capped(this.#refused)) isAll ? summary.unreachable(reason) : summary.incomplete(reason);
  }
}

function capped(reasons: readonly string[]): string[] {
  if (reasons.length <= MOST_REASONS) return [...reasons];
  return [...reasons.slice(0, MOST_REASONS), `and ${counted(reasons.length - MOST_REASONS, 'more problem')}`];
}
