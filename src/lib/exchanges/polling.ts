import type { Funding, Market, MarkPrice, OpenInterest } from '../model/records.js';
import type { HttpRequest } from './requests.js';

/** What REST tells of the present again and again; the ticker channel tells the same. */
export const POLLED_TYPES = ['mark_price', 'open_interest', 'funding'] as const;
export type PolledType = (typeof POLLED_TYPES)[number];

export type PolledRecord = MarkPrice | OpenInterest | Funding;

/** What one answer says: of all symbols that it tells of, whoever was asked for. */
export type PolledPage = {
  readonly market: Market;
  readonly records: readonly PolledRecord[];
  /** Rows that could not be mapped, one reason each. */
  readonly rejected: readonly string[];
};

/** The present of an exchange as requests and mappers. */
export type Polling = {
  /** Returns what can be polled on a market. */
  types(market: Market): readonly PolledType[];
  /** Returns the requests that together tell these types of these symbols, as few as there can be. */
  requests(types: readonly PolledType[], market: Market, symbols: readonly string[]): readonly HttpRequest[];
  /**
   * Maps an answer to the records of `types`, undefined where the request is none of these. Throws a `FailureError` when
   * the exchange refused.
   */
  parse(request: HttpRequest, body: string, types: readonly PolledType[]): PolledPage | undefined;
};
