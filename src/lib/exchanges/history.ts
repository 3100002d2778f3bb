import type { Candle, Funding, Market, MarkPrice, OpenInterest, Trade } from '../model/records.js';
import type { HttpRequest } from './exchange.js';

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

/** How far back an endpoint answers. `note` is a sentence for who asks for more. */
export type Reach = { readonly from: number; readonly note: string };

/** What one answer says. Records outside of the query are left out, those inside are in ascending order. */
export type HistoryPage = {
  readonly records: readonly HistoryRecord[];
  /** Rows that could not be mapped, one reason each. */
  readonly rejected: readonly string[];
  /** The answer vouches for everything of the query from here on (pages that descend) or up to here (that ascend). */
  readonly covered?: { readonly from: number; readonly until: number } | undefined;
  readonly next?: HttpRequest | undefined;
};

/** An exchange's past as requests and mappers; no clock: `now` (microseconds) is given. */
export type History = {
  /** Returns how far back a type can be had on a market, undefined where the exchange keeps none of it. */
  reach(type: HistoryType, market: Market, interval: string | undefined, now: number): Reach | undefined;
  /** Returns the first request of each chain of pages that together answer the query. */
  requests(query: HistoryQuery, now: number): readonly HttpRequest[];
  /** Maps one body. Throws a `FailureError` when the exchange refused. */
  parse(query: HistoryQuery, request: HttpRequest, body: string, now: number): HistoryPage;
};

/** So many requests to one endpoint within so many milliseconds. */
export type RequestLimit = { readonly endpoint: string; readonly requests: number; readonly within: number };
