import type { Exchange, ExchangeOptions } from '../engine/exchange.js';
import { type RestApi, type RestCall, RestRefusal, type Route } from '../engine/rest.js';
import type { Limits } from '../engine/rules.js';
import { universe } from '../market/listing.js';
import { writerV2 } from './frames-v2.js';
import { writerV3 } from './frames-v3.js';
import { tradeId } from './numbers.js';
import { recordedListing, strangers } from './products.js';
import { protocolOf } from './protocol.js';
import { candles, historyCandles } from './rest-candles.js';
import * as derivatives from './rest-derivatives.js';
import * as lists from './rest-lists.js';
import { fills, fillsHistory, unifiedFills } from './rest-trades.js';
import { NAMING_V2, NAMING_V3 } from './topics.js';

const MINUTE = 60_000;

/** https://www.bitget.com/api-doc/common/websocket-intro and …/common/intro, as of 2026-09. */
const LIMITS: Limits = {
  messagesPerSecond: 10,
  messageBytes: 4_096,
  channelsPerConnection: 1_000,
  subscribeRequestsPerHour: 240,
  connectsPerFiveMinutes: 300,
  concurrentConnections: { most: 100, isPerPath: false },
  pingDeadline: 2 * MINUTE,
  unreadBytes: 256 * 1_048_576,
  rest: { most: 6_000, window: MINUTE, ban: 5 * MINUTE },
};

const MIX = '/api/v2/mix/market';
const SPOT = '/api/v2/spot/market';
const UNIFIED = '/api/v3/market';

const ROUTES = new Map<string, Route>([
  ...at(20, {
    '/api/v2/public/time': ({ now }) => ({ serverTime: String(now) }),
    '/api/v2/spot/public/symbols': lists.spotSymbols,
    [`${SPOT}/tickers`]: lists.spotTickers,
    [`${SPOT}/orderbook`]: lists.depth(['bids', 'asks'], false),
    [`${SPOT}/merge-depth`]: lists.depth(['bids', 'asks'], false),
    [`${SPOT}/candles`]: candles('spot'),
    [`${SPOT}/history-candles`]: historyCandles('spot', 200),
    [`${MIX}/contracts`]: lists.contracts,
    [`${MIX}/tickers`]: lists.contractTickers,
    [`${MIX}/ticker`]: lists.oneContractTicker,
    [`${MIX}/merge-depth`]: lists.depth(['bids', 'asks'], true),
    [`${MIX}/candles`]: candles('contract'),
    [`${MIX}/history-candles`]: historyCandles('contract', 200),
    [`${MIX}/history-mark-candles`]: historyCandles('contract', 200, 'MARK'),
    [`${MIX}/history-index-candles`]: historyCandles('contract', 200, 'INDEX'),
    [`${MIX}/fills`]: fills(100),
    [`${MIX}/open-interest`]: derivatives.openInterest,
    [`${MIX}/current-fund-rate`]: derivatives.currentFunding,
    [`${MIX}/funding-time`]: derivatives.fundingTime,
    [`${MIX}/history-fund-rate`]: derivatives.fundingHistory,
    [`${MIX}/symbol-price`]: derivatives.symbolPrice,
    [`${MIX}/query-position-lever`]: derivatives.positionTiers,
    [`${UNIFIED}/instruments`]: lists.instruments,
    [`${UNIFIED}/tickers`]: lists.unifiedTickers,
    [`${UNIFIED}/orderbook`]: lists.depth(['b', 'a'], false),
    [`${UNIFIED}/candles`]: candles('contract'),
    [`${UNIFIED}/history-candles`]: historyCandles('contract', 100),
    [`${UNIFIED}/fills`]: unifiedFills,
    [`${UNIFIED}/open-interest`]: derivatives.unifiedOpenInterest,
    [`${UNIFIED}/current-fund-rate`]: derivatives.currentFunding,
    [`${UNIFIED}/history-fund-rate`]: derivatives.unifiedFundingHistory,
    [`${UNIFIED}/position-tier`]: derivatives.unifiedTiers,
  }),
  ...at(10, {
    [`${SPOT}/fills`]: fills(500),
    [`${SPOT}/fills-history`]: fillsHistory,
    [`${MIX}/fills-history`]: fillsHistory,
  }),
]);

function at(perSecond: number, answers: Readonly<Record<string, (call: RestCall) => unknown>>): [string, Route][] {
  return Object.entries(answers).map(([path, answer]) => [path, { perSecond, answer }]);
}

const REST: RestApi = {
  routes: ROUTES,
  decisive: ['category', 'productType', 'symbol'],
  envelope: (data, now) => JSON.stringify({ code: '00000', msg: 'success', requestTime: now, data }),
  refusal: ({ status, code, message }, now) => ({
    status,
    body: JSON.stringify({ code, msg: message, requestTime: now, data: null }),
  }),
  unknownPath: (path) =>
    /^\/api\/(?:mix|spot)\/v1\//.test(path)
      ? new RestRefusal(400, '30032', 'The V1 API has been decommissioned. Please migrate to a newer version.', true)
      : new RestRefusal(404, '40404', 'Request URL NOT FOUND', true),
  tooMany: () => ({ status: 429, body: '{"code":"429","msg":"Too many requests"}' }),
  headers: (left) => ({ 'x-mbx-used-remain-limit': String(left) }),
};

/** Bitget, v2 and v3. Codes 30002, 30006 and 30007 carry texts of ours: the documentation gives their meaning only. */
export function createBitget(options: ExchangeOptions): Exchange {
  return {
    id: 'bitget',
    environment: 'MDTOOL_BITGET',
    limits: LIMITS,
    protocols: new Map([
      ['/v2/ws/public', protocolOf(NAMING_V2, writerV2(options))],
      ['/v3/ws/public', protocolOf(NAMING_V3, writerV3)],
    ]),
    rest: REST,
    tooManyConnects: { status: 429, body: 'Too many requests' },
    universe,
    strangers,
    listingOf: recordedListing,
    tradeId,
  };
}
