import type { BookMessage, TextLevel } from '../../model/book-message.js';
import { compareLongs, finite, long } from '../../model/numbers.js';
import { fromMilliseconds } from '../../model/time.js';
import type { Push } from './envelope.js';
import { unexpected } from './fields.js';

/** Levels per side of the feeds that only send whole top-N books. */
export const TOP_LEVELS: ReadonlyMap<unknown, number> = new Map([
  ['books1', 1],
  ['books5', 5],
  ['books15', 15],
  ['books50', 50],
]);

/** One book row as v2 spells it. */
export type BookValues = {
  readonly bids?: unknown;
  readonly asks?: unknown;
  readonly seq?: unknown;
  readonly pseq?: unknown;
  readonly checksum?: unknown;
  readonly ts?: unknown;
};

type Sequences = Pick<BookMessage, 'sequence' | 'previousSequence' | 'checksum'>;

/** Maps the book rows of one connection. */
export class BookRows {
  /** Sequences of snapshots whose first update has not come yet, by market and symbol. */
  readonly #snapshots = new Map<string, string>();

  /** Returns the message, or the reason why the row is none. `topLevels` is undefined on the feed with deltas. */
  map(push: Push, symbol: string, topLevels: number | undefined, values: BookValues): BookMessage | string {
    const isSnapshot = push.action === 'snapshot';
    if (topLevels !== undefined && !isSnapshot) return unexpected('book', 'action', 'snapshot on a top-N feed', push.action);
    const timestamp = fromMilliseconds(values.ts) ?? push.timestamp;
    if (timestamp === undefined) return unexpected('book', 'ts', 'milliseconds', values.ts);
    const { bids, asks } = values;
    if (!isLevels(bids)) return unexpected('book', 'bids', 'levels of decimal texts', bids);
    if (!isLevels(asks)) return unexpected('book', 'asks', 'levels of decimal texts', asks);
    const sequences = sequencesOf(values, isSnapshot);
    if (typeof sequences === 'string') return sequences;
    const { sequence, checksum } = sequences;
    const { market } = push;
    const key = `${market} ${symbol}`;
    if (isSnapshot && topLevels === undefined && sequence !== undefined) this.#snapshots.set(key, sequence);
    const previousSequence = isSnapshot ? undefined : this.#joined(key, sequences);
    return {
      type: 'book_message',
      exchange: 'bitget',
      market,
      symbol,
      timestamp,
      action: isSnapshot ? 'snapshot' : 'delta',
      bids,
      asks,
      sequence,
      previousSequence,
      checksum,
      topLevels,
    };
  }

  /**
   * Updates are chained by `pseq`. A snapshot falls anywhere within its first update (`pseq` <= snapshot <= `seq`), and
   * amounts are absolute: that update then follows the snapshot, which the returned sequence says.
   */
  #joined(key: string, { sequence, previousSequence }: Sequences): string | undefined {
    const snapshot = this.#snapshots.get(key);
    if (snapshot === undefined) return previousSequence;
    this.#snapshots.delete(key);
    if (sequence === undefined || previousSequence === undefined) return previousSequence;
    const within = compareLongs(previousSequence, snapshot) <= 0 && compareLongs(snapshot, sequence) <= 0;
    return within && previousSequence !== '0' ? snapshot : previousSequence;
  }
}

/** Checksums count on updates alone: on snapshots they are 0, absent, or not documented to cover what was sent. */
function sequencesOf({ seq, pseq, checksum }: BookValues, isSnapshot: boolean): Sequences | string {
  const sequence = long(seq);
  if (sequence === undefined && seq !== undefined && seq !== null) return unexpected('book', 'seq', 'an integer', seq);
  if (isSnapshot) return { sequence };
  const previousSequence = long(pseq);
  if (previousSequence === undefined && pseq !== undefined && pseq !== null)
    return unexpected('book', 'pseq', 'an integer', pseq);
  const crc = checksum === undefined || checksum === null ? 0 : finite(checksum);
  if (!Number.isInteger(crc)) return unexpected('book', 'checksum', 'an integer', checksum);
  // Documented as signed 32 bits; the unsigned spelling of the same bits becomes the same number.
  const signed = (crc as number) | 0;
  return { sequence, previousSequence, checksum: signed === 0 ? undefined : signed };
}

function isLevels(side: unknown): side is TextLevel[] {
  if (!Array.isArray(side)) return false;
  for (const level of side) {
    if (!Array.isArray(level) || !isDecimal(level[0]) || !isDecimal(level[1])) return false;
  }
  return true;
}

/** Book frames carry hundreds of texts, all plain decimals: a loop over the characters is the cheapest exact check. */
function isDecimal(text: unknown): boolean {
  if (typeof text !== 'string') return false;
  let digits = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 48 && code <= 57) digits++;
    else if (code !== 46) return false;
  }
  return digits > 0 && digits >= text.length - 1;
}
