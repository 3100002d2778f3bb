import { buildGap } from '../../model/gap.js';
import type { AnyRecord, Market, Trade } from '../../model/records.js';
import { BoundedQueue } from '../../transport/bounded-queue.js';
import { channelOf } from '../selection.js';

/** Milliseconds between two batches: a hundred writes a second are as good as thousands, and cost a fraction. */
const BATCH_EVERY = 10;

/** Something that was dropped: its first and its last moment. */
type Hole = { readonly from: number; until: number; readonly isBook: boolean };

/** What the repair of trades has to do with what does not fit. */
export type QueueRepair = {
  /** Whether a trade comes out of a repair, which had it in memory: dropped, it would only be repaired again. */
  readonly gave: (trade: Trade) => boolean;
  /** Told of a trade that is dropped; returns whether it will come again. */
  readonly refetches: (trade: Trade) => boolean;
};

/**
 * The queue between the capture, which never waits, and the outputs, which may be slow. What does not fit is dropped feed
 * by feed, counted, and told by a `gap` (`overflow`) before the next record of that feed; deltas of a book resume with a
 * whole snapshot only. `gap` and `clock` are few and are kept: a dropped `gap` becomes part of the hole.
 */
export class RecordQueue {
  readonly #queue: BoundedQueue<AnyRecord>;
  readonly #holes = new Map<string, Hole>();
  readonly #onOverflow: (record: AnyRecord) => void;
  readonly #repair: QueueRepair | undefined;
  #dropped = 0;
  #gaps = 0;
  #isEnding = false;
  /** Greatest `local_timestamp` that was let through. */
  #last = 0;

  /**
   * `onOverflow` is told of the first record of every hole. A trade that will come again is neither a hole nor counted;
   * what a repair gives is kept, or it would undo itself: its amount is bounded before.
   */
  constructor(limit: number, onOverflow: (record: AnyRecord) => void, repair?: QueueRepair) {
    this.#queue = new BoundedQueue(limit);
    this.#onOverflow = onOverflow;
    this.#repair = repair;
  }

  get length(): number {
    return this.#queue.length;
  }

  get limit(): number {
    return this.#queue.limit;
  }

  get peak(): number {
    return this.#queue.peak;
  }

  /** Records dropped, and holes told of. */
  get dropped(): number {
    return this.#dropped;
  }

  get gaps(): number {
    return this.#gaps;
  }

  push(records: readonly AnyRecord[]): void {
    for (const record of records) this.#add(record);
  }

  /**
   * Takes the last records of a run. None is dropped: nothing that was would come again, and what repairs still hold is in
   * memory already.
   */
  finish(records: readonly AnyRecord[]): void {
    this.#isEnding = true;
    this.push(records);
  }

  /** Books whose deltas wait for a whole snapshot that nobody will send unasked, once there is room for it. */
  get brokenBooks(): { exchange: string; market: string; symbol: string }[] {
    if (this.#holes.size === 0 || this.#queue.length > this.#queue.limit / 2) return [];
    return [...this.#holes]
      .filter(([, { isBook }]) => isBook)
      .map(([key]) => {
        const [exchange = '', market = '', , symbol = ''] = key.split(' ');
        return { exchange, market, symbol };
      });
  }

  /** Closes the holes that are open and lets the reader come to its end. */
  close(failure?: unknown): void {
    for (const [key, hole] of this.#holes) this.#tell(key, hole, hole.until);
    this.#queue.close(failure);
  }

  batches(): AsyncGenerator<readonly AnyRecord[]> {
    return this.#queue.batches(BATCH_EVERY);
  }

  #add(record: AnyRecord): void {
    if (record.type === 'clock') {
      this.#queue.push(record, this.#queue.length < 2 * this.#queue.limit);
      return;
    }
    const isFull = this.#queue.isFull && !this.#isEnding;
    if ((this.#holes.size === 0 && !isFull) || this.#isOfRepair(record)) {
      this.#keep(record);
      return;
    }
    const key = keyOf(record);
    const hole = this.#holes.get(key);
    if (isFull || (hole?.isBook && !isWholeBook(record))) {
      this.#drop(record, key, hole);
      return;
    }
    if (hole) this.#tell(key, hole, record.timestamp);
    this.#keep(record);
  }

  /** A gap in trades that are repaired, or a trade that a repair gives. */
  #isOfRepair(record: AnyRecord): boolean {
    if (!this.#repair) return false;
    return record.type === 'trade' ? this.#repair.gave(record) : record.type === 'gap' && record.channel === 'trade';
  }

  /** A gap that was told here has taken a moment: what follows within the same microsecond comes one later. */
  #keep(record: AnyRecord): void {
    const { localTimestamp } = record;
    if (localTimestamp !== undefined && localTimestamp <= this.#last)
      (record as { localTimestamp?: number | undefined }).localTimestamp = this.#last + 1;
    this.#queue.push(record, true);
    this.#last = record.localTimestamp ?? this.#last;
  }

  #drop(record: AnyRecord, key: string, hole: Hole | undefined): void {
    if (record.type === 'trade' && !hole && this.#repair?.refetches(record)) return;
    this.#dropped += 1;
    if (hole) {
      hole.until = Math.max(hole.until, record.timestamp);
      return;
    }
    const from = record.type === 'gap' ? record.fromTimestamp : record.timestamp;
    this.#holes.set(key, { from, until: record.timestamp, isBook: channelName(record) === 'book_delta' });
    this.#onOverflow(record);
  }

  #tell(key: string, { from }: Hole, until: number): void {
    this.#holes.delete(key);
    this.#gaps += 1;
    const [exchange = '', market, channel = '', symbol = ''] = key.split(' ');
    const series = { exchange, market: market as Market, symbol, channel };
    this.#queue.push(buildGap(series, { from, until, reason: 'overflow', localTimestamp: this.#last + 1 }), true);
    this.#last += 1;
  }
}

function keyOf(record: AnyRecord): string {
  const { exchange, market, symbol } = record as { exchange?: string; market?: string; symbol?: string };
  return `${exchange} ${market} ${channelName(record)} ${symbol}`;
}

function channelName(record: AnyRecord): string {
  if (record.type === 'gap') return record.channel;
  if (record.type === 'book_snapshot') return record.depth === undefined ? 'book_delta' : 'book';
  return record.type === 'book_delta' ? 'book_delta' : (channelOf(record.type) ?? record.type);
}

function isWholeBook(record: AnyRecord): boolean {
  return record.type === 'book_snapshot' && record.depth === undefined;
}
