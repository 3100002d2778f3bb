import { buildGap } from '../../model/gap.js';
import type { AnyRecord, Market, Trade } from '../../model/records.js';
import { BoundedQueue } from '../../transport/bounded-queue.js';
import { channelOf } from '../selection.js';

/** Milliseconds between two batches. Thousands of small writes a second would cost many times as much as a hundred. */
const BATCH_EVERY = 10;

/** Dropped records of one feed: the time of the first and of the last one. */
type Overflow = { readonly from: number; until: number; readonly isBook: boolean };

/** How trade repair handles records that do not fit. */
type QueueRepair = {
  /** Whether a trade was emitted by a repair. Dropping it would only start the repair again. */
  readonly isRepaired: (trade: Trade) => boolean;
  /** Called with a dropped trade; returns whether it will be fetched again. */
  readonly refetches: (trade: Trade) => boolean;
};

/**
 * The queue between the capture, which never waits, and the outputs, which may be slow. Records that do not fit are dropped
 * and counted by feed. A `gap` (`overflow`) precedes the next record of that feed; book deltas continue only after a whole
 * snapshot. `clock` records are kept. A `gap` that does not fit becomes part of the overflow gap.
 */
export class RecordQueue {
  readonly #queue: BoundedQueue<AnyRecord>;
  readonly #overflows = new Map<string, Overflow>();
  readonly #onOverflow: (record: AnyRecord) => void;
  readonly #repair: QueueRepair | undefined;
  #dropped = 0;
  #gaps = 0;
  #isEnding = false;
  /** Maximum `local_timestamp` that was queued. */
  #last = 0;

  /**
   * `onOverflow` is called with the first dropped record of a feed. A trade that will be fetched again is not counted.
   * Trades from a repair exceed the limit: dropping them would repeat the repair, and their number is bounded there.
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

  /** Dropped records. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Emitted overflow gaps. */
  get gaps(): number {
    return this.#gaps;
  }

  push(records: readonly AnyRecord[]): void {
    for (const record of records) this.#add(record);
  }

  /**
   * Queues the last records of a run. Nothing would fetch a dropped one again, and they are in memory already: none is
   * dropped.
   */
  finish(records: readonly AnyRecord[]): void {
    this.#isEnding = true;
    this.push(records);
  }

  /** Books whose deltas wait for a whole snapshot. The exchange sends none unless resubscribed; empty until there is room. */
  get booksToResubscribe(): { exchange: string; market: string; symbol: string }[] {
    if (this.#overflows.size === 0 || this.#queue.length > this.#queue.limit / 2) return [];
    return [...this.#overflows]
      .filter(([, { isBook }]) => isBook)
      .map(([key]) => {
        const [exchange = '', market = '', , symbol = ''] = key.split(' ');
        return { exchange, market, symbol };
      });
  }

  /** Emits the open overflow gaps and ends the batches. */
  close(failure?: unknown): void {
    for (const [key, overflow] of this.#overflows) this.#emitGap(key, overflow, overflow.until);
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
    if ((this.#overflows.size === 0 && !isFull) || this.#isRepair(record)) {
      this.#keep(record);
      return;
    }
    const key = keyOf(record);
    const overflow = this.#overflows.get(key);
    if (isFull || (overflow?.isBook && !isWholeBook(record))) {
      this.#drop(record, key, overflow);
      return;
    }
    if (overflow) this.#emitGap(key, overflow, record.timestamp);
    this.#keep(record);
  }

  /** Whether a record is a trade gap under repair, or a trade from a repair. */
  #isRepair(record: AnyRecord): boolean {
    if (!this.#repair) return false;
    return record.type === 'trade' ? this.#repair.isRepaired(record) : record.type === 'gap' && record.channel === 'trade';
  }

  /** An overflow gap takes a local timestamp of its own. A record of the same microsecond then gets the next one. */
  #keep(record: AnyRecord): void {
    const { localTimestamp } = record;
    if (localTimestamp !== undefined && localTimestamp <= this.#last)
      (record as { localTimestamp?: number | undefined }).localTimestamp = this.#last + 1;
    this.#queue.push(record, true);
    this.#last = record.localTimestamp ?? this.#last;
  }

  #drop(record: AnyRecord, key: string, overflow: Overflow | undefined): void {
    if (record.type === 'trade' && !overflow && this.#repair?.refetches(record)) return;
    this.#dropped += 1;
    if (overflow) {
      overflow.until = Math.max(overflow.until, record.timestamp);
      return;
    }
    const from = record.type === 'gap' ? record.fromTimestamp : record.timestamp;
    this.#overflows.set(key, { from, until: record.timestamp, isBook: channelName(record) === 'book_delta' });
    this.#onOverflow(record);
  }

  #emitGap(key: string, { from }: Overflow, until: number): void {
    this.#overflows.delete(key);
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

/** A full queue drops records of every symbol at once, and again after it has caught up: one line per this many milliseconds. */
const NOTICE_EVERY = 10_000;

/** What happens to records that do not fit. */
type Fate = 'dropped (gap overflow)' | 'dropped and fetched again';

/** Collects the feeds that lose records to a full queue, and logs them in one line. */
export class OverflowNotice {
  readonly #limit: number;
  readonly #warn: (message: string) => void;
  readonly #feeds = new Map<string, Set<string>>();
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(limit: number, warn: (message: string) => void) {
    this.#limit = limit;
    this.#warn = warn;
  }

  /** Adds the feed of a record that did not fit. */
  add(record: AnyRecord, fate: Fate): void {
    const { type, exchange, market, symbol } = record as { type: string; exchange?: string; market?: string; symbol?: string };
    const what = `${type} records of # ${fate}`;
    const feeds = this.#feeds.get(what) ?? new Set();
    this.#feeds.set(what, feeds.add(`${exchange} ${market} ${symbol}`));
  }

  /** Logs what was collected by `now` (ms), at most every 10 s unless `isEnd`. */
  log(now: number, isEnd = false): void {
    if (this.#feeds.size === 0 || (now - this.#loggedAt < NOTICE_EVERY && !isEnd)) return;
    const parts = [...this.#feeds].map(([what, { size }]) => what.replace('#', size === 1 ? '1 symbol' : `${size} symbols`));
    this.#warn(`outputs are too slow: ${this.#limit} records are waiting; ${parts.join('; ')}`);
    this.#feeds.clear();
    this.#loggedAt = now;
  }
}
