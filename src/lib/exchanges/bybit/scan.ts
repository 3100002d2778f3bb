import type { BookMessage } from '../../model/book-message.js';
import type { Market, Trade } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import { LevelsReader } from '../byte-levels.js';
import { Field, Shape } from '../byte-shape.js';
import type { FrameBytes } from '../exchange.js';
import { byteAt, codesOf, isSame, loadFrame, matches, NONE, readList } from '../frame-bytes.js';
import { Interned } from '../interned.js';
import { bookDepth, buildBookMessage } from './book.js';
import { buildTrade } from './rows.js';

/*
 * Reads `publicTrade` and `orderbook` frames from their bytes, several times as fast as from text. The same
 * functions build the records as from text. A frame that they do not accept whole is read again as text, which finds the
 * reason. One frame is read at a time, so all fields stand in this module, where the engine knows them.
 */

/** A topic that is read from bytes: trades, or a book of some depth. */
type Topic = { readonly depth: number | undefined; readonly symbol: string };

/** What a frame carries, and the time at which it was pushed, microseconds. */
export type Scanned = { readonly events: readonly (Trade | BookMessage)[]; readonly pushTimestamp: number | undefined };

const QUOTE = 34;
const BUY = codesOf('Buy"');
const SELL = codesOf('Sell"');
const SNAPSHOT = codesOf('snapshot"');
const DELTA = codesOf('delta"');

const topics = new Interned('"', topicOf);

const tradeTime = new Field('T', 'integer');
const tradeSymbol = new Field('s', 'text');
const side = new Field('S', 'text');
const amount = new Field('v', 'decimal');
const price = new Field('p', 'decimal');
const id = new Field('i', 'text');
const sequence = new Field('seq', 'integer');
const passedOver = ['L', 'BT', 'RPI'].map((name) => new Field(name, 'plain'));
const tradeRow = new Shape([tradeTime, tradeSymbol, side, amount, price, id], [sequence, ...passedOver]);

const bids = new LevelsReader();
const asks = new LevelsReader();
const bookSymbol = new Field('s', 'text');
const update = new Field('u', 'integer');
const book = new Shape([bookSymbol, update, new Field('b', bids.read), new Field('a', asks.read)], [new Field('seq', 'plain')]);

const type = new Field('type', 'text');
const ts = new Field('ts', 'integer');
const cts = new Field('cts', 'integer');
const frame = new Shape([new Field('topic', readTopic), new Field('data', readData)], [type, ts, cts]);

/** The frame at hand. */
const current: { bytes: FrameBytes | undefined; topic: Topic | undefined; symbolAt: number; market: Market; trades: Trade[] } = {
  bytes: undefined,
  topic: undefined,
  symbolAt: 0,
  market: 'linear',
  trades: [],
};

/** Returns what a frame of a market carries, undefined where it is to be read as text. */
export function scanFrame(bytes: FrameBytes, market: Market): Scanned | undefined {
  current.bytes = bytes;
  current.market = market;
  current.topic = undefined;
  const trades: Trade[] = [];
  current.trades = trades;
  if (!loadFrame(bytes) || frame.read(0) !== bytes.length) return undefined;
  const pushTimestamp = frame.has(ts) ? fromMilliseconds(ts.value) : undefined;
  const topic = current.topic as Topic | undefined;
  if (topic?.depth === undefined) return { events: trades, pushTimestamp };
  const message = buildMessage(topic.depth, topic.symbol, market);
  return message && { events: [message], pushTimestamp };
}

function readTopic(at: number): number {
  if (byteAt(at) !== QUOTE) return NONE;
  const end = topics.read(at + 1);
  current.topic = topics.value;
  if (end < 0) return NONE;
  current.symbolAt = end - (current.topic as Topic).symbol.length;
  return end + 1;
}

/** Whether the text of a field is the symbol that the topic ends with. */
function isOfTopic({ symbol }: Topic, { start, end }: Field): boolean {
  return end - start === symbol.length && isSame(start, current.symbolAt, symbol.length);
}

/** Every recorded frame begins with the topic; one that does not is read as text. */
function readData(at: number): number {
  const { topic } = current;
  if (topic === undefined) return NONE;
  if (topic.depth === undefined) return readList(at, readTrade);
  const end = book.read(at);
  return end >= 0 && isOfTopic(topic, bookSymbol) ? end : NONE;
}

function readTrade(at: number): number {
  const end = tradeRow.read(at);
  const { topic, bytes } = current;
  if (end < 0 || !topic || !bytes || !isOfTopic(topic, tradeSymbol) || id.end === id.start) return NONE;
  const timestamp = fromMilliseconds(tradeTime.value);
  const isBuy = matches(side.start, BUY);
  const isTrade = price.value > 0 && amount.value > 0 && (isBuy || matches(side.start, SELL));
  if (!isTrade || timestamp === undefined) return NONE;
  const order = tradeRow.has(sequence) ? bytes.latin1Slice(sequence.start, sequence.end) : undefined;
  const name = bytes.latin1Slice(id.start, id.end);
  const taker = isBuy ? 'buy' : 'sell';
  current.trades.push(buildTrade(current.market, topic.symbol, timestamp, name, price.value, amount.value, taker, order));
  return end;
}

function buildMessage(depth: number, symbol: string, market: Market): BookMessage | undefined {
  const values = {
    type: typeAt(frame.has(type) ? type.start : 0),
    ts: frame.has(ts) ? ts.value : undefined,
    cts: frame.has(cts) ? cts.value : undefined,
    symbol,
    u: update.value,
    bids: bids.levels(),
    asks: asks.levels(),
  };
  const message = buildBookMessage(values, depth, market);
  return typeof message === 'string' ? undefined : message;
}

/** A symbol with a hyphen may be an option, which the text reader recognises. */
function topicOf(text: string): Topic | undefined {
  const [kind, ...rest] = text.split('.');
  const symbol = rest.at(-1) ?? '';
  const depth = kind === 'orderbook' ? bookDepth(rest[0] ?? '') : undefined;
  const isKnown = kind === 'publicTrade' ? rest.length === 1 : depth !== undefined && rest.length === 2;
  return isKnown && symbol !== '' && !symbol.includes('-') ? { depth, symbol } : undefined;
}

function typeAt(at: number): string {
  if (matches(at, DELTA)) return 'delta';
  return matches(at, SNAPSHOT) ? 'snapshot' : '';
}
