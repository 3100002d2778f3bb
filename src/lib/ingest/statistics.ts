import type { AnyRecord, RecordType } from '../model/records.js';

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
  /** Holes that remain, by channel. */
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
    if (record.type !== 'gap' || !record.missing) return;
    this.missingGaps += 1;
    this.gaps.set(record.channel, (this.gaps.get(record.channel) ?? 0) + 1);
  }

  /** Counts one more of a kind; returns true the first time, when it is worth a log line. */
  note(tally: Tally, kind: string): boolean {
    const name = tally.has(kind) || tally.size < MOST_KINDS ? kind : 'other kinds';
    const before = tally.get(name) ?? 0;
    tally.set(name, before + 1);
    return before === 0;
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
