import type { Funding, Market, MarkPrice, OpenInterest } from '../model/records.js';
import type { HttpRequest } from './requests.js';

/** Record types that can be polled over REST; the ticker channel carries the same. */
export const POLLED_TYPES = ['mark_price', 'open_interest', 'funding'] as const;
export type PolledType = (typeof POLLED_TYPES)[number];

export type PolledRecord = MarkPrice | OpenInterest | Funding;

/** One answer: records of all symbols in it, not only of those asked for. */
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
  /** Returns the fewest requests that cover these types of these symbols. */
  requests(types: readonly PolledType[], market: Market, symbols: readonly string[]): readonly HttpRequest[];
  /**
   * Maps an answer to the records of `types`, undefined where the request asks for something else. Throws a `FailureError` when
   * the exchange refused.
   */
  parse(request: HttpRequest, body: string, types: readonly PolledType[]): PolledPage | undefined;
};
