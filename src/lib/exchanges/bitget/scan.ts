import type { BookMessage } from '../../model/book-message.js';
import type { Market, Trade } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import { TextLevelsReader } from '../byte-levels.js';
import { Field, Shape } from '../byte-shape.js';
import type { Frame, FrameBytes } from '../exchange.js';
import { codesOf, loadFrame, matches, NONE, readList } from '../frame-bytes.js';
import { Interned } from '../interned.js';
import { parseBook, TOP_LEVELS } from './book-rows.js';
import { dataFrame, type Push, textOf } from './envelope.js';
import { isFields } from './fields.js';
import { productOf } from './products.js';
import { parseTrade, sortTrades } from './trade-rows.js';
import type { WireFields } from './wire-fields.js';

/** An `arg` whose frames are read from bytes. `topLevels` as `bookOf` takes it. */
type Argument = {
  readonly market: Market;
  readonly symbol: string;
  readonly isTrades: boolean;
  readonly topLevels: number | undefined;
};

const BUY = codesOf('buy"');
const SELL = codesOf('sell"');
const UPDATE = codesOf('update"');
const SNAPSHOT = codesOf('snapshot"');

/**
 * Reads trades and books from the bytes of their frames. The mappers of rows
 * check every value. A frame that they do not accept whole is read again as text, which finds the reason.
 */
export class Scanner {
  readonly #args: Interned<Argument>;
  readonly #action = new Field('action', 'text');
  readonly #pushed = new Field('ts', 'integer');
  readonly #frame: Shape;
  readonly #trades: TradeRows;
  readonly #books: BookRow;
  #bytes: FrameBytes | undefined;
  #argument: Argument | undefined;

  constructor(wire: WireFields) {
    this.#args = new Interned('}', (text) => parseArgument(`${text}}`, wire));
    this.#trades = new TradeRows(wire);
    this.#books = new BookRow(wire);
    const argument = new Field('arg', (at) => this.#readArgument(at));
    const data = new Field('data', (at) => this.#readData(at));
    // Whatever has an event is an answer.
    const event = new Field('event', () => NONE);
    this.#frame = new Shape([this.#action, argument, data], [this.#pushed, event]);
  }

  /** Returns what a frame carries, undefined where it is to be read as text. */
  scan(bytes: FrameBytes): Frame | undefined {
    this.#bytes = bytes;
    this.#argument = undefined;
    if (!loadFrame(bytes) || this.#frame.read(0) !== bytes.length) return undefined;
    const argument = this.#argument as Argument | undefined;
    const isSnapshot = matches(this.#action.start, SNAPSHOT);
    if (!argument || !(isSnapshot || matches(this.#action.start, UPDATE))) return undefined;
    const timestamp = this.#frame.has(this.#pushed) ? fromMilliseconds(this.#pushed.value) : undefined;
    const push: Push = { market: argument.market, argument: {}, action: isSnapshot ? 'snapshot' : 'update', timestamp };
    if (argument.isTrades) return dataFrame(push, { items: sortTrades(this.#trades.trades), rejected: [] }, isSnapshot);
    const items = this.#books.messages(bytes, push, argument);
    return items && dataFrame(push, { items, rejected: [] });
  }

  #readArgument(at: number): number {
    const end = this.#args.read(at);
    this.#argument = this.#args.value;
    return end < 0 ? NONE : end + 1;
  }

  /** Every recorded frame has the argument before the data; one that does not is read as text. */
  #readData(at: number): number {
    const argument = this.#argument;
    if (!argument || !this.#bytes) return NONE;
    return argument.isTrades ? this.#trades.read(at, this.#bytes, argument) : this.#books.read(at);
  }
}

class TradeRows {
  readonly #time: Field;
  readonly #price: Field;
  readonly #amount: Field;
  readonly #side: Field;
  readonly #id: Field;
  readonly #row: Shape;
  #bytes: FrameBytes | undefined;
  #argument: Argument | undefined;
  /** What was read last. */
  trades: Trade[] = [];

  constructor({ trade, ignoredInTrades }: WireFields) {
    this.#time = new Field(trade.time, 'quotedInteger');
    this.#price = new Field(trade.price, 'decimal');
    this.#amount = new Field(trade.amount, 'decimal');
    this.#side = new Field(trade.side, 'text');
    this.#id = new Field(trade.id, 'text');
    const ignored = ignoredInTrades.map((name) => new Field(name, 'plain'));
    this.#row = new Shape([this.#time, this.#price, this.#amount, this.#side, this.#id], ignored);
  }

  read(at: number, bytes: FrameBytes, argument: Argument): number {
    this.#bytes = bytes;
    this.#argument = argument;
    this.trades = [];
    return readList(at, this.#readRow);
  }

  readonly #readRow = (at: number): number => {
    const end = this.#row.read(at);
    if (end < 0 || !this.#argument || !this.#bytes) return NONE;
    const { market, symbol } = this.#argument;
    const id = this.#bytes.latin1Slice(this.#id.start, this.#id.end);
    const side = sideAt(this.#side.start);
    const trade = parseTrade(market, symbol, undefined, this.#time.value, this.#price.value, this.#amount.value, side, id);
    if (typeof trade === 'string') return NONE;
    this.trades.push(trade);
    return end;
  };
}

/** The one row that a frame of a book has. */
class BookRow {
  readonly #bids = new TextLevelsReader();
  readonly #asks = new TextLevelsReader();
  readonly #time = new Field('ts', 'quotedInteger');
  readonly #seq = new Field('seq', 'integer');
  readonly #pseq = new Field('pseq', 'integer');
  readonly #checksum = new Field('checksum', 'integer');
  readonly #row: Shape;
  #rows = 0;

  constructor({ book: { bids, asks } }: WireFields) {
    const sides = [new Field(asks, this.#asks.read), new Field(bids, this.#bids.read)] as const;
    this.#row = new Shape([...sides, this.#time], [this.#checksum, this.#seq, this.#pseq]);
  }

  read(at: number): number {
    this.#rows = 0;
    return readList(at, this.#readRow);
  }

  /** Returns what was read last, undefined where it is no message. */
  messages(bytes: FrameBytes, push: Push, { symbol, topLevels }: Argument): BookMessage[] | undefined {
    if (this.#rows === 0) return [];
    const text = bytes.latin1Slice(0, bytes.length);
    const levels = { bids: this.#bids.levels(text), asks: this.#asks.levels(text) };
    const numbers = { seq: this.#value(this.#seq), pseq: this.#value(this.#pseq), checksum: this.#value(this.#checksum) };
    const message = parseBook(push, symbol, topLevels, { ...levels, ...numbers, ts: this.#time.value });
    return typeof message === 'string' ? undefined : [message];
  }

  #value(field: Field): number | undefined {
    return this.#row.has(field) ? field.value : undefined;
  }

  readonly #readRow = (at: number): number => {
    this.#rows += 1;
    return this.#rows === 1 ? this.#row.read(at) : NONE;
  };
}

/** Returns the feed that the text of an `arg` names, undefined where that is not read from bytes. */
function parseArgument(text: string, wire: WireFields): Argument | undefined {
  const fields = parsed(text);
  if (!isFields(fields)) return undefined;
  const market = productOf(fields.instType)?.market;
  const channel = textOf(fields[wire.channel]);
  const symbol = textOf(fields[wire.symbol]);
  if (market === undefined || channel === undefined || symbol === undefined) return undefined;
  const isTrades = channel === wire.trades;
  const topLevels = TOP_LEVELS.get(channel);
  return isTrades || channel === 'books' || topLevels !== undefined ? { market, symbol, isTrades, topLevels } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sideAt(at: number): string {
  if (matches(at, BUY)) return 'buy';
  return matches(at, SELL) ? 'sell' : '';
}
