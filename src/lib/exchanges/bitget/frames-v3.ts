import { positive } from '../../model/numbers.js';
import type { Liquidation } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import type { Frame, FrameBytes, FrameReader } from '../exchange.js';
import { bookOf, TOP_LEVELS } from './book-rows.js';
import { type CandleValues, candlesOf } from './candle-rows.js';
import { dataFrame, foreignCandles, type Push, readFrame, textOf } from './envelope.js';
import { type Fields, isFields, mapRows, unexpected } from './fields.js';
import { isDated } from './names.js';
import { FOREIGN_INTERVALS, intervalsByWireName, V3 } from './protocols.js';
import { Scanner, V3_SPELLING } from './scan.js';
import { TickerRows } from './ticker-rows.js';
import { sortTrades, tradeOf } from './trade-rows.js';

const INTERVALS = intervalsByWireName(V3);
/** One frame is read at a time, on whatever connection. */
const scanner = new Scanner(V3_SPELLING);

/** Reads frames of `/v3/ws/public`: `{action, arg: {instType, topic, symbol?, interval?}, data, ts}`. */
export class FramesV3 implements FrameReader {
  readonly #tickers = new TickerRows();

  read(frame: string | FrameBytes, at: number): Frame {
    if (typeof frame === 'string') return readFrame(frame, at, this.#readRows);
    return scanner.scan(frame) ?? readFrame(frame.toString('utf8'), at, this.#readRows);
  }

  readonly #readRows = (push: Push, rows: readonly unknown[], at: number): Frame => {
    const topic = textOf(push.argument.topic);
    if (topic === undefined) return { kind: 'rejected', reason: unexpected('data', 'arg.topic', 'text', push.argument.topic) };
    if (topic === 'liquidation') return readLiquidations(push, rows);
    const symbol = textOf(push.argument.symbol);
    if (symbol === undefined) return { kind: 'rejected', reason: unexpected(topic, 'arg.symbol', 'text', push.argument.symbol) };
    if (topic === 'publicTrade') return readTrades(push, symbol, rows);
    if (topic === 'books' || TOP_LEVELS.has(topic)) return readBooks(push, symbol, TOP_LEVELS.get(topic), rows);
    if (topic === 'ticker') return this.#readTickers(push, symbol, rows, at);
    if (topic === 'kline') return readCandles(push, symbol, rows);
    if (topic.startsWith('rpi-books')) return { kind: 'silent', what: `${topic}: includes orders that only retail takers reach` };
    return { kind: 'unknown', what: `topic ${topic}` };
  };

  /** Rows have neither symbol nor time of their own. */
  #readTickers(push: Push, symbol: string, rows: readonly unknown[], at: number): Frame {
    const { items, rejected } = mapRows(rows, (row) =>
      isFields(row)
        ? this.#tickers.map(push, symbol, tickerValues(row, push, symbol), at)
        : unexpected('ticker', 'row', 'an object', row),
    );
    return dataFrame(push, { items: items.flat(), rejected });
  }
}

function readTrades(push: Push, symbol: string, rows: readonly unknown[]): Frame {
  const { market, timestamp } = push;
  const { items, rejected } = mapRows(rows, (row) => {
    if (!isFields(row)) return unexpected('trade', 'row', 'an object', row);
    return tradeOf(market, symbol, timestamp, row.T, row.p, row.v, row.S, row.i);
  });
  return dataFrame(push, { items: sortTrades(items), rejected }, push.action === 'snapshot');
}

function readBooks(push: Push, symbol: string, topLevels: number | undefined, rows: readonly unknown[]): Frame {
  const mapped = mapRows(rows, (row) => {
    if (!isFields(row)) return unexpected('book', 'row', 'an object', row);
    const { b: bids, a: asks, seq, pseq, checksum, ts } = row;
    return bookOf(push, symbol, topLevels, { bids, asks, seq, pseq, checksum, ts });
  });
  return dataFrame(push, mapped);
}

function tickerValues(row: Fields, push: Push, symbol: string) {
  return {
    action: push.action === 'snapshot' ? ('snapshot' as const) : ('delta' as const),
    timestamp: undefined,
    isFunded: !isDelivery(row.deliveryTime, symbol),
    last: row.lastPrice,
    bid: row.bid1Price,
    bidAmount: row.bid1Size,
    ask: row.ask1Price,
    askAmount: row.ask1Size,
    volume24h: row.volume24h,
    turnover24h: row.turnover24h,
    mark: row.markPrice,
    index: row.indexPrice,
    openInterest: row.openInterest,
    fundingRate: row.fundingRate,
    nextFundingTimestamp: row.nextFundingTime,
  };
}

/** Perpetuals have no delivery time (absent, "" or "0"). */
function isDelivery(deliveryTime: unknown, symbol: string): boolean {
  return fromMilliseconds(deliveryTime) !== undefined || isDated(symbol);
}

function readCandles(push: Push, symbol: string, rows: readonly unknown[]): Frame {
  const wireName = textOf(push.argument.interval);
  if (wireName === undefined)
    return { kind: 'rejected', reason: unexpected('kline', 'arg.interval', 'text', push.argument.interval) };
  if (FOREIGN_INTERVALS.has(wireName)) return foreignCandles(wireName);
  const interval = INTERVALS.get(wireName);
  if (!interval) return { kind: 'unknown', what: `topic kline ${wireName}` };
  return dataFrame(push, candlesOf(push.market, symbol, interval, rows.map(candleValues)));
}

function candleValues(row: unknown): CandleValues {
  const { start, open, high, low, close, volume, turnover } = isFields(row) ? row : ({} as Fields);
  return { start, open, high, low, close, volume, turnover };
}

/** One feed carries every symbol of a product line. */
function readLiquidations(push: Push, rows: readonly unknown[]): Frame {
  const { items, rejected } = mapRows(rows, (row) => liquidationOf(push, row));
  return dataFrame(push, { items: items.sort((a, b) => a.timestamp - b.timestamp), rejected });
}

/** The exchange sends the side of the position; ours is the side of the order that closed it: a long is sold. */
const ORDER_SIDES: ReadonlyMap<unknown, Liquidation['side']> = new Map([
  ['buy', 'sell'],
  ['sell', 'buy'],
]);

function liquidationOf({ market, timestamp: pushed }: Push, row: unknown): Liquidation | string {
  if (!isFields(row)) return unexpected('liquidation', 'row', 'an object', row);
  const symbol = textOf(row.symbol);
  if (symbol === undefined) return unexpected('liquidation', 'symbol', 'text', row.symbol);
  const timestamp = fromMilliseconds(row.ts) ?? pushed;
  if (timestamp === undefined) return unexpected('liquidation', 'ts', 'milliseconds', row.ts);
  const side = ORDER_SIDES.get(row.side);
  if (side === undefined) return unexpected('liquidation', 'side', 'buy or sell', row.side);
  const price = positive(row.price);
  if (price === undefined) return unexpected('liquidation', 'price', 'a number above 0', row.price);
  const amount = positive(row.amount);
  if (amount === undefined) return unexpected('liquidation', 'amount', 'a number above 0', row.amount);
  return { type: 'liquidation', exchange: 'bitget', market, symbol, timestamp, side, price, amount };
}
