import { MARKETS } from '../../model/records.js';
import { POLLED_TYPES, type PolledPage, type PolledRecord, type Polling } from '../polling.js';
import { stateRecords } from '../ticker-fan-out.js';
import { filled, isFields } from './fields.js';
import { answerOf } from './rest-answers.js';
import { parseTickerFields } from './ticker.js';

const PATH = '/v5/market/tickers';

/**
 * `GET /v5/market/tickers` lists all symbols of a category at once, in the names of the ticker topic. Rows carry no
 * time: theirs is that of the answer. Spot has nothing to poll.
 */
export const POLLING: Polling = {
  types: (market) => (market === 'spot' ? [] : POLLED_TYPES),
  requests: (types, market, symbols) =>
    market === 'spot' || types.length === 0 || symbols.length === 0 ? [] : [{ path: PATH, query: { category: market } }],
  parse(request, body, types): PolledPage | undefined {
    const market = MARKETS.find((candidate) => candidate === request.query.category);
    if (request.path !== PATH || market === undefined || 'symbol' in request.query) return undefined;
    const { result, time: timestamp } = answerOf(request, body, 'tickers');
    if (!Array.isArray(result.list) || timestamp === undefined)
      return { market, records: [], rejected: ['tickers: expected a list and a time'] };
    const records: PolledRecord[] = [];
    const rejected: string[] = [];
    for (const row of result.list as readonly unknown[]) {
      const symbol = isFields(row) ? filled(row.symbol) : undefined;
      if (!isFields(row) || symbol === undefined) {
        rejected.push('tickers: expected rows with a symbol');
        continue;
      }
      const { fields, rejected: unread } = parseTickerFields(row);
      rejected.push(...unread);
      records.push(...stateRecords({ exchange: 'bybit', market, symbol, timestamp, action: 'snapshot', fields }, types));
    }
    return { market, records, rejected };
  },
};
