import { finite, positive } from '../../model/numbers.js';
import { fromMilliseconds } from '../../model/time.js';
import type { HttpRequest } from '../exchange.js';
import { POLLED_TYPES, type PolledPage, type PolledRecord, type PolledType, type Polling } from '../polling.js';
import { stateRecords, type TickerFields } from '../ticker-fan-out.js';
import { type Fields, isFields, unexpected } from './fields.js';
import { isDated, productOfSymbol } from './names.js';
import { productOf } from './products.js';
import { answerOf, describe } from './rest-answers.js';

/** An endpoint, its record types and the mapper of its rows. */
type Endpoint = {
  readonly path: string;
  readonly types: readonly PolledType[];
  fields(row: Fields, symbol: string): TickerFields;
};

/** Each lists all symbols of a product line. The tickers carry funding too, but neither its time nor its interval. */
const ENDPOINTS: readonly Endpoint[] = [
  {
    path: '/api/v2/mix/market/tickers',
    types: ['mark_price', 'open_interest'],
    fields: (row) => ({
      mark: positive(row.markPrice) ?? null,
      index: positive(row.indexPrice) ?? null,
      openInterest: finite(row.holdingAmount) ?? null,
    }),
  },
  {
    path: '/api/v2/mix/market/current-fund-rate',
    types: ['funding'],
    // Dated futures are not funded, though their rows may say rate 0.
    fields: (row, symbol) => ({
      fundingRate: isDated(symbol) ? null : (finite(row.fundingRate) ?? null),
      nextFundingTimestamp: fromMilliseconds(row.nextUpdate) ?? null,
      fundingIntervalHours: positive(row.fundingRateInterval) ?? null,
    }),
  },
];

/** Mark and index prices, open interest (one side) and the current funding of contracts. Spot has nothing to poll. */
export const POLLING: Polling = {
  types: (market) => (market === 'spot' ? [] : POLLED_TYPES),
  requests(types, market, symbols): HttpRequest[] {
    if (market === 'spot') return [];
    const products = [...new Set(symbols.map((symbol) => productOfSymbol(symbol, market).instType))];
    return ENDPOINTS.filter((endpoint) => endpoint.types.some((type) => types.includes(type))).flatMap(({ path }) =>
      products.map((productType) => ({ path, query: { productType } })),
    );
  },
  parse(request, body, types): PolledPage | undefined {
    const endpoint = ENDPOINTS.find(({ path }) => path === request.path);
    const market = productOf(request.query.productType)?.market;
    if (!endpoint || market === undefined || 'symbol' in request.query) return undefined;
    const { rows, time } = answerOf(body, describe(request));
    const wanted = endpoint.types.filter((type) => types.includes(type));
    const records: PolledRecord[] = [];
    const rejected: string[] = [];
    for (const row of rows) {
      const symbol = isFields(row) && typeof row.symbol === 'string' && row.symbol !== '' ? row.symbol : undefined;
      const timestamp = isFields(row) ? (fromMilliseconds(row.ts) ?? time) : undefined;
      if (!isFields(row) || symbol === undefined) rejected.push(unexpected('poll', 'symbol', 'text', undefined));
      else if (timestamp === undefined) rejected.push(unexpected('poll', 'ts', 'milliseconds', row.ts));
      else {
        const state = {
          exchange: 'bitget',
          market,
          symbol,
          timestamp,
          action: 'snapshot',
          fields: endpoint.fields(row, symbol),
        } as const;
        records.push(...stateRecords(state, wanted));
      }
    }
    return { market, records, rejected };
  },
};
