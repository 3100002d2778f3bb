import type { AnyRecord } from '../../model/records.js';

/** Milliseconds between two lines: a queue that overflows does so for every symbol at once, and again when it has caught up. */
const AGAIN_AFTER = 10_000;

type Fate = 'dropped (gap overflow)' | 'left out, to be fetched again';

/** Gathers which feeds a full queue has cost records, and tells it in one line for all of them. */
export class OverflowNotice {
  readonly #limit: number;
  readonly #warn: (message: string) => void;
  readonly #feeds = new Map<string, Set<string>>();
  #told = Number.NEGATIVE_INFINITY;

  constructor(limit: number, warn: (message: string) => void) {
    this.#limit = limit;
    this.#warn = warn;
  }

  /** Notes the first record that did not fit of a feed. */
  note(record: AnyRecord, fate: Fate): void {
    const { type, exchange, market, symbol } = record as { type: string; exchange?: string; market?: string; symbol?: string };
    const what = `${type} records of # are ${fate}`;
    const feeds = this.#feeds.get(what) ?? new Set();
    this.#feeds.set(what, feeds.add(`${exchange} ${market} ${symbol}`));
  }

  /** Tells what has come together by `now`, milliseconds; not more often than every 10 s, unless it is the end. */
  tell(now: number, isEnd = false): void {
    if (this.#feeds.size === 0 || (now - this.#told < AGAIN_AFTER && !isEnd)) return;
    const parts = [...this.#feeds].map(([what, { size }]) => what.replace('#', size === 1 ? '1 symbol' : `${size} symbols`));
    this.#warn(`outputs are too slow: ${this.#limit} records wait; ${parts.join('; ')}`);
    this.#feeds.clear();
    this.#told = now;
  }
}
