import type { Candle, Funding, Market, MarkPrice, OpenInterest, Trade } from '../model/records.js';
import type { HttpRequest } from './requests.js';

/** What an exchange answers questions about its past with, by record type. */
export const HISTORY_TYPES = ['trade', 'candle', 'funding', 'open_interest', 'mark_price'] as const;
export type HistoryType = (typeof HISTORY_TYPES)[number];

/** Fetched records have no `localTimestamp`: nobody saw them arrive. */
export type HistoryRecord = Trade | Candle | Funding | OpenInterest | MarkPrice;

/** A stretch of one symbol's past, `[from, until)` in microseconds. */
export type HistoryQuery = {
  readonly type: HistoryType;
  readonly market: Market;
  readonly symbol: string;
  /** Our name of the interval, with `candle` only. */
  readonly interval?: string | undefined;
  readonly from: number;
  readonly until: number;
};

/**
 * How far back an endpoint answers: from a time on (0 for the symbol's launch), the newest so many records however old they
 * are, or not at all. `note` is a sentence for who asks for more.
 */
export type Reach =
  | { readonly kind: 'since'; readonly from: number; readonly note: string }
  | { readonly kind: 'newest'; readonly records: number; readonly note: string }
  | { readonly kind: 'none'; readonly note: string };

/** What one page is asked with: one request, or two where the exchange tells mark and index prices apart. */
export type PageRequest = readonly HttpRequest[];

/**
 * What one page says. Records outside of the query are left out, those inside are in ascending order. Where the endpoint
 * tells whole seconds, the seconds that the query touches are whole. What is still going on is a candle with `closed: false`.
 * Two pages may repeat a record.
 */
export type HistoryPage = {
  readonly records: readonly HistoryRecord[];
  /** Rows that could not be mapped, one reason each. */
  readonly rejected: readonly string[];
  /**
   * The stretch of the query for which this page, and those of its chain before it, hold everything that the exchange has;
   * never beyond the moment of the first answer. Undefined while there is none.
   */
  readonly covered?: Span | undefined;
  readonly next?: PageRequest | undefined;
};

/** `[from, until)` in microseconds. */
export type Span = { readonly from: number; readonly until: number };

export type Cost = { readonly requests: number; readonly atLeast: boolean };

/** An exchange's past as requests and mappers; no clock: `now` (microseconds) is given. */
export type History = {
  /** Returns our names of the candle intervals that can be had. */
  intervals(market: Market): readonly string[];
  /** Returns how far back a type can be had on a market; `interval` with `candle` only. */
  reach(type: HistoryType, market: Market, interval: string | undefined, now: number): Reach;
  /** Returns how many requests a query will take, `atLeast` where that depends on what comes. */
  cost(query: HistoryQuery, now: number): Cost;
  /** Returns the first page of each chain that together answer the query, none where there is no such history. */
  pages(query: HistoryQuery, now: number): readonly PageRequest[];
  /** Maps the bodies of one page, in the order of its requests. Throws a `FailureError` when the exchange refused. */
  parse(query: HistoryQuery, page: PageRequest, bodies: readonly string[], before: PageContext): HistoryPage;
};

/** What is known when a page is parsed: the time (microseconds), and what the pages of its chain before it cover. */
export type PageContext = { readonly now: number; readonly covered?: Span | undefined };
