import type { BookMessage } from '../model/book-message.js';
import { compareLongs } from '../model/numbers.js';
import type { GapReason, Market } from '../model/records.js';
import { bookChecksum, CHECKSUM_LEVELS } from './checksum.js';
import { type Levels, numericLevels, OrderBook } from './order-book.js';
import { Sequencer } from './sequencer.js';

/** What breaks a book: a missed message, a checksum that differs, a bid at or above an ask, a level that is no level. */
export const BREAKS = ['sequence', 'checksum', 'crossed', 'refused'] as const;
export type Break = (typeof BREAKS)[number];

/**
 * What a message did to a book. `snapshot` and `delta` changed it. `repeated`: the state known already, sent again.
 * `stale`: a delta contained in the snapshot before it. `early`: a delta before any snapshot. `skipped`: a delta to a
 * broken book.
 */
export const OUTCOMES = ['snapshot', 'delta', 'repeated', 'stale', 'early', 'skipped', ...BREAKS] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What is missing from a book that cannot be trusted. */
export type Hole = {
  readonly reason: GapReason;
  readonly fromTimestamp: number;
  /** True where nothing was known before it: the stream begins with the snapshot that ends it. */
  readonly early: boolean;
};

function isBreak(outcome: Outcome): outcome is Break {
  return (BREAKS as readonly Outcome[]).includes(outcome);
}

const NOTHING: Levels = { bids: [], asks: [] };

/** The book of one symbol, and whether it can be trusted: from a snapshot on, until a message does not fit. */
export class TrackedBook {
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  /** Levels per side, on a channel of whole top-N snapshots. */
  topLevels: number | undefined;
  /** Of the last message applied. */
  timestamp = 0;
  sequence: string | undefined;
  hole: Hole | undefined;
  #trusted = false;
  #book = new OrderBook();
  #originals = false;
  #dropped = NOTHING;
  readonly #sequencer = new Sequencer();

  constructor({ exchange, market, symbol }: BookMessage) {
    this.exchange = exchange;
    this.market = market;
    this.symbol = symbol;
  }

  /** Whether nothing is missing since the last snapshot. */
  get isTrusted(): boolean {
    return this.#trusted;
  }

  top(limit?: number): Levels {
    return this.#book.top(limit);
  }

  /** Whether this book already contains what `message` of another feed of it tells, by sequence and time. */
  hasReached({ sequence, timestamp }: BookMessage): boolean {
    if (sequence === undefined || this.sequence === undefined) return this.timestamp >= timestamp;
    // A counter that restarted is small again: then only the time tells what came before.
    return sequence === this.sequence || (compareLongs(this.sequence, sequence) > 0 && this.timestamp >= timestamp);
  }

  /** Whether `message` of another feed of this book tells what this book contains, or more. */
  isReachedBy({ sequence, timestamp }: BookMessage): boolean {
    if (timestamp > this.timestamp) return true;
    if (sequence === undefined || this.sequence === undefined) return timestamp === this.timestamp;
    return compareLongs(sequence, this.sequence) >= 0;
  }

  /** Becomes what the messages of another feed lead to, a snapshot first. Returns `snapshot`, `repeated`, or what broke it. */
  restart(messages: readonly BookMessage[]): Outcome {
    let outcome: Outcome = 'repeated';
    for (const message of messages) {
      const each = this.apply(message);
      if (isBreak(each)) return each;
      if (each === 'snapshot') outcome = each;
    }
    return outcome;
  }

  /** Notes that what comes next may not follow what came last: until a snapshot the book is not to be trusted. */
  breakOff(reason: GapReason): void {
    this.#trusted = false;
    if (!this.hole || this.hole.early) this.hole = { reason, fromTimestamp: this.timestamp, early: false };
  }

  /** Applies a message. After a `sequence` break the book still holds the last good state, after other breaks it does not. */
  apply(message: BookMessage): Outcome {
    return message.action === 'snapshot' ? this.#replace(message) : this.#change(message);
  }

  /** Returns the changes a delta that was just applied made, those that `maxLevels` led to included. */
  changes({ bids, asks }: BookMessage): Levels {
    const { bids: droppedBids, asks: droppedAsks } = this.#dropped;
    return { bids: [...numericLevels(bids), ...droppedBids], asks: [...numericLevels(asks), ...droppedAsks] };
  }

  #replace(message: BookMessage): Outcome {
    if (this.#repeats(message)) return 'repeated';
    // Without a limit of levels a channel may be one with checksums, which are computed over the texts.
    const originals = message.checksum !== undefined || (message.topLevels ?? message.maxLevels) === undefined;
    if (originals !== this.#originals) this.#book = new OrderBook({ keepOriginals: originals });
    this.#originals = originals;
    this.topLevels = message.topLevels;
    this.#sequencer.restart(message.sequence);
    const broken = this.#settle(message, this.#book.replace(message.bids, message.asks));
    if (broken) return broken;
    this.#trusted = true;
    return 'snapshot';
  }

  #change(message: BookMessage): Outcome {
    if (!this.#trusted) return this.#ignore(message);
    const continuity = this.#sequencer.follow(message.sequence, message.previousSequence);
    if (continuity === 'stale') return 'stale';
    if (continuity === 'broken') return this.#break('sequence', message);
    return this.#settle(message, this.#book.change(message.bids, message.asks)) ?? 'delta';
  }

  /** Bybit sends the best level again when it has not changed for 3 s: the same sequence and engine time. */
  #repeats({ topLevels, sequence, timestamp }: BookMessage): boolean {
    const same = sequence !== undefined && sequence === this.sequence && timestamp === this.timestamp;
    return this.#trusted && topLevels !== undefined && same;
  }

  #ignore({ timestamp }: BookMessage): Outcome {
    if (this.hole && !this.hole.early) return 'skipped';
    this.hole ??= { reason: 'sequence', fromTimestamp: timestamp, early: true };
    return 'early';
  }

  #settle(message: BookMessage, refused: string | undefined): Break | undefined {
    if (refused !== undefined) return this.#break('refused', message);
    this.#dropped = message.maxLevels === undefined ? NOTHING : this.#book.trim(message.maxLevels);
    if (message.checksum !== undefined && message.checksum !== this.#checksum()) return this.#break('checksum', message);
    if (this.#book.isCrossed) return this.#break('crossed', message);
    this.timestamp = message.timestamp;
    this.sequence = message.sequence;
    return undefined;
  }

  #checksum(): number {
    const { bids, asks } = this.#book.originals(CHECKSUM_LEVELS);
    return bookChecksum(bids, asks);
  }

  #break(cause: Break, { timestamp }: BookMessage): Break {
    this.#trusted = false;
    const reason = cause === 'checksum' ? 'checksum' : 'sequence';
    if (!this.hole || this.hole.early) this.hole = { reason, fromTimestamp: this.timestamp || timestamp, early: false };
    return cause;
  }
}
