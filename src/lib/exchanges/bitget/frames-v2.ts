import { fromMilliseconds } from '../../model/time.js';
import type { Frame, FrameBytes, FrameReader } from '../exchange.js';
import { bookOf, TOP_LEVELS } from './book-rows.js';
import { type CandleValues, candlesOf } from './candle-rows.js';
import { dataFrame, foreignCandles, type Push, readFrame, textOf } from './envelope.js';
import { type Fields, isFields, mapRows, unexpected } from './fields.js';
import { isDated } from './names.js';
import { FOREIGN_INTERVALS, intervalsByWireName, V2 } from './protocols.js';
import { Scanner, V2_SPELLING } from './scan.js';
import { TickerRows } from './ticker-rows.js';
import { sortTrades, tradeOf } from './trade-rows.js';

const CANDLE = 'candle';
const INTERVALS = intervalsByWireName(V2);
/** One frame is read at a time, on whatever connection. */
const scanner = new Scanner(V2_SPELLING);

/** Reads frames of `/v2/ws/public`: `{action, arg: {instType, channel, instId}, data, ts}`. */
export class FramesV2 implements FrameReader {
  readonly #tickers = new TickerRows();

  read(frame: string | FrameBytes, at: number): Frame {
    if (typeof frame === 'string') return readFrame(frame, at, this.#readRows);
    return scanner.scan(frame) ?? readFrame(frame.toString('utf8'), at, this.#readRows);
  }

  readonly #readRows = (push: Push, rows: readonly unknown[], at: number): Frame => {
    const channel = textOf(push.argument.channel);
    if (channel === undefined)
      return { kind: 'rejected', reason: unexpected('data', 'arg.channel', 'text', push.argument.channel) };
    const symbol = textOf(push.argument.instId);
    if (symbol === undefined)
      return { kind: 'rejected', reason: unexpected(channel, 'arg.instId', 'text', push.argument.instId) };
    if (channel === 'trade') return readTrades(push, symbol, rows);
    if (channel === 'books' || TOP_LEVELS.has(channel)) return readBooks(push, symbol, TOP_LEVELS.get(channel), rows);
    if (channel === 'ticker') return this.#readTickers(push, symbol, rows, at);
    if (channel.startsWith(CANDLE)) return readCandles(push, symbol, channel.slice(CANDLE.length), rows);
    return { kind: 'unknown', what: `channel ${channel}` };
  };

  #readTickers(push: Push, symbol: string, rows: readonly unknown[], at: number): Frame {
    const { items, rejected } = mapRows(rows, (row) =>
      isFields(row)
        ? this.#tickers.map(push, symbol, tickerValues(row, symbol), at)
        : unexpected('ticker', 'row', 'an object', row),
    );
    return dataFrame(push, { items: items.flat(), rejected });
  }
}

/** The first frame after a subscription is a snapshot of the past. */
function readTrades(push: Push, symbol: string, rows: readonly unknown[]): Frame {
  const { market, timestamp } = push;
  const { items, rejected } = mapRows(rows, (row) => {
    if (!isFields(row)) return unexpected('trade', 'row', 'an object', row);
    return tradeOf(market, symbol, timestamp, row.ts, row.price, row.size, row.side, row.tradeId);
  });
  return dataFrame(push, { items: sortTrades(items), rejected }, push.action === 'snapshot');
}

function readBooks(push: Push, symbol: string, topLevels: number | undefined, rows: readonly unknown[]): Frame {
  const mapped = mapRows(rows, (row) =>
    isFields(row) ? bookOf(push, symbol, topLevels, row) : unexpected('book', 'row', 'an object', row),
  );
  return dataFrame(push, mapped);
}

/** Every push is a whole row. */
function tickerValues(row: Fields, symbol: string) {
  return {
    action: 'snapshot' as const,
    timestamp: fromMilliseconds(row.ts),
    isFunded: !isDelivery(row.symbolType, symbol),
    last: row.lastPr,
    bid: row.bidPr,
    bidAmount: row.bidSz,
    ask: row.askPr,
    askAmount: row.askSz,
    volume24h: row.baseVolume,
    turnover24h: row.quoteVolume,
    mark: row.markPrice,
    index: row.indexPrice,
    openInterest: row.holdingAmount,
    fundingRate: row.fundingRate,
    nextFundingTimestamp: row.nextFundingTime,
  };
}

/** `symbolType` is 1 for perpetuals and 2 for deliveries, as number or text; where it is absent the spelling tells. */
function isDelivery(symbolType: unknown, symbol: string): boolean {
  return symbolType === undefined ? isDated(symbol) : symbolType === 2 || symbolType === '2';
}

/** Rows are `[start, open, high, low, close, base volume, quote volume, USDT volume]`; older ones end earlier. */
function readCandles(push: Push, symbol: string, wireName: string, rows: readonly unknown[]): Frame {
  if (FOREIGN_INTERVALS.has(wireName)) return foreignCandles(wireName);
  const interval = INTERVALS.get(wireName);
  if (!interval) return { kind: 'unknown', what: `channel ${CANDLE}${wireName}` };
  return dataFrame(push, candlesOf(push.market, symbol, interval, rows.map(candleValues)));
}

function candleValues(row: unknown): CandleValues {
  const [start, open, high, low, close, volume, turnover] = Array.isArray(row) ? row : [];
  return { start, open, high, low, close, volume, turnover };
}
