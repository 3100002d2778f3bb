import { fromMilliseconds } from '../../model/time.js';
import type { Frame, FrameBytes, FrameReader } from '../exchange.js';
import { parseBook, TOP_LEVELS } from './book-rows.js';
import { parseCandleRows } from './candle-rows.js';
import { dataFrame, foreignCandles, type Push, readFrame, textOf } from './envelope.js';
import { type Fields, isFields, mapRows, unexpected } from './fields.js';
import { parseLiquidation } from './liquidation-rows.js';
import { isDated } from './names.js';
import { FOREIGN_INTERVALS, type Interval, intervalsByWireName, V2, V3 } from './protocols.js';
import { Scanner } from './scan.js';
import { TickerRows } from './ticker-rows.js';
import { parseTrade, sortTrades } from './trade-rows.js';
import { tickerValues, V2_FIELDS, V3_FIELDS, type WireFields } from './wire-fields.js';

/** A protocol generation as its reader needs it. */
type Dialect = {
  readonly wire: WireFields;
  readonly intervals: ReadonlyMap<unknown, Interval>;
  readonly hasLiquidations: boolean;
  /** One for all connections: a frame is read at a time. */
  readonly scanner: Scanner;
};

export const DIALECT_V2: Dialect = {
  wire: V2_FIELDS,
  intervals: intervalsByWireName(V2),
  hasLiquidations: V2.hasLiquidations,
  scanner: new Scanner(V2_FIELDS),
};
export const DIALECT_V3: Dialect = {
  wire: V3_FIELDS,
  intervals: intervalsByWireName(V3),
  hasLiquidations: V3.hasLiquidations,
  scanner: new Scanner(V3_FIELDS),
};

/** Reads the frames of one connection. Remembers the tickers, of which v3 sends changes. */
export class BitgetReader implements FrameReader {
  readonly #dialect: Dialect;
  readonly #tickers = new TickerRows();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  read(frame: string | FrameBytes, at: number): Frame {
    if (typeof frame === 'string') return readFrame(frame, at, this.#readRows);
    return this.#dialect.scanner.scan(frame) ?? readFrame(frame.toString('utf8'), at, this.#readRows);
  }

  readonly #readRows = (push: Push, rows: readonly unknown[], at: number): Frame => {
    const { wire, hasLiquidations } = this.#dialect;
    const channel = textOf(push.argument[wire.channel]);
    if (channel === undefined)
      return { kind: 'rejected', reason: unexpected('data', `arg.${wire.channel}`, 'text', push.argument[wire.channel]) };
    if (hasLiquidations && channel === 'liquidation') return readLiquidations(push, rows);
    const symbol = textOf(push.argument[wire.symbol]);
    if (symbol === undefined)
      return { kind: 'rejected', reason: unexpected(channel, `arg.${wire.symbol}`, 'text', push.argument[wire.symbol]) };
    if (channel === wire.trades) return readTrades(push, symbol, rows, wire);
    if (channel === 'books' || TOP_LEVELS.has(channel)) return readBooks(push, symbol, TOP_LEVELS.get(channel), rows, wire);
    if (channel === 'ticker') return this.#readTickers(push, symbol, rows, at);
    if (channel.startsWith('rpi-books'))
      return { kind: 'silent', what: `${channel}: includes orders that only retail takers reach` };
    return this.#readCandles(push, symbol, channel, rows);
  };

  #readTickers(push: Push, symbol: string, rows: readonly unknown[], at: number): Frame {
    const { wire } = this.#dialect;
    const { items, rejected } = mapRows(rows, (row) => {
      if (!isFields(row)) return unexpected('ticker', 'row', 'an object', row);
      return this.#tickers.map(push, symbol, tickerValues(row, wire, push.action, !isDelivery(row, symbol)), at);
    });
    return dataFrame(push, { items: items.flat(), rejected });
  }

  #readCandles(push: Push, symbol: string, channel: string, rows: readonly unknown[]): Frame {
    const { wire, intervals } = this.#dialect;
    const wireName = wire.candleInterval(channel, push.argument);
    if (wireName === undefined) return { kind: 'unknown', what: `${wire.channel} ${channel}` };
    const name = textOf(wireName);
    if (name === undefined)
      return { kind: 'rejected', reason: unexpected(channel, 'arg.interval', 'text', push.argument.interval) };
    if (FOREIGN_INTERVALS.has(name)) return foreignCandles(name);
    const interval = intervals.get(name);
    if (!interval) return { kind: 'unknown', what: `${wire.channel} ${channel.endsWith(name) ? channel : `${channel} ${name}`}` };
    return dataFrame(push, parseCandleRows(push.market, symbol, interval, rows.map(wire.candle)));
  }
}

/** The first frame after a subscription is a snapshot of the past. */
function readTrades(push: Push, symbol: string, rows: readonly unknown[], { trade }: WireFields): Frame {
  const { market, timestamp } = push;
  const { items, rejected } = mapRows(rows, (row) => {
    if (!isFields(row)) return unexpected('trade', 'row', 'an object', row);
    return parseTrade(
      market,
      symbol,
      timestamp,
      row[trade.time],
      row[trade.price],
      row[trade.amount],
      row[trade.side],
      row[trade.id],
    );
  });
  return dataFrame(push, { items: sortTrades(items), rejected }, push.action === 'snapshot');
}

function readBooks(
  push: Push,
  symbol: string,
  topLevels: number | undefined,
  rows: readonly unknown[],
  { book }: WireFields,
): Frame {
  const mapped = mapRows(rows, (row) => {
    if (!isFields(row)) return unexpected('book', 'row', 'an object', row);
    const { seq, pseq, checksum, ts } = row;
    return parseBook(push, symbol, topLevels, { bids: row[book.bids], asks: row[book.asks], seq, pseq, checksum, ts });
  });
  return dataFrame(push, mapped);
}

/**
 * Whether a ticker is that of a dated future. v2 says it in `symbolType` (1 perpetual, 2 delivery, as number or text), v3
 * in a `deliveryTime`, which perpetuals lack (absent, "" or "0"); otherwise the spelling does.
 */
function isDelivery({ symbolType, deliveryTime }: Fields, symbol: string): boolean {
  if (symbolType !== undefined) return symbolType === 2 || symbolType === '2';
  return fromMilliseconds(deliveryTime) !== undefined || isDated(symbol);
}

/** One feed carries every symbol of a product line. */
function readLiquidations(push: Push, rows: readonly unknown[]): Frame {
  const { items, rejected } = mapRows(rows, (row) => parseLiquidation(push, row));
  return dataFrame(push, { items: items.sort((a, b) => a.timestamp - b.timestamp), rejected });
}
