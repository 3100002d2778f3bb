import type { RecordOf } from '../model/records.js';
import { INPUTS, type Input } from './inputs.js';
import {
  type BookQuotes,
  compareTimes,
  type Interest,
  later,
  type Mark,
  type Rate,
  type SecondInput,
  type SecondInputs,
  type TickerQuotes,
} from './second-inputs.js';
import { orderFlow, type Quotes, quotesOfTicker } from './top-of-book.js';

/** Maximum distance of two snapshots whose difference is order flow; beyond it a snapshot starts a new run. */
const FARTHEST_BOOKS = 60_000_000;

/** State of one symbol that is carried over seconds: the last book, ticker, mark, open interest, funding and trade price. */
export class CarriedState {
  #book: BookQuotes | undefined;
  #ticker: TickerQuotes | undefined;
  #mark: Mark | undefined;
  #openInterest: Interest | undefined;
  #funding: Rate | undefined;
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

  /** Adds an input of an emitted second: later rows use it where it is the latest. */
  takeLate(input: SecondInput): void {
    if (input.type === 'book_snapshot') {
      if (this.#book === undefined || compareTimes(input, this.#book) > 0) this.#takeBook(input);
    } else if (input.type === 'ticker') this.#ticker = later(this.#ticker, input);
    else if (input.type === 'mark_price') this.#mark = later(this.#mark, input);
    else if (input.type === 'open_interest') this.#openInterest = later(this.#openInterest, input);
    else if (input.type === 'funding') this.#funding = later(this.#funding, input);
  }

  /** Whether the last book is recent enough for a row that ends at `end`. */
  hasBook(end: number): boolean {
    return isFresh(this.#book, 'book', end);
  }

  /** Returns the quote at `end` from the last book, or from the last ticker where the book is too old. */
  quotes(end: number): Quotes {
    if (isFresh(this.#book, 'book', end)) return this.#book.quotes;
    return isFresh(this.#ticker, 'ticker', end) ? quotesOfTicker(this.#ticker) : NOTHING;
  }

  /** Returns the last mark price, undefined where it is too old at `end`. */
  mark(end: number): Mark | undefined {
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

  #takeBook(book: BookQuotes): number | undefined {
    const before = this.#book;
    this.#book = book;
    const isRun = before !== undefined && book.timestamp - before.timestamp <= FARTHEST_BOOKS;
    return isRun ? orderFlow(before.quotes, book.quotes) : undefined;
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
