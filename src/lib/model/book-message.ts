import type { Market } from './records.js';
import type { Level } from './schema.js';

/** One level as the exchange wrote it. The texts are kept because checksums are computed over them. */
export type TextLevel = readonly [price: string, amount: string];

/** A level as text where a checksum may arrive, else as the numbers of its texts. */
export type BookLevel = TextLevel | Level;

/**
 * A message of a book channel before it is applied and checked. It never leaves the capture: the book keeper turns it
 * into `book_snapshot`, `book_delta` or `gap` records.
 */
export type BookMessage = {
  readonly type: 'book_message';
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  /** Microseconds, as `timestamp` of every record. */
  readonly timestamp: number;
  /** `snapshot` replaces the book, also in the middle of a stream; `delta` changes levels, amount 0 removes one. */
  readonly action: 'snapshot' | 'delta';
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
  /** Decimal text, exact beyond 2^53; absent where the channel has none. */
  readonly sequence?: string | undefined;
  /** The sequence that must precede a delta, by the exchange's own rule (Bybit: `u` − 1, Bitget: `pseq`). */
  readonly previousSequence?: string | undefined;
  /** Signed CRC32 to verify after this message, present only where the exchange sent one that counts. */
  readonly checksum?: number | undefined;
  /** Levels per side on channels that only ever send whole top-N snapshots (Bitget `books15`, Bybit `orderbook.1`). */
  readonly topLevels?: number | undefined;
  /** Levels per side that the exchange keeps on a channel with deltas, where it is limited (Bybit 50, 200, 1000). */
  readonly maxLevels?: number | undefined;
};
