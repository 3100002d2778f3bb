import { DAY } from '../../../model/time.js';
import { filledText, listOrNull, pageOf, sortedQuery, windows } from '../../private-rows.js';
import type {
  AccountFamily,
  AccountSettings,
  KeyInfo,
  OrderName,
  PrivateOrder,
  PrivatePage,
  PrivateScope,
  TimeRange,
} from '../../private-side.js';
import type { HttpRequest } from '../../requests.js';
import { isFields } from '../fields.js';
import { listRead, resultOf } from './lists.js';
import { parseBalance, parseFill, parseFunding, parseOrder, parsePosition, walletOf } from './rows.js';
import { SOCKET } from './socket.js';
import { HELD_STOPS } from './stops.js';
import { WRITES } from './writes.js';

const WINDOW = 7 * DAY;
const COINS = ['USDT', 'USDC'];
const ORDER_LIMIT = '50';
const FILL_LIMIT = '100';
const POSITION_LIMIT = '200';

function read(path: string, query: Readonly<Record<string, string | undefined>> = {}): HttpRequest {
  return { path: `/v5/${path}`, query: sortedQuery(query), signed: true };
}

type Target = Readonly<Record<string, string | undefined>>;

/** Linear lists want a symbol or a coin; the others take a category alone. */
function targetsOf(scope: PrivateScope | undefined, withSpot: boolean): Target[] {
  if (scope) return [{ category: scope.market, symbol: scope.symbol }];
  const linear = COINS.map((settleCoin) => ({ category: 'linear', settleCoin }));
  return [...linear, { category: 'inverse' }, ...(withSpot ? [{ category: 'spot' }] : [])];
}

function parseKeyInfo(body: string): PrivatePage<KeyInfo> {
  const { result, time } = resultOf(body, 'bybit key');
  const groups = isFields(result.permissions) ? result.permissions : {};
  const rights = Object.entries(groups).flatMap(([group, names]) =>
    (Array.isArray(names) ? names : []).map((name) => `${group}:${name}`),
  );
  const has = (pattern: RegExp) => rights.some((right) => pattern.test(right));
  const addresses = (Array.isArray(result.ips) ? result.ips.map(String) : []).filter(
    (address) => address !== '*' && address !== '',
  );
  const expires = Date.parse(String(result.expiredAt ?? ''));
  const isReadOnly = Number(result.readOnly) === 1;
  const info: KeyInfo = {
    userId: filledText(result.userID) ?? filledText(result.userId),
    canRead: has(/^(?:ContractTrade|Derivatives|Wallet|Spot):/),
    canTrade: !isReadOnly && has(/^(?:ContractTrade:Order|Derivatives:DerivativesTrade)$/),
    canWithdraw: has(/:Withdraw$/),
    canTransfer: !isReadOnly && has(/^Wallet:(?:AccountTransfer|SubMemberTransfer)/),
    permissions: [...rights, isReadOnly ? 'read-only' : 'read-and-write'],
    addresses,
    // Keys that are bound to an address do not expire; their date lies in the past.
    expires: addresses.length === 0 && expires > 0 ? expires * 1_000 : undefined,
    notes: Number(result.uta) === 0 ? ['the account is not unified'] : [],
  };
  return { items: [info], rejected: [], time };
}

const MARGIN_MODES = { ISOLATED_MARGIN: 'isolated', REGULAR_MARGIN: 'cross', PORTFOLIO_MARGIN: 'portfolio' } as const;

function parseSettings(body: string): PrivatePage<AccountSettings> {
  const { result, time } = resultOf(body, 'bybit account');
  const status = Number(result.unifiedMarginStatus);
  const notes = ['the margin mode is that of the whole account; the position mode is set per symbol'];
  if (status === 3 || status === 4) notes.push('the account is UTA 1.0: inverse contracts are not part of it');
  const marginMode = MARGIN_MODES[result.marginMode as keyof typeof MARGIN_MODES];
  return { items: [{ marginMode, notes }], rejected: [], time };
}

function ranged(
  path: string,
  range: TimeRange,
  scope: PrivateScope | undefined,
  limit: string,
  execType?: string,
): HttpRequest[] {
  const targets: Target[] = scope
    ? [{ category: scope.market, symbol: scope.symbol }]
    : ['linear', 'inverse', 'spot'].map((category) => ({ category }));
  return targets.flatMap((target) =>
    windows(range.since, range.until, WINDOW).map(({ since, until }) =>
      read(path, {
        ...target,
        startTime: String(Math.floor(since / 1_000)),
        endTime: String(Math.ceil(until / 1_000)),
        limit,
        execType,
      }),
    ),
  );
}

function lookups({ market, symbol, orderId, clientId }: OrderName): ReturnType<AccountFamily['lookups']> {
  const base = { category: market, symbol, ...(orderId === undefined ? { orderLinkId: clientId } : { orderId }) };
  const orders = (path: string) => listRead([read(path, base)], parseOrder);
  const isNamed = (order: PrivateOrder) => (orderId === undefined ? order.clientId === clientId : order.orderId === orderId);
  const open = listRead([read('order/realtime', { category: market, symbol, limit: ORDER_LIMIT })], parseOrder);
  return {
    orders: [
      // By an id it finds open and recently closed ones.
      orders('order/realtime'),
      {
        ...open,
        parse: (request, body) => {
          const page = open.parse(request, body);
          return { ...page, items: page.items.filter(isNamed) };
        },
      },
      orders('order/history'),
    ],
    fills: listRead([read('execution/list', { ...base, limit: FILL_LIMIT })], parseFill),
  };
}

/** Bybit's unified accounts on v5. */
export const UNIFIED: AccountFamily = {
  id: 'unified',
  name: 'unified (v5)',
  keyInfo: { requests: [read('user/query-api')], parse: (_, body) => parseKeyInfo(body) },
  settings: { requests: [read('account/info')], parse: (_, body) => parseSettings(body) },
  balances: {
    requests: [read('account/wallet-balance', { accountType: 'UNIFIED' })],
    parse: (request, body) => {
      const { result, time } = resultOf(body, `bybit ${request.path}`);
      const { coins, totals } = walletOf(listOrNull(result.list ?? null, `bybit ${request.path}`));
      return { ...pageOf(coins, parseBalance, time), totals };
    },
  },
  positions: (scope) =>
    listRead(
      targetsOf(scope, false).map((target) => read('position/list', { ...target, limit: POSITION_LIMIT })),
      parsePosition,
    ),
  openOrders: (scope) =>
    listRead(
      targetsOf(scope, true).map((target) => read('order/realtime', { ...target, openOnly: '0', limit: ORDER_LIMIT })),
      parseOrder,
    ),
  closedOrders: (range, scope) => listRead(ranged('order/history', range, scope, ORDER_LIMIT), parseOrder),
  fills: (range, scope) => listRead(ranged('execution/list', range, scope, FILL_LIMIT), parseFill),
  fundings: (range, scope) => listRead(ranged('execution/list', range, scope, FILL_LIMIT, 'Funding'), parseFunding),
  lookups,
  writes: WRITES,
  stops: HELD_STOPS,
  socket: SOCKET,
};
