import { ApiRefusal, type Dialect, type PrivateRequest, type PrivateRoute, type Reply } from '../dialect.js';
import { authenticate } from './auth.js';
import { bad, Extended, translate } from './calls.js';
import * as orders from './orders.js';
import * as reads from './reads.js';
import * as setup from './setup.js';
import { pushes, receive } from './socket.js';
import { RULES } from './terms.js';

const OWN = /^\/v5\/(?:order|position|account|execution|user)\//;

const read = (perSecond: number, right: PrivateRoute['right'], answer: PrivateRoute['answer'], hasDemo = true): PrivateRoute => ({
  perSecond,
  right,
  writes: false,
  hasDemo,
  answer,
});
const write = (
  perSecond: number,
  right: PrivateRoute['right'],
  answer: PrivateRoute['answer'],
  hasDemo = true,
): PrivateRoute => ({ perSecond, right, writes: true, hasDemo, answer });

/** Limits per account and second: https://bybit-exchange.github.io/docs/v5/rate-limit */
const ROUTES = new Map<string, PrivateRoute>([
  ['GET /v5/user/query-api', read(10, 'any', reads.apiKey)],
  ['GET /v5/account/info', read(50, 'manage', reads.accountInfo)],
  ['GET /v5/account/wallet-balance', read(50, 'manage', reads.wallet)],
  ['GET /v5/account/fee-rate', read(5, 'manage', reads.feeRates, false)],
  ['GET /v5/account/user-setting-config', read(50, 'manage', reads.userSettings, false)],
  ['GET /v5/account/transaction-log', read(25, 'manage', reads.transactions)],
  ['GET /v5/position/list', read(50, 'trade', reads.positions)],
  ['GET /v5/position/closed-pnl', read(50, 'trade', reads.closedPnl)],
  ['GET /v5/order/realtime', read(50, 'trade', reads.realtime)],
  ['GET /v5/order/history', read(50, 'trade', reads.history)],
  ['GET /v5/execution/list', read(50, 'trade', reads.executions)],
  ['POST /v5/account/set-margin-mode', write(5, 'manage', setup.setMarginMode)],
  ['POST /v5/account/demo-apply-money', write(1, 'manage', setup.applyMoney)],
  ['POST /v5/position/switch-mode', write(10, 'trade', setup.switchMode)],
  ['POST /v5/position/set-leverage', write(10, 'trade', setup.setLeverage)],
  ['POST /v5/position/trading-stop', write(10, 'trade', setup.tradingStop)],
  ['POST /v5/order/create', write(10, 'trade', orders.create)],
  ['POST /v5/order/cancel', write(10, 'trade', orders.cancel)],
  ['POST /v5/order/amend', write(10, 'trade', orders.amend)],
  ['POST /v5/order/cancel-all', write(10, 'trade', orders.cancelAll)],
  ['POST /v5/order/create-batch', write(10, 'trade', orders.createBatch)],
  ['POST /v5/order/cancel-batch', write(10, 'trade', orders.cancelBatch)],
  ['POST /v5/order/amend-batch', write(10, 'trade', orders.amendBatch)],
  ['POST /v5/order/pre-check', write(10, 'trade', orders.preCheck, false)],
  ['POST /v5/order/disconnected-cancel-all', write(5, 'trade', reads.institutionsOnly, false)],
]);

function envelope(retCode: number, retMsg: string, result: unknown, retExtInfo: unknown, now: number): string {
  return JSON.stringify({ retCode, retMsg, result, retExtInfo, time: now });
}

const limitHeaders = (limit: number, left: number, now: number): Record<string, string> => ({
  'X-Bapi-Limit': String(limit),
  'X-Bapi-Limit-Status': String(left),
  'X-Bapi-Limit-Reset-Timestamp': String(left > 0 ? now : now + 1_000),
});

function refusal({ code, message, status }: ApiRefusal, now: number): Reply {
  return { status: status ?? 200, body: envelope(Number(code), message, {}, {}, now), headers: {} };
}

/** Bybit v5, unified accounts. */
export const BYBIT: Dialect = {
  id: 'bybit',
  rules: RULES,
  takerFee: '0.00055',
  sharesDemoHost: false,
  hasPassphrase: false,
  secondDemo: { holdMode: 'hedge', about: 'a demo account in hedge mode' },
  host: { most: 600, window: 5_000, ban: 600_000 },
  routes: ROUTES,
  sockets: ['/v5/private'],
  owns: (path) => OWN.test(path),
  keyOf: ({ headers }: PrivateRequest) => headers['x-bapi-api-key'] ?? '',
  authenticate,
  success: (result, now) =>
    result instanceof Extended ? envelope(0, 'OK', result.result, result.extra, now) : envelope(0, 'OK', result, {}, now),
  refusal,
  translate,
  badParameter: bad,
  unknownPath: ({ path }) => new ApiRefusal('404', `path not found: ${path}`, 404),
  maintenance: () => new ApiRefusal('10016', 'Server error.'),
  throttled: (now) => ({
    ...refusal(new ApiRefusal('10006', 'Too many visits. Exceeded the API Rate Limit.'), now),
    headers: limitHeaders(10, 0, now),
  }),
  hostLimited: () => ({ status: 403, body: 'access too frequent, please try again in 10 minutes', headers: {} }),
  limitHeaders,
  receive,
  pushes,
  beat: () => [],
};
