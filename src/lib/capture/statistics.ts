import type { AnyRecord, Gap, RecordType } from '../model/records.js';

type Tally = Map<string, number>;

/** Kinds told apart in a tally: garbage must not grow the memory. */
const MOST_KINDS = 100;

/** What a run has seen; counts only. `problems` are the kinds of trouble by their first words, each with a count. */
export class Statistics {
  frames = 0;
  bytes = 0;
  /** Trades that were known already. */
  duplicates = 0;
  /** Trades from before the subscription, left out. */
  history = 0;
  /** Tape lines whose time lies before that of the line before. */
  unordered = 0;
  missingGaps = 0;
  /** Holes of an earlier run that could not be repaired: they are not of this one's making. */
  earlierGaps = 0;
  /** Trades that were fetched again, and the holes that they made whole. */
  repairedTrades = 0;
  repairedGaps = 0;
  /** Holes that were told as ones that remain, by channel; some are repaired later. */
  readonly gaps: Tally = new Map();
  readonly records = new Map<RecordType, number>();
  readonly unknown: Tally = new Map();
  readonly silent: Tally = new Map();
  readonly refused: Tally = new Map();
  readonly rejected: Tally = new Map();
  readonly broken: Tally = new Map();
  /** What book messages did, by outcome; those that changed a book as they should are not listed. */
  readonly books: Tally = new Map();

  count(record: AnyRecord): void {
    this.records.set(record.type, (this.records.get(record.type) ?? 0) + 1);
    if (record.type === 'gap') this.#countGap(record, 1);
  }

  /** Takes a hole back that was told as one that remains: `gap`, which is told in its place, knows better. */
  withdraw(gap: Gap): void {
    this.#countGap({ ...gap, repaired: 0, missing: true }, -1);
  }

  /**
   * Counts one more of a kind, which is what was expected; what was found instead differs from case to case. Returns true
   * the first time, when it is worth a log line.
   */
  note(tally: Tally, reason: string): boolean {
    const kind = reason.replace(/, was .*$/s, '');
    const name = tally.has(kind) || tally.size < MOST_KINDS ? kind : 'other kinds';
    const before = tally.get(name) ?? 0;
    tally.set(name, before + 1);
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

  /** Whether something that should have become a record did not, or a hole remains: exit 3. */
  get incomplete(): boolean {
    return this.missingGaps > 0 || this.rejected.size > 0 || this.broken.size > 0;
  }
}

/** Returns the sum of a tally. */
export function total(tally: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of tally.values()) sum += count;
  return sum;
}
