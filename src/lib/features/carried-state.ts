import type { BookSnapshot, Funding, MarkPrice, OpenInterest, Ticker } from '../model/records.js';
import { INPUTS, type Input } from './inputs.js';
import { compareTimes, type InputRecord, later, type SecondInputs } from './second-inputs.js';
import { imbalanceOf, orderFlow, pricesOf, type TopOfBook, topOfSnapshot, topOfTicker } from './top-of-book.js';

/** A book change between snapshots further apart than this says nothing of a second: it counts as the first of a run. */
const FARTHEST_BOOKS = 60_000_000;

/** What of one symbol outlives a second: the last book, ticker, mark, open interest, funding and trade price. */
export class CarriedState {
  #book: BookSnapshot | undefined;
  #top: TopOfBook | undefined;
  #ticker: Ticker | undefined;
  #mark: MarkPrice | undefined;
  #openInterest: OpenInterest | undefined;
  #funding: Funding | undefined;
  /** Price of the last trade. */
  last: number | undefined;

  /** Takes what a second brought; returns its order-flow imbalance, undefined where a change could not be told. */
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

  /** Takes a record whose second has been given: rows to come know of it, where it is the latest. */
  takeLate(record: InputRecord): void {
    if (record.type === 'book_snapshot') {
      if (this.#book === undefined || compareTimes(record, this.#book) > 0) this.#takeBook(record);
    } else if (record.type === 'ticker') this.#ticker = later(this.#ticker, record);
    else if (record.type === 'mark_price') this.#mark = later(this.#mark, record);
    else if (record.type === 'open_interest') this.#openInterest = later(this.#openInterest, record);
    else if (record.type === 'funding') this.#funding = later(this.#funding, record);
  }

  /** Returns the columns of a row that ends at `end` and come from quotes: nothing that is too old. */
  quotes(end: number) {
    const book = fresh(this.#book, 'book', end);
    const ticker = book ? undefined : fresh(this.#ticker, 'ticker', end);
    const top = book ? (this.#top as TopOfBook) : ticker ? topOfTicker(ticker) : EMPTY;
    return { ...top, ...pricesOf(top), imbalance: book ? imbalanceOf(book) : undefined, isBookFresh: book !== undefined };
  }

  /** Returns the columns of a row that ends at `end` and come from the derivatives' feeds: nothing that is too old. */
  references(end: number) {
    const mark = fresh(this.#mark, 'mark', end);
    const interest = fresh(this.#openInterest, 'open_interest', end);
    const bothSides = interest?.amountBothSides;
    return {
      mark: mark?.mark,
      index: mark?.index,
      openInterest: interest?.amount ?? (bothSides === undefined ? undefined : bothSides / 2),
      fundingRate: fresh(this.#funding, 'funding', end)?.rate,
      bookTimestamp: this.#book?.timestamp,
      markTimestamp: this.#mark?.timestamp,
    };
  }

  #takeBook(book: BookSnapshot): number | undefined {
    const before = this.#book;
    const top = topOfSnapshot(book);
    const isRun = before !== undefined && this.#top !== undefined && book.timestamp - before.timestamp <= FARTHEST_BOOKS;
    const flow = isRun ? orderFlow(this.#top as TopOfBook, top) : undefined;
    this.#book = book;
    this.#top = top;
    return flow;
  }
}

const EMPTY: TopOfBook = { bid: undefined, bidAmount: undefined, ask: undefined, askAmount: undefined };

function fresh<Kind extends { readonly timestamp: number }>(
  record: Kind | undefined,
  input: Input,
  end: number,
): Kind | undefined {
  return record !== undefined && end - record.timestamp <= INPUTS[input].carried ? record : undefined;
}
