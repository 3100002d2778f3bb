import type { BookMessage, TextLevel } from '../../model/book-message.js';
import { finite, long } from '../../model/numbers.js';
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
type BookValues = {
  readonly bids?: unknown;
  readonly asks?: unknown;
  readonly seq?: unknown;
  readonly pseq?: unknown;
  readonly checksum?: unknown;
  readonly ts?: unknown;
};

type Sequences = Pick<BookMessage, 'sequence' | 'previousSequence' | 'checksum'>;

/**
 * Returns the message of a row, or the reason why it is none. `topLevels` is undefined on the feed with deltas. Levels
 * must be pairs of texts; whether they are numbers is for the book to judge, which then breaks at the right symbol.
 */
export function parseBook(push: Push, symbol: string, topLevels: number | undefined, row: BookValues): BookMessage | string {
  const isSnapshot = push.action === 'snapshot';
  if (topLevels !== undefined && !isSnapshot) return unexpected('book', 'action', 'snapshot on a top-N feed', push.action);
  const timestamp = fromMilliseconds(row.ts) ?? push.timestamp;
  if (timestamp === undefined) return unexpected('book', 'ts', 'milliseconds', row.ts);
  const { bids, asks } = row;
  if (!isLevels(bids)) return unexpected('book', 'bids', 'pairs of texts', bids);
  if (!isLevels(asks)) return unexpected('book', 'asks', 'pairs of texts', asks);
  const sequences = parseSequences(row, isSnapshot);
  if (typeof sequences === 'string') return sequences;
  const { sequence, previousSequence, checksum } = sequences;
  return {
    type: 'book_message',
    exchange: 'bitget',
    market: push.market,
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

/** Checksums count on updates alone: on snapshots they are 0, absent, or not documented to cover what was sent. */
function parseSequences({ seq, pseq, checksum }: BookValues, isSnapshot: boolean): Sequences | string {
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
    if (!Array.isArray(level) || typeof level[0] !== 'string' || typeof level[1] !== 'string') return false;
  }
  return true;
}
