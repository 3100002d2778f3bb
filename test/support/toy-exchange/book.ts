import type { BookSnapshots, ReaderContext } from '../../../src/lib/exchanges/exchange.js';
import type { BookLevel, BookMessage } from '../../../src/lib/model/book-message.js';
import { Exact } from '../../../src/lib/model/ticks.js';
import { fromMilliseconds } from '../../../src/lib/model/time.js';

/** A book or its changes, `[price, contracts]` each: updates `first` to `last`; a whole one has `last` alone. */
export type BookRow = {
  readonly at: number;
  readonly first?: number;
  readonly last: number;
  readonly bids: readonly [string, number][];
  readonly asks: readonly [string, number][];
};

/** `GET /book?symbol=BTC-USDT` answers with a row. */
export const BOOK_SNAPSHOTS: BookSnapshots = {
  request: (_market, symbol) => ({ path: '/book', query: { symbol } }),
  parse({ path, query: { symbol } }, body, _at, context) {
    if (path !== '/book' || symbol === undefined) return undefined;
    try {
      return parseBook('snapshot', symbol, JSON.parse(body) as BookRow, context);
    } catch {
      return 'book: expected a JSON object of known layout';
    }
  },
};

/** Returns the message of a row, or why it is none. Update 102 follows 101, so that a delta's predecessor is `first` - 1. */
export function parseBook(
  action: BookMessage['action'],
  symbol: string,
  { at, first, last, bids, asks }: BookRow,
  context: ReaderContext,
): BookMessage | string {
  const size = context.instrument('linear', symbol)?.contractSize;
  const timestamp = fromMilliseconds(at);
  if (size === undefined) return `book: no contract size of ${symbol}`;
  if (timestamp === undefined) return 'book: expected milliseconds in at';
  const levels = (side: readonly [string, number][]) =>
    side.map(([price, contracts]): BookLevel => [Number(price), inBase(contracts, size)]);
  return {
    type: 'book_message',
    exchange: 'toy',
    market: 'linear',
    symbol,
    timestamp,
    action,
    bids: levels(bids),
    asks: levels(asks),
    sequence: String(last),
    previousSequence: first === undefined ? undefined : String(first - 1),
  };
}

/** Returns contracts in the base asset; as doubles, 3 × 0.1 would be 0.30000000000000004. */
export function inBase(contracts: number, size: number): number {
  return new Exact(contracts).times(size).toNumber();
}
