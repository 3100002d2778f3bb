import type { Frame, FrameBytes, FrameReader, ReaderContext } from '../../../src/lib/exchanges/exchange.js';
import { positive } from '../../../src/lib/model/numbers.js';
import type { Trade } from '../../../src/lib/model/records.js';
import { fromMilliseconds } from '../../../src/lib/model/time.js';
import { type BookRow, inBase, parseBook } from './book.js';

type TradeRow = {
  readonly id: string;
  readonly at: number;
  readonly price: string;
  readonly contracts: number;
  readonly side: string;
};
type Message = { readonly event?: string; readonly topic?: string; readonly reason?: string; readonly data?: unknown };

/**
 * Reads `{"event": "subscribed", "topic"}`, `{"event": "error", "topic", "reason"}`, and data: `{"topic":
 * "trades.BTC-USDT", "data": [...]}` and `{"topic": "book.BTC-USDT", "data": {...}}`.
 */
export class ToyReader implements FrameReader {
  readonly #context: ReaderContext;

  constructor(context: ReaderContext) {
    this.#context = context;
  }

  read(frame: string | FrameBytes): Frame {
    const text = typeof frame === 'string' ? frame : frame.toString('utf8');
    try {
      return this.#message(JSON.parse(text) as Message);
    } catch {
      return { kind: 'rejected', reason: 'expected a JSON object of known layout' };
    }
  }

  #message({ event, topic = '', reason = '', data }: Message): Frame {
    if (event === 'subscribed') return { kind: 'acknowledged', topic };
    if (event === 'error') return { kind: 'refused', topic, reason };
    const [channel, symbol = ''] = topic.split('.');
    if (channel !== 'trades' && channel !== 'book') return { kind: 'unknown', what: `topic ${topic}` };
    const events =
      channel === 'trades'
        ? (data as TradeRow[]).map((row) => this.#trade(symbol, row))
        : [parseBook('delta', symbol, data as BookRow, this.#context)];
    return {
      kind: 'data',
      market: 'linear',
      events: events.filter((each) => typeof each !== 'string'),
      rejected: events.filter((each) => typeof each === 'string'),
    };
  }

  #trade(symbol: string, { id, at, price: rawPrice, contracts, side }: TradeRow): Trade | string {
    const size = this.#context.instrument('linear', symbol)?.contractSize;
    const price = positive(rawPrice);
    const timestamp = fromMilliseconds(at);
    if (size === undefined) return `trades: no contract size of ${symbol}`;
    if (price === undefined || !(contracts > 0)) return 'trades: expected a price and contracts above 0';
    if (timestamp === undefined) return 'trades: expected milliseconds in at';
    if (side !== 'buy' && side !== 'sell') return 'trades: expected buy or sell in side';
    const amount = inBase(contracts, size);
    return { type: 'trade', exchange: 'toy', market: 'linear', symbol, timestamp, id, price, amount, side, sequence: id };
  }
}
