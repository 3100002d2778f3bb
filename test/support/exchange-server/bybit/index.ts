import type { Exchange } from '../engine/exchange.js';
import { type RestApi, type RestCall, RestRefusal, type Route } from '../engine/rest.js';
import type { Limits } from '../engine/rules.js';
import { MARKETS } from '../market/listing.js';
import { recordedListing, strangers, universeOf } from './listings.js';
import { tradeId } from './numbers.js';
import { protocolOf } from './protocol.js';
import * as history from './rest-history.js';
import * as lists from './rest-lists.js';

const MINUTE = 60_000;

/**
 * https://bybit-exchange.github.io/docs/v5/ws/connect and …/v5/rate-limit. The idle cut of 10 minutes is documented for
 * private connections; for public ones no number is given.
 */
const LIMITS: Limits = {
  argumentsPerMessage: { spot: 10 },
  argumentCharacters: 21_000,
  connectsPerFiveMinutes: 500,
  concurrentConnections: { most: 1_000, isPerPath: true },
  pingDeadline: 10 * MINUTE,
  unreadBytes: 256 * 1_048_576,
  rest: { most: 600, window: 5_000, ban: 10 * MINUTE },
};

const ANSWERS: Readonly<Record<string, (call: RestCall) => unknown>> = {
  time: ({ now }) => ({ timeSecond: String(Math.floor(now / 1_000)), timeNano: `${now}000000` }),
  'instruments-info': lists.instruments,
  kline: history.klines,
  'mark-price-kline': history.priceKlines('mark'),
  'index-price-kline': history.priceKlines('index'),
  'recent-trade': history.recentTrades,
  tickers: lists.tickers,
  orderbook: lists.orderbook,
  'open-interest': history.openInterestHistory,
  'funding/history': history.fundingHistory,
  'risk-limit': history.riskLimits,
};

const ROUTES = new Map(Object.entries(ANSWERS).map(([name, answer]): [string, Route] => [`/v5/market/${name}`, { answer }]));

function envelope(retCode: number, retMsg: string, result: unknown, now: number): string {
  return JSON.stringify({ retCode, retMsg, result, retExtInfo: {}, time: now });
}

const REST: RestApi = {
  routes: ROUTES,
  decisive: ['category', 'symbol'],
  envelope: (result, now) => envelope(0, 'OK', result, now),
  refusal: ({ status, code, message }, now) => ({ status, body: envelope(Number(code), message, {}, now) }),
  unknownPath: (path) => new RestRefusal(404, '404', `path not found: ${path}`, true),
  tooMany: (now, isHost) =>
    isHost
      ? { status: 403, body: 'access too frequent, please try again in 10 minutes' }
      : {
          status: 200,
          body: envelope(10_006, 'Too many visits. Exceeded the API Rate Limit.', {}, now),
          headers: {
            'X-Bapi-Limit': '50',
            'X-Bapi-Limit-Status': '0',
            'X-Bapi-Limit-Reset-Timestamp': String(now + 1_000),
          },
        },
  headers: () => ({}),
};

/** Bybit v5. */
export function createBybit(): Exchange {
  return {
    id: 'bybit',
    environment: 'MDTOOL_BYBIT',
    limits: LIMITS,
    protocols: new Map(MARKETS.map((market) => [`/v5/public/${market}`, protocolOf(market)])),
    rest: REST,
    tooManyConnects: { status: 403, body: 'access too frequent' },
    universe: universeOf,
    strangers,
    listingOf: recordedListing,
    tradeId,
  };
}
