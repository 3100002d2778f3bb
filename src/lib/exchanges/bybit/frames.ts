import type { BookMessage } from '../../model/book-message.js';
import { excerpt } from '../../model/ndjson.js';
import type { Market } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import type { FeedEvent, Frame, FrameBytes, FrameReader } from '../exchange.js';
import { TickerFanOut, type TickerFrame } from '../ticker-fan-out.js';
import { bookDepth, parseBook } from './book.js';
import { type Fields, filled, isFields } from './fields.js';
import { intervalFrom } from './intervals.js';
import { parseCandle, parseLiquidation, parseOldLiquidation, parseTrade } from './rows.js';
import { type Scanned, scanFrame } from './scan.js';
import { parseTickerFields } from './ticker.js';

/** Topics that Bybit documents on the public sockets and that carry nothing we record. */
const SILENT: ReadonlySet<string> = new Set([
  'orderbook.rpi',
  'orderbook.full',
  'kline.M',
  'priceLimit',
  'adlAlert',
  'insurance',
  'kline_lt',
  'tickers_lt',
  'lt',
  'system',
]);

/** `BTC-28JUN24-60000-P`, since 2025 also with `-USDT`: options are no market of ours, and no symbol of ours looks so. */
const OPTION = /-\d+(?:\.\d+)?-[CP](?:-[A-Z]+)?$/;

type RowMapper = (row: Fields, market: Market) => FeedEvent | string;

/**
 * Reads the frames of one public connection, which carries one market: the topics do not name it. Remembers the tickers,
 * whose deltas hold changes only, and the last update of each best quote.
 */
export class BybitReader implements FrameReader {
  readonly #market: Market;
  readonly #tickers = new TickerFanOut();
  readonly #quotes = new Map<string, string | undefined>();

  constructor(market: Market) {
    this.#market = market;
  }

  read(frame: string | FrameBytes, at: number): Frame {
    if (typeof frame === 'string') return this.#readText(frame, at);
    const scanned = scanFrame(frame, this.#market);
    return scanned ? this.#scanned(scanned) : this.#readText(frame.toString('utf8'), at);
  }

  #scanned({ events, pushTimestamp }: Scanned): Frame {
    const [event] = events;
    if (event?.type === 'book_message' && this.#isRepeat(event)) return REPEAT;
    return { kind: 'data', market: this.#market, events, pushTimestamp, rejected: NOTHING };
  }

  #readText(text: string, at: number): Frame {
    let frame: unknown;
    try {
      frame = JSON.parse(text);
    } catch {
      return rejected('expected JSON');
    }
    if (!isFields(frame)) return rejected('expected a JSON object');
    const topic = filled(frame.topic);
    return topic === undefined ? this.#answer(frame) : this.#topic(topic, frame, at);
  }

  /** After a new subscription the first quote is news, whatever was known before. */
  #answer(frame: Fields): Frame {
    const answer = parseAnswer(frame);
    if (answer.kind === 'acknowledged') this.#quotes.clear();
    return answer;
  }

  #topic(topic: string, frame: Fields, at: number): Frame {
    const dot = topic.indexOf('.');
    const kind = dot < 0 ? topic : topic.slice(0, dot);
    const rest = topic.slice(kind.length + 1);
    if (rest.includes('-') && OPTION.test(rest)) return { kind: 'silent', what: `${kind} of an option` };
    switch (kind) {
      case 'publicTrade':
        return this.#rows(kind, frame, parseTrade);
      case 'orderbook':
        return this.#book(rest, frame);
      case 'tickers':
        return this.#ticker(frame, at);
      case 'kline':
        return this.#candles(rest, frame);
      case 'allLiquidation':
        return this.#rows(kind, frame, parseLiquidation);
      case 'liquidation':
        return this.#rows(kind, { ...frame, data: [frame.data].flat() }, parseOldLiquidation);
      default:
        return undeclared(kind);
    }
  }

  #rows(kind: string, frame: Fields, map: RowMapper): Frame {
    const { data } = frame;
    if (!Array.isArray(data)) return rejected(`${kind}: expected a list in data`);
    const events: FeedEvent[] = [];
    const refused: string[] = [];
    for (const row of data) {
      const event = isFields(row) ? map(row, this.#market) : `${kind}: expected objects in data`;
      if (typeof event === 'string') refused.push(event);
      else events.push(event);
    }
    return this.#data(frame, events, refused);
  }

  #candles(rest: string, frame: Fields): Frame {
    const dot = rest.indexOf('.');
    const interval = intervalFrom(rest.slice(0, dot));
    const symbol = rest.slice(dot + 1);
    if (dot < 0 || symbol === '' || interval === undefined) return undeclared(`kline.${rest.slice(0, Math.max(dot, 0))}`);
    return this.#rows('kline', frame, (row, market) => parseCandle(row, market, symbol, interval));
  }

  #book(rest: string, frame: Fields): Frame {
    const dot = rest.indexOf('.');
    const depth = bookDepth(rest.slice(0, dot));
    if (dot < 0 || depth === undefined) return undeclared(`orderbook.${rest.slice(0, Math.max(dot, 0))}`);
    const message = parseBook(frame, depth, this.#market);
    if (typeof message === 'string') return rejected(message);
    if (this.#isRepeat(message)) return REPEAT;
    return this.#data(frame, [message], []);
  }

  /** A best quote unchanged for 3 s is sent again under the same `u`; `u` 1 follows a restart and is always new. */
  #isRepeat({ symbol, sequence, topLevels }: BookMessage): boolean {
    if (topLevels === undefined) return false;
    const repeat = sequence !== '1' && this.#quotes.get(symbol) === sequence;
    this.#quotes.set(symbol, sequence);
    return repeat;
  }

  /** A ticker is a state and has no time but its push: where that cannot be one, the arrival is the nearest thing known. */
  #ticker(frame: Fields, at: number): Frame {
    const { data, type } = frame;
    if (!isFields(data)) return rejected('tickers: expected an object in data');
    const symbol = filled(data.symbol);
    if (symbol === undefined) return rejected('tickers: expected a symbol');
    if (type !== 'snapshot' && type !== 'delta') return rejected('tickers: expected snapshot or delta in type');
    const { fields, rejected: refused } = parseTickerFields(data);
    const timestamp = fromMilliseconds(frame.ts) ?? at;
    const ticker: TickerFrame = { exchange: 'bybit', market: this.#market, symbol, timestamp, action: type, fields };
    return this.#data(frame, this.#tickers.apply(ticker, at), refused);
  }

  #data(frame: Fields, events: readonly FeedEvent[], refused: readonly string[]): Frame {
    return { kind: 'data', market: this.#market, events, pushTimestamp: fromMilliseconds(frame.ts), rejected: refused };
  }
}

const NOTHING: readonly string[] = [];
const REPEAT: Frame = { kind: 'silent', what: 'orderbook.1 repeated' };

function rejected(reason: string): Frame {
  return { kind: 'rejected', reason };
}

function undeclared(kind: string): Frame {
  return SILENT.has(kind) ? { kind: 'silent', what: kind } : { kind: 'unknown', what: `topic ${excerpt(kind)}` };
}

/**
 * Returns what a frame without a topic says: the answer to a subscription, matched by `req_id` since it does not name
 * its topics, or to a heartbeat (`op` stays `ping` on the sockets that we use, and is `pong` on others).
 *
 * One answer covers a whole request: when Bybit refuses one topic, none of that message's topics is subscribed.
 */
function parseAnswer(frame: Fields): Frame {
  const { op, success } = frame;
  const request = filled(frame.req_id);
  const message = filled(frame.ret_msg);
  if (op === 'pong' || message === 'pong') return { kind: 'pong' };
  if (success === false) return { kind: 'refused', request, topic: refusedTopic(message), reason: message ?? 'no reason given' };
  if (success === true && (op === 'subscribe' || op === 'unsubscribe')) return { kind: 'acknowledged', request };
  return { kind: 'unknown', what: `answer ${excerpt(filled(op) ?? 'without op')}` };
}

/** `error:already subscribed,topic:publicTrade.BTCUSDT` names the topic that made the request fail. */
function refusedTopic(message: string | undefined): string | undefined {
  return message === undefined ? undefined : /,topic:(\S+)$/.exec(message)?.[1];
}
