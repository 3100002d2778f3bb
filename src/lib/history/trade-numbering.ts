import type { Trade } from '../model/records.js';
import type { ArchiveRow } from './archive-rows.js';

/** Rows that decide in which direction a file runs. */
const SAMPLE = 2_048;
/** Times whose number of trades is remembered, twice: older ones are forgotten, so that memory stays bounded. */
const REMEMBERED = 100_000;
/** Share of time changes in the sample that go back in a file that runs newest first. */
const BACKWARD = 0.9;

/** The time at an end of a file, and how many of its trades are numbered so far. */
export type EdgeTime = { readonly timestamp: number; readonly trades: number };

/**
 * Numbers the trades of an archive file that share a time.
 *
 * Archives of contracts have no sequence, and trades of one moment would be ordered by their UUID: a sweep through several
 * prices gets a random open and close. The position in the file is their order. So the first trade of a time gets the
 * `sequence` 0, the next one 1; a file that runs newest first is numbered backwards.
 */
export class TradeNumbering {
  #isNewestFirst: boolean | undefined;
  #sample: ArchiveRow[] = [];
  #group: ArchiveRow[] = [];
  #waiting: ArchiveRow[] = [];
  #counts = new Map<number, number>();
  #olderCounts: ReadonlyMap<number, number> = new Map();
  #last: EdgeTime | undefined;
  #head: EdgeTime | undefined;

  /** `before` is the last time of the file before this one: a file that begins with it continues it. */
  constructor(before?: EdgeTime | undefined) {
    if (before) this.#counts.set(before.timestamp, before.trades);
  }

  /** The last time of the file and its number of trades, undefined for a file that runs newest first. */
  get last(): EdgeTime | undefined {
    return this.#isNewestFirst ? undefined : this.#last;
  }

  /** The first time of a file that runs newest first and its number of trades: a newer part may end with that time. */
  get head(): EdgeTime | undefined {
    return this.#head;
  }

  /** Whether the file runs newest first, undefined where its rows do not show it. */
  get isNewestFirst(): boolean | undefined {
    if (this.#isNewestFirst !== undefined) return this.#isNewestFirst;
    return runsNewestFirst(this.#sample);
  }

  /** Takes rows in file order. Returns the rows that are numbered; others wait until the direction or their time is known. */
  add(rows: readonly ArchiveRow[]): ArchiveRow[] {
    if (this.#isNewestFirst !== undefined) return this.#number(rows);
    this.#sample.push(...rows);
    const isNewestFirst = this.#sample.length < SAMPLE ? undefined : runsNewestFirst(this.#sample);
    return isNewestFirst === undefined ? [] : this.#numberSample(isNewestFirst);
  }

  /**
   * Decides the direction, which is `isNewestFirst` where the rows do not show it. Returns the trades of the last time of a file
   * that runs newest first: an older part may begin with that time.
   */
  decide(isNewestFirst: boolean): readonly Trade[] {
    if (this.#isNewestFirst === undefined) this.#waiting.push(...this.#numberSample(this.isNewestFirst ?? isNewestFirst));
    return this.#group.map(({ trade }) => trade);
  }

  /**
   * Returns the rows that wait, after `decide`. Of a file that is cut off, the last time of a file that runs newest first is
   * dropped. `older`: how many trades of that time are in an older part.
   */
  end(isCut: boolean, older: number): ArchiveRow[] {
    const rows = this.#waiting;
    this.#waiting = [];
    return isCut || this.#group.length === 0 ? rows : [...rows, ...this.#closeGroup(older)];
  }

  #numberSample(isNewestFirst: boolean): ArchiveRow[] {
    this.#isNewestFirst = isNewestFirst;
    const rows = this.#sample;
    this.#sample = [];
    return this.#number(rows);
  }

  #number(rows: readonly ArchiveRow[]): ArchiveRow[] {
    if (!this.#isNewestFirst) return rows.map((row) => this.#numberForward(row));
    const numbered: ArchiveRow[] = [];
    for (const row of rows) {
      if (this.#group.length > 0 && this.#group[0]?.trade.timestamp !== row.trade.timestamp) numbered.push(...this.#closeGroup());
      this.#group.push(row);
    }
    return numbered;
  }

  #numberForward(row: ArchiveRow): ArchiveRow {
    const { timestamp, sequence } = row.trade;
    if (sequence !== undefined) return row;
    const position = this.#counts.get(timestamp) ?? this.#olderCounts.get(timestamp) ?? 0;
    this.#counts.set(timestamp, position + 1);
    this.#last = { timestamp, trades: position + 1 };
    if (this.#counts.size >= REMEMBERED) {
      this.#olderCounts = this.#counts;
      this.#counts = new Map();
    }
    return withSequence(row, position);
  }

  #closeGroup(older = 0): ArchiveRow[] {
    const group = this.#group;
    this.#group = [];
    this.#head ??= { timestamp: group[0]?.trade.timestamp as number, trades: older + group.length };
    return group.map((row, at) => withSequence(row, older + group.length - 1 - at));
  }
}

function withSequence({ trade, line }: ArchiveRow, position: number): ArchiveRow {
  return { trade: { ...trade, sequence: String(position) }, line };
}

/** Returns whether rows run newest first, undefined where they do not show it. */
export function runsNewestFirst(rows: readonly ArchiveRow[]): boolean | undefined {
  const backward = backwardShare(rows);
  return backward === undefined ? undefined : backward >= BACKWARD;
}

/** Returns the share of time changes that go back, undefined when all rows share one time. */
function backwardShare(rows: readonly ArchiveRow[]): number | undefined {
  let [forward, backward] = [0, 0];
  for (let at = 1; at < rows.length; at++) {
    const change = (rows[at] as ArchiveRow).trade.timestamp - (rows[at - 1] as ArchiveRow).trade.timestamp;
    if (change > 0) forward += 1;
    if (change < 0) backward += 1;
  }
  return forward + backward === 0 ? undefined : backward / (forward + backward);
}
