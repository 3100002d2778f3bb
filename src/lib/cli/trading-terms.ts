import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import { createLiveSource } from '../instruments/instruments.js';
import { createLastGoodLists } from '../instruments/last-good-lists.js';
import { fetchTradingTerms, type TradingTerms } from '../instruments/trading-terms.js';
import type { HttpClient } from '../transport/http.js';
import type { Stderr } from './stderr.js';

export type TermsContext = {
  readonly exchange: Exchange;
  readonly symbol: string;
  /** Where the last lists are kept, for an exchange that does not answer. */
  readonly store: string;
  readonly stderr: Stderr;
  readonly http: HttpClient;
  readonly origin: (exchange: Exchange, request: HttpRequest) => string;
};

/** Fetches the terms of a perpetual: its instrument, tiers and last price. */
export function readTerms(context: TermsContext, wantsTiers: boolean): Promise<TradingTerms> {
  const { exchange, symbol, store, http, origin, stderr } = context;
  const source = createLiveSource(
    exchange,
    http,
    (request) => origin(exchange, request),
    () => Date.now() * 1_000,
  );
  const query = { exchange, market: 'linear', symbol, wants: { tiers: wantsTiers, lastPrice: true } } as const;
  const report = (text: string) => stderr.log.debug(text);
  return fetchTradingTerms(query, source, { onFallback: report, lists: createLastGoodLists(store, report) });
}
