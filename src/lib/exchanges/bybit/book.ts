import type { BookLevel, BookMessage, TextLevel } from '../../model/book-message.js';
import type { Market } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import { type Fields, filled, isFields } from './fields.js';

/** Levels of the topics that can be subscribed, ascending. Level 1 sends snapshots only. */
export const BOOK_DEPTHS = [1, 50, 200, 1000] as const;

/** Levels of every topic of today and the past: 25 and 100 on options, 500 until 2025-09. */
const KNOWN_DEPTHS: ReadonlySet<string> = new Set(['1', '25', '50', '100', '200', '500', '1000']);

/** Returns the levels of `orderbook.{depth}.{symbol}`, undefined where `text` is no known depth. */
export function bookDepth(text: string): number | undefined {
  return KNOWN_DEPTHS.has(text) ? Number(text) : undefined;
}

/** What an `orderbook` frame says: `u`, `b` and `a` of its data, its symbol, `type` and times. */
type BookValues = {
  readonly type: unknown;
  readonly cts: unknown;
  readonly ts: unknown;
  readonly symbol: string | undefined;
  readonly u: unknown;
  readonly bids: readonly BookLevel[] | undefined;
  readonly asks: readonly BookLevel[] | undefined;
};

/** Returns the book message of an `orderbook` frame, or one line that says why it is none. */
export function parseBook(frame: Fields, depth: number, market: Market): BookMessage | string {
  const { data, type, cts, ts } = frame;
  if (!isFields(data)) return 'orderbook: expected an object in data';
  const bids = areLevels(data.b) ? data.b : undefined;
  const asks = areLevels(data.a) ? data.a : undefined;
  return buildBookMessage({ type, cts, ts, symbol: filled(data.s), u: data.u, bids, asks }, depth, market);
}

/**
 * Returns the book message of values, or one line that says why they make none. `u` rises by one per message of a symbol
 * and depth; `u` 1 is a snapshot after a restart of the service, whatever the frame calls itself. `cts` is the matching
 * engine's time, absent before 2024. A message that is not understood whole is refused whole: half of it would leave a
 * wrong book. The next message shows the jump in `u`.
 */
export function buildBookMessage(
  { type, cts, ts, symbol, u, bids, asks }: BookValues,
  depth: number,
  market: Market,
): BookMessage | string {
  const timestamp = fromMilliseconds(cts) ?? fromMilliseconds(ts);
  if (symbol === undefined) return 'orderbook: expected a symbol in s';
  if (timestamp === undefined) return 'orderbook: expected milliseconds in cts or ts';
  if (typeof u !== 'number' || !Number.isSafeInteger(u) || u < 1) return 'orderbook: expected an integer above 0 in u';
  if (!bids || !asks) return 'orderbook: expected lists of two texts in b and a';
  const isSnapshot = type === 'snapshot' || u === 1;
  if (!isSnapshot && depth === 1) return 'orderbook: expected a snapshot at depth 1';
  if (!isSnapshot && type !== 'delta') return 'orderbook: expected snapshot or delta in type';
  return {
    type: 'book_message',
    exchange: 'bybit',
    market,
    symbol,
    timestamp,
    action: isSnapshot ? 'snapshot' : 'delta',
    bids,
    asks,
    sequence: String(u),
    previousSequence: isSnapshot ? undefined : String(u - 1),
    topLevels: depth === 1 ? 1 : undefined,
    maxLevels: depth === 1 ? undefined : depth,
  };
}

/** Whether the texts are numbers is for the book to judge, which then distrusts this symbol at once. */
function areLevels(levels: unknown): levels is TextLevel[] {
  if (!Array.isArray(levels)) return false;
  for (const level of levels) {
    if (!Array.isArray(level) || level.length !== 2 || typeof level[0] !== 'string' || typeof level[1] !== 'string') return false;
  }
  return true;
}
