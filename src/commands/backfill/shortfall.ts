import type { Summary } from '../../lib/cli/summary.js';
import type { BackfillListener } from '../../lib/history/backfill.js';
import type { Lack } from '../../lib/history/plan.js';
import { type Topic, topicName } from '../../lib/history/want.js';
import { counted, spansText } from './plan-rows.js';

/** Reasons that are told one by one; of more the number is told. */
const MOST_REASONS = 8;

/** Collects what a run could not get, so that the summary says it once for all symbols. */
export class Shortfall implements BackfillListener {
  readonly #lacks = new Map<string, { topic: Topic; lack: Lack; symbols: Set<string> }>();
  readonly #refused: string[] = [];
  readonly #unreachable: string[] = [];
  readonly #rejected = new Map<string, { count: number; reason: string }>();
  readonly #onProgress: (share: number) => void;

  constructor(onProgress: (share: number) => void = () => {}) {
    this.#onProgress = onProgress;
  }

  lacking(topic: Topic, lack: Lack): void {
    const key = [topic.exchange.id, topic.market, topic.type, topic.interval, lack.note].join(' ');
    const known = this.#lacks.get(key) ?? { topic, lack, symbols: new Set() };
    known.symbols.add(topic.symbol);
    this.#lacks.set(key, known);
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

  /** `runs` is the number of histories that were to be fetched. */
  summarize(summary: Summary, runs: number): void {
    for (const reason of this.#unreachable) summary.unreachable(reason);
    const lacks = [...this.#lacks.values()].map(({ topic, lack, symbols }) => {
      const others = symbols.size > 1 ? ` and ${counted(symbols.size - 1, 'more symbol', 'more symbols')}` : '';
      return `${topicName(topic)}${others}: ${spansText(lack.spans)} cannot be had: ${lack.note}`;
    });
    const rejected = [...this.#rejected].map(([name, { count, reason }]) => {
      return `${name}: ${counted(count, 'row', 'rows')} could not be read: ${reason}`;
    });
    for (const reason of told([...lacks, ...rejected])) summary.incomplete(reason);
    const isAll = runs > 0 && this.#refused.length === runs;
    for (const reason of told(this.#refused)) isAll ? summary.unreachable(reason) : summary.incomplete(reason);
  }
}

function told(reasons: readonly string[]): string[] {
  if (reasons.length <= MOST_REASONS) return [...reasons];
  return [...reasons.slice(0, MOST_REASONS), `and ${reasons.length - MOST_REASONS} more such`];
}
