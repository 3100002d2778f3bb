import type { AnyRecord, Gap, RecordType } from '../model/records.js';

type Counts = Map<string, number>;

/** Maximum of kinds counted apart: garbage must not grow the memory. */
const MOST_KINDS = 100;

/** Counts of a run. Kinds of trouble are keyed by their first words. */
export class Statistics {
  frames = 0;
  bytes = 0;
  /** Trades that were known. */
  duplicates = 0;
  /** Trades from before the subscription, skipped. */
  history = 0;
  /** Tape lines whose time is before that of the previous line. */
  unordered = 0;
  missingGaps = 0;
  /** Gaps since an earlier run that could not be repaired: this run did not cause them. */
  earlierGaps = 0;
  /** Trades that were fetched again, and the gaps that they closed. */
  repairedTrades = 0;
  repairedGaps = 0;
  /** Gaps reported with `missing: true`, by channel; some are repaired later. */
  readonly gaps: Counts = new Map();
  readonly records = new Map<RecordType, number>();
  readonly unknown: Counts = new Map();
  readonly silent: Counts = new Map();
  readonly refused: Counts = new Map();
  readonly rejected: Counts = new Map();
  readonly broken: Counts = new Map();
  /** Book messages by outcome, without those that changed a book as expected. */
  readonly books: Counts = new Map();

  count(record: AnyRecord): void {
    this.records.set(record.type, (this.records.get(record.type) ?? 0) + 1);
    if (record.type === 'gap') this.#countGap(record, 1);
  }

  /** Removes a reported gap from the counts: `gap` replaces it. */
  withdraw(gap: Gap): void {
    this.#countGap({ ...gap, repaired: 0, missing: true }, -1);
  }

  /**
   * Counts one more of a kind: the reason up to `, was`, because the value found differs from case to case. Returns true
   * the first time, when it is worth a log line.
   */
  note(counts: Counts, reason: string): boolean {
    const kind = reason.replace(/, was .*$/s, '');
    const name = counts.has(kind) || counts.size < MOST_KINDS ? kind : 'other kinds';
    const before = counts.get(name) ?? 0;
    counts.set(name, before + 1);
    return before === 0;
  }

  #countGap({ channel, reason, repaired, missing }: Gap, change: number): void {
    this.repairedTrades += repaired;
    if (!missing) this.repairedGaps += change;
    else if (reason === 'shutdown') this.earlierGaps += change;
    else {
      this.missingGaps += change;
      if (change > 0) this.gaps.set(channel, (this.gaps.get(channel) ?? 0) + change);
    }
  }

  /** Whether an input could not become a record, or a gap remains: exit 3. */
  get incomplete(): boolean {
    return this.missingGaps > 0 || this.rejected.size > 0 || this.broken.size > 0;
  }
}

/** Returns the sum of counts. */
export function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}
