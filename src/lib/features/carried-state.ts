import type { BookSnapshot, Funding, MarkPrice, OpenInterest, RecordOf, Ticker } from '../model/records.js';
import { INPUTS, type Input } from './inputs.js';
import { compareTimes, type InputRecord, later, type SecondInputs } from './second-inputs.js';
import { orderFlow, type Quotes, quotesOfSnapshot, quotesOfTicker } from './top-of-book.js';

/** Maximum distance of two snapshots whose difference is order flow; beyond it a snapshot starts a new run. */
const FARTHEST_BOOKS = 60_000_000;

/** State of one symbol that is carried over seconds: the last book, ticker, mark, open interest, funding and trade price. */
export class CarriedState {
  #book: BookSnapshot | undefined;
  #quotes: Quotes | undefined;
  #ticker: Ticker | undefined;
  #mark: MarkPrice | undefined;
  #openInterest: OpenInterest | undefined;
  #funding: Funding | undefined;
  #bookTimestamp: number | undefined;
  #markTimestamp: number | undefined;
  /** Price of the last trade. */
  last: number | undefined;

  /** Resumes after a row: of values too old to count by then only the time is known. */
  resume({ close, bookTimestamp, markTimestamp }: RecordOf<'micro'>): void {
    this.last = close;
    this.#bookTimestamp = bookTimestamp;
    this.#markTimestamp = markTimestamp;
  }

  /** Adds the inputs of a second; returns its order-flow imbalance, undefined where no change can be computed. */
  take(inputs: SecondInputs): number | undefined {
    if (inputs.ticker) this.#ticker = later(this.#ticker, inputs.ticker);
    if (inputs.mark) this.#mark = later(this.#mark, inputs.mark);
    if (inputs.openInterest) this.#openInterest = later(this.#openInterest, inputs.openInterest);
    if (inputs.funding) this.#funding = later(this.#funding, inputs.funding);
    let flow: number | undefined = 0;
    for (const book of inputs.books()) {
      const change = this.#takeBook(book);
      flow = flow === undefined || change === undefined ? undefined : flow + change;
    }
    return flow;
  }

  /** Adds a record of an emitted second: later rows use it where it is the latest. */
  takeLate(record: InputRecord): void {
    if (record.type === 'book_snapshot') {
      if (this.#book === undefined || compareTimes(record, this.#book) > 0) this.#takeBook(record);
    } else if (record.type === 'ticker') this.#ticker = later(this.#ticker, record);
    else if (record.type === 'mark_price') this.#mark = later(this.#mark, record);
    else if (record.type === 'open_interest') this.#openInterest = later(this.#openInterest, record);
    else if (record.type === 'funding') this.#funding = later(this.#funding, record);
  }

  /** Whether the last book is recent enough for a row that ends at `end`. */
  hasBook(end: number): boolean {
    return isFresh(this.#book, 'book', end);
  }

  /** Returns the quote at `end` from the last book, or from the last ticker where the book is too old. */
  quotes(end: number): Quotes {
    if (this.hasBook(end)) return this.#quotes as Quotes;
    return isFresh(this.#ticker, 'ticker', end) ? quotesOfTicker(this.#ticker) : NOTHING;
  }

  /** Returns the last mark price, undefined where it is too old at `end`. */
  mark(end: number): MarkPrice | undefined {
    return isFresh(this.#mark, 'mark', end) ? this.#mark : undefined;
  }

  /** Returns open interest, one side, undefined where it is too old at `end`. */
  openInterest(end: number): number | undefined {
    if (!isFresh(this.#openInterest, 'open_interest', end)) return undefined;
    const { amount, amountBothSides } = this.#openInterest;
    return amount ?? (amountBothSides === undefined ? undefined : amountBothSides / 2);
  }

  /** Returns the current funding rate, undefined where it is too old at `end`. */
  fundingRate(end: number): number | undefined {
    return isFresh(this.#funding, 'funding', end) ? this.#funding.rate : undefined;
  }

  /** Time of the last book and of the last mark price, however old. */
  get bookTimestamp(): number | undefined {
    return this.#book?.timestamp ?? this.#bookTimestamp;
  }

  get markTimestamp(): number | undefined {
    return this.#mark?.timestamp ?? this.#markTimestamp;
  }

  #takeBook(book: BookSnapshot): number | undefined {
    const before = this.#book;
    const quotes = quotesOfSnapshot(book);
    const isRun = before !== undefined && book.timestamp - before.timestamp <= FARTHEST_BOOKS;
    const flow = isRun ? orderFlow(this.#quotes as Quotes, quotes) : undefined;
    this.#book = book;
    this.#quotes = quotes;
    return flow;
  }
}

const NOTHING: Quotes = {
  bid: undefined,
  bidAmount: undefined,
  ask: undefined,
  askAmount: undefined,
  mid: undefined,
  spreadBps: undefined,
  microprice: undefined,
  imbalance: undefined,
};

function isFresh<Kind extends { readonly timestamp: number }>(
  record: Kind | undefined,
  input: Input,
  end: number,
): record is Kind {
  return record !== undefined && end - record.timestamp <= INPUTS[input].carried;
}
