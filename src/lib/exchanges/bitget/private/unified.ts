import { DAY } from '../../../model/time.js';
import { filledText, isFields, pageOf, priceOrNone, sortedQuery, windows } from '../../private-rows.js';
import type {
  AccountFamily,
  AccountSettings,
  KeyInfo,
  OrderName,
  PrivateFunding,
  PrivateOrder,
  PrivatePage,
  PrivateRead,
  PrivateScope,
  TimeRange,
} from '../../private-side.js';
import type { HttpRequest } from '../../requests.js';
import type { Fields } from '../fields.js';
import { addressesOf } from './classic.js';
import { parseBalance, parseFill, parseFunding, parseOrder, parsePosition, parseTotals } from './unified-rows.js';
import { UNIFIED_SOCKET } from './unified-socket.js';
import { UNIFIED_STOPS } from './unified-stops.js';
import { UNIFIED_WRITES } from './unified-writes.js';
import { ALL_PRODUCTS, FUTURES, marginModeOf, objectOf, positionModeOf, productFor, rowsOf, symbolOf } from './values.js';

const LIMIT = 100;
const WINDOW = 30 * DAY;

function read(path: string, query: Readonly<Record<string, string | undefined>> = {}): HttpRequest {
  return { path: `/api/v3/${path}`, query: sortedQuery(query), signed: true };
}

/** Returns the categories and the symbol that a scope asks for. A list without a category may or may not mean all of them. */
function targetsOf(scope: PrivateScope | undefined, products = ALL_PRODUCTS): { category: string; symbol: string | undefined }[] {
  if (scope === undefined) return products.map(({ instType }) => ({ category: instType, symbol: undefined }));
  return [{ category: productFor(scope.market, scope.settle).instType, symbol: scope.symbol }];
}

/** Rows name their category; where one does not, the request does. */
function listRead<Item extends object>(
  requests: readonly HttpRequest[],
  map: (row: Fields) => Item | string | undefined,
): PrivateRead<Item> {
  return {
    requests,
    parse: (request, body) => {
      const { rows, time, cursor } = rowsOf(body, 'list', `bitget ${request.path}`);
      const page = pageOf(rows, (row) => map({ ...row, category: row.category ?? request.query.category }), time);
      const isFull =
        rows.length >= Number(request.query.limit ?? LIMIT) && cursor !== undefined && cursor !== request.query.cursor;
      const next = isFull ? { ...request, query: sortedQuery({ ...request.query, cursor }) } : undefined;
      return { ...page, next };
    },
  };
}

function parseKeyInfo(body: string): PrivatePage<KeyInfo> {
  const { data, time } = objectOf(body, 'bitget key');
  const permissions = (Array.isArray(data.permissions) ? data.permissions : []).map(String);
  const canWrite = data.permType === 'read-and-write';
  const known = new Set(['uta_mgt', 'uta_trade', 'withdraw', 'copy_futures_position', 'copy_futures_order', 'transfer']);
  const info: KeyInfo = {
    userId: filledText(data.userId),
    canRead: permissions.includes('uta_mgt') && permissions.includes('uta_trade'),
    canTrade: canWrite && permissions.includes('uta_trade'),
    canWithdraw: permissions.includes('withdraw'),
    canTransfer: permissions.includes('transfer'),
    permissions: [...permissions, ...(typeof data.permType === 'string' ? [data.permType] : [])],
    addresses: addressesOf(data.ips),
    notes: permissions.filter((name) => !known.has(name)).map((name) => `unknown permission ${name}`),
  };
  return { items: [info], rejected: [], time };
}

function parseSettings(body: string): PrivatePage<AccountSettings> {
  const { data, time } = objectOf(body, 'bitget settings');
  const settings: AccountSettings = {
    userId: filledText(data.uid),
    positionMode: positionModeOf(data.holdMode),
    symbols: (Array.isArray(data.symbolConfigList) ? data.symbolConfigList : []).filter(isFields).flatMap((row) => {
      const symbol = symbolOf(row.symbol);
      return symbol === undefined
        ? []
        : [{ symbol, leverage: priceOrNone(row.leverage), marginMode: marginModeOf(row.marginMode) }];
    }),
    notes: ['the margin mode is set per symbol', ...(data.accountMode ? [`account mode ${data.accountMode}`] : [])],
  };
  return { items: [settings], rejected: [], time };
}

function ranged(path: string, { since, until }: TimeRange, scope: PrivateScope | undefined): HttpRequest[] {
  return targetsOf(scope).flatMap(({ category, symbol }) =>
    windows(since, until, WINDOW).map((span) =>
      read(path, {
        category,
        symbol,
        startTime: String(Math.floor(span.since / 1_000)),
        endTime: String(Math.ceil(span.until / 1_000)),
        limit: String(LIMIT),
      }),
    ),
  );
}

function lookups({ market, symbol, settle, orderId, clientId }: OrderName): ReturnType<AccountFamily['lookups']> {
  const category = productFor(market, settle).instType;
  const named = orderId === undefined ? { clientOid: clientId } : { orderId };
  const isNamed = (order: PrivateOrder) => (orderId === undefined ? order.clientId === clientId : order.orderId === orderId);
  const detail: PrivateRead<PrivateOrder> = {
    requests: [read('trade/order-info', named)],
    parse: (request, body) => {
      const { data, time } = objectOf(body, `bitget ${request.path}`);
      return pageOf([data], (row) => parseOrder({ ...row, category: row.category ?? category }), time);
    },
  };
  // The lists take no id: the order is picked out of them.
  const within = (path: string): PrivateRead<PrivateOrder> => {
    const list = listRead([read(path, { category, symbol, limit: String(LIMIT) })], parseOrder);
    return {
      ...list,
      parse: (request, body) => {
        const page = list.parse(request, body);
        return { ...page, items: page.items.filter(isNamed) };
      },
    };
  };
  return {
    orders: [detail, within('trade/unfilled-orders'), within('trade/history-orders')],
    fills: listRead([read('trade/fills', { category, orderId, limit: String(LIMIT) })], parseFill),
  };
}

/** The records of an account are those of a category: rows of other symbols are none of ours, and a symbol cannot be asked for. */
function fundings(range: TimeRange, { market, symbol, settle }: PrivateScope): PrivateRead<PrivateFunding> {
  const requests = windows(range.since, range.until, WINDOW).map((span) =>
    read('account/financial-records', {
      category: productFor(market, settle).instType,
      startTime: String(Math.floor(span.since / 1_000)),
      endTime: String(Math.ceil(span.until / 1_000)),
      limit: String(LIMIT),
    }),
  );
  return listRead(requests, (row) => (symbolOf(row.symbol) === symbol ? parseFunding(row) : undefined));
}

/** Bitget's unified accounts, on v3: what new accounts are. */
export const UNIFIED: AccountFamily = {
  id: 'unified',
  name: 'unified (v3)',
  keyInfo: { requests: [read('account/info')], parse: (_, body) => parseKeyInfo(body) },
  settings: { requests: [read('account/settings')], parse: (_, body) => parseSettings(body) },
  balances: {
    requests: [read('account/assets')],
    parse: (request, body) => {
      const { data, time } = objectOf(body, `bitget ${request.path}`);
      const { rows } = rowsOf(body, 'assets', `bitget ${request.path}`);
      return { ...pageOf(rows, parseBalance, time), totals: parseTotals(data) };
    },
  },
  positions: (scope) =>
    listRead(
      targetsOf(scope, FUTURES).map((target) => read('position/current-position', target)),
      parsePosition,
    ),
  openOrders: (scope) =>
    listRead(
      targetsOf(scope).map((target) => read('trade/unfilled-orders', { ...target, limit: String(LIMIT) })),
      parseOrder,
    ),
  closedOrders: (range, scope) => listRead(ranged('trade/history-orders', range, scope), parseOrder),
  fills: (range, scope) => listRead(ranged('trade/fills', range, scope), parseFill),
  fundings,
  lookups,
  writes: UNIFIED_WRITES,
  stops: UNIFIED_STOPS,
  socket: UNIFIED_SOCKET,
};
