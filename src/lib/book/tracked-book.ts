import type { BookMessage } from '../model/book-message.js';
import { compareLongs } from '../model/numbers.js';
import type { GapReason, Market } from '../model/records.js';
import { bookChecksum, CHECKSUM_LEVELS } from './checksum.js';
import { type Levels, numericLevels, OrderBook } from './order-book.js';
import { Sequencer } from './sequencer.js';

/** Causes of a broken book: a missed message, a checksum that differs, a bid at or above an ask, an invalid level. */
const BREAKS = ['sequence', 'checksum', 'crossed', 'refused'] as const;
type Break = (typeof BREAKS)[number];

/**
 * Effects of a message on a book. `snapshot` and `delta` changed it. `repeated`: the known state, sent again. `stale`: a
 * delta contained in the snapshot before it. `early`: a delta before any snapshot. `skipped`: a delta to a broken book.
 */
export const OUTCOMES = ['snapshot', 'delta', 'repeated', 'stale', 'early', 'skipped', ...BREAKS] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The gap of a book that cannot be trusted. */
type BookGap = {
  readonly reason: GapReason;
  readonly fromTimestamp: number;
  /** Whether no snapshot precedes the gap: the book then begins with the snapshot that ends it, and no gap is emitted. */
  readonly isBeforeFirst: boolean;
};

function isBreak(outcome: Outcome): outcome is Break {
  return (BREAKS as readonly Outcome[]).includes(outcome);
}

const NONE: Levels = { bids: [], asks: [] };

/** The book of one symbol, trusted from a snapshot on until a message does not fit. */
export class TrackedBook {
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  /** Levels per side, on a channel of whole top-N snapshots. */
  topLevels: number | undefined;
  /** Of the last message applied. */
  timestamp = 0;
  sequence: string | undefined;
  gap: BookGap | undefined;
  #trusted = false;
  #book = new OrderBook();
  #originals = false;
  #dropped = NONE;
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

  /** Whether this book contains the state of `message`, which another feed of it delivered; by sequence and time. */
  hasReached({ sequence, timestamp }: BookMessage): boolean {
    if (sequence === undefined || this.sequence === undefined) return this.timestamp >= timestamp;
    // A counter that restarted is small again: then only the time shows the order.
    return sequence === this.sequence || (compareLongs(this.sequence, sequence) > 0 && this.timestamp >= timestamp);
  }

  /** Whether another feed of this book, whose last message is `message`, has reached the state of this book. */
  isReachedBy({ sequence, timestamp }: BookMessage): boolean {
    if (timestamp > this.timestamp) return true;
    if (sequence === undefined || this.sequence === undefined) return timestamp === this.timestamp;
    return compareLongs(sequence, this.sequence) >= 0;
  }

  /** Replaces the state by the messages of another feed, a snapshot first. Returns `snapshot`, `repeated` or the cause of a break. */
  restart(messages: readonly BookMessage[]): Outcome {
    let outcome: Outcome = 'repeated';
    for (const message of messages) {
      const each = this.apply(message);
      if (isBreak(each)) return each;
      if (each === 'snapshot') outcome = each;
    }
    return outcome;
  }

  /** Marks the book as broken until the next snapshot: the next message may not follow the last one. */
  breakOff(reason: GapReason): void {
    this.#trusted = false;
    if (!this.gap || this.gap.isBeforeFirst) this.gap = { reason, fromTimestamp: this.timestamp, isBeforeFirst: false };
  }

  /** Applies a message. After a `sequence` break the book still holds the last good state, after other breaks it does not. */
  apply(message: BookMessage): Outcome {
    return message.action === 'snapshot' ? this.#replace(message) : this.#change(message);
  }

  /** Returns the changes of the delta that was just applied, and the removals that `maxLevels` led to. */
  changes({ bids, asks }: BookMessage): Levels {
    const { bids: droppedBids, asks: droppedAsks } = this.#dropped;
    return { bids: [...numericLevels(bids), ...droppedBids], asks: [...numericLevels(asks), ...droppedAsks] };
  }

  #replace(message: BookMessage): Outcome {
    if (this.#repeats(message)) return 'repeated';
    // A channel without a limit of levels may have checksums, which are computed over the original texts.
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
    if (this.gap && !this.gap.isBeforeFirst) return 'skipped';
    this.gap ??= { reason: 'sequence', fromTimestamp: timestamp, isBeforeFirst: true };
    return 'early';
  }

  #settle(message: BookMessage, refused: string | undefined): Break | undefined {
    if (refused !== undefined) return this.#break('refused', message);
    this.#dropped = message.maxLevels === undefined ? NONE : this.#book.trim(message.maxLevels);
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
    if (!this.gap || this.gap.isBeforeFirst)
      this.gap = { reason, fromTimestamp: this.timestamp || timestamp, isBeforeFirst: false };
    return cause;
  }
}
