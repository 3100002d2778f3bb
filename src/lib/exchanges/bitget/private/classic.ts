import { DAY } from '../../../model/time.js';
import { filledText, pageOf, priceOrNone, sortedQuery, windows } from '../../private-rows.js';
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
import type { Product } from '../products.js';
import {
  parseBalance,
  parseFill,
  parseFunding,
  parseOrder,
  parsePosition,
  parseTotals,
  parseTriggerOrder,
} from './classic-rows.js';
import { CLASSIC_SOCKET } from './classic-socket.js';
import { CLASSIC_WRITES } from './classic-writes.js';
import { FUTURES, marginModeOf, type marketOf, objectOf, positionModeOf, productFor, productOfQuery, rowsOf } from './values.js';

const LIMIT = 100;
/** Three months at most; a month less a day stays within any reading of it. */
const WINDOW = 30 * DAY;
/** The page says that the list without a status has `live` orders only, so each open status is asked for. */
const OPEN_STATUSES = ['live', 'partially_filled'];
const TRIGGER_KINDS = ['normal_plan', 'track_plan', 'profit_loss'];

function read(path: string, query: Readonly<Record<string, string | undefined>> = {}): HttpRequest {
  return { path: `/api/v2/${path}`, query: sortedQuery(query), signed: true };
}

/** Returns the product lines and the symbol that a scope asks for. */
function targetsOf(scope: PrivateScope | undefined): { product: Product; symbol: string | undefined }[] {
  if (scope === undefined) return FUTURES.map((product) => ({ product, symbol: undefined }));
  return scope.market === 'spot' ? [] : [{ product: productFor(scope.market, scope.settle), symbol: scope.symbol }];
}

/** Returns the page of a list, mapped with the market of the product line that was asked for. */
function pageFor<Item extends object>(
  request: HttpRequest,
  body: string,
  list: string,
  map: (row: Fields, market: NonNullable<ReturnType<typeof marketOf>>) => Item | string | undefined,
): PrivatePage<Item> {
  const { rows, time, cursor } = rowsOf(body, list, `bitget ${request.path}`);
  const market = productOfQuery(request.query)?.market ?? 'linear';
  const page = pageOf(rows, (row) => map(row, market), time);
  const isFull =
    rows.length >= Number(request.query.limit ?? LIMIT) && cursor !== undefined && cursor !== request.query.idLessThan;
  const next = isFull ? { ...request, query: sortedQuery({ ...request.query, idLessThan: cursor }) } : undefined;
  return { ...page, next };
}

const AUTHORITIES: Readonly<Record<string, keyof Pick<KeyInfo, 'canRead' | 'canTrade' | 'canWithdraw' | 'canTransfer'>>> = {
  coor: 'canRead',
  readonly: 'canRead',
  coow: 'canTrade',
  trade: 'canTrade',
  wwow: 'canWithdraw',
  withdraw: 'canWithdraw',
  wtow: 'canTransfer',
  transfer: 'canTransfer',
};
/** Codes that neither trade nor move money out. */
const KNOWN = new Set(
  'coor cpor stor smor ttor wtor coow cpow stow smow ttow wtow wwow chow pllw trade readonly withdraw transfer'.split(' '),
);

function parseKeyInfo(body: string): PrivatePage<KeyInfo> {
  const { data, time } = objectOf(body, 'bitget key');
  const permissions = (Array.isArray(data.authorities) ? data.authorities : []).map(String);
  const has = (right: string) => permissions.some((name) => AUTHORITIES[name.toLowerCase()] === right);
  const unknown = permissions.filter((name) => !KNOWN.has(name.toLowerCase()));
  const info: KeyInfo = {
    userId: filledText(data.userId),
    canRead: has('canRead') || has('canTrade'),
    canTrade: has('canTrade'),
    canWithdraw: has('canWithdraw'),
    canTransfer: has('canTransfer'),
    permissions,
    addresses: addressesOf(data.ips),
    notes: unknown.map((name) => `unknown permission ${name}`),
  };
  return { items: [info], rejected: [], time };
}

/** Returns the addresses of a comma list or a list. */
export function addressesOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value.map(String) : String(value ?? '').split(',');
  return list.map((address) => address.trim()).filter((address) => address !== '' && address !== '*');
}

/** Position mode and margin mode belong to a product line and a symbol; the mode of the first contract stands for it. */
function parseSettings(body: string): PrivatePage<AccountSettings> {
  const { data, time } = objectOf(body, 'bitget account');
  const settings: AccountSettings = {
    positionMode: positionModeOf(data.posMode),
    notes: ['the margin mode is set per symbol', 'the position mode is that of USDT-FUTURES'],
  };
  return { items: [settings], rejected: [], time };
}

/** Leverage of cross margin, or of isolated margin, which in one-way mode is the same for both sides. */
function symbolSettings({ market, symbol, settle }: PrivateScope): PrivateRead<AccountSettings> {
  const { instType } = productFor(market, settle);
  return {
    requests: [read('mix/account/account', { symbol, productType: instType, marginCoin: settle })],
    parse: (request, body) => {
      const { data } = objectOf(body, `bitget ${request.path}`);
      const page = parseSettings(body);
      const marginMode = marginModeOf(data.marginMode);
      const leverOf = (side: unknown) => priceOrNone(marginMode === 'cross' ? data.crossedMarginLeverage : side);
      const leverage = leverOf(data.isolatedLongLever);
      const shortLeverage = leverOf(data.isolatedShortLever);
      const symbols = [{ symbol, marginMode, leverage, shortLeverage }];
      return { ...page, items: page.items.map((one) => ({ ...one, symbols })) };
    },
  };
}

function ordersRead(requests: readonly HttpRequest[]): PrivateRead<PrivateOrder> {
  return { requests, parse: (request, body) => pageFor(request, body, 'entrustedList', parseOrder) };
}

function timesOf({ since, until }: TimeRange) {
  return { startTime: String(Math.floor(since / 1_000)), endTime: String(Math.ceil(until / 1_000)) };
}

function ranged(path: string, range: TimeRange, scope: PrivateScope | undefined): HttpRequest[] {
  return targetsOf(scope).flatMap(({ product, symbol }) =>
    windows(range.since, range.until, WINDOW).map((span) =>
      read(path, { productType: product.instType, symbol, ...timesOf(span), limit: String(LIMIT) }),
    ),
  );
}

function openOrders(scope?: PrivateScope): PrivateRead<PrivateOrder> {
  const targets = targetsOf(scope);
  const query = (product: Product, symbol: string | undefined) => ({
    productType: product.instType,
    symbol,
    limit: String(LIMIT),
  });
  const resting = targets.flatMap(({ product, symbol }) =>
    OPEN_STATUSES.map((status) => read('mix/order/orders-pending', { ...query(product, symbol), status })),
  );
  const waiting = targets.flatMap(({ product, symbol }) =>
    TRIGGER_KINDS.map((planType) => read('mix/order/orders-plan-pending', { ...query(product, symbol), planType })),
  );
  return {
    requests: [...resting, ...waiting],
    parse: (request, body) =>
      pageFor(request, body, 'entrustedList', request.path.endsWith('plan-pending') ? parseTriggerOrder : parseOrder),
  };
}

function lookups({ market, symbol, settle, orderId, clientId }: OrderName): ReturnType<AccountFamily['lookups']> {
  const productType = productFor(market, settle).instType;
  const named = orderId === undefined ? { clientOid: clientId } : { orderId };
  const base = { productType, symbol, ...named };
  const detail: PrivateRead<PrivateOrder> = {
    requests: [read('mix/order/detail', base)],
    parse: (request, body) => {
      const { data, time } = objectOf(body, `bitget ${request.path}`);
      return pageOf([data], (row) => parseOrder(row, market), time);
    },
  };
  return {
    orders: [
      detail,
      ordersRead(OPEN_STATUSES.map((status) => read('mix/order/orders-pending', { ...base, status }))),
      ordersRead([read('mix/order/orders-history', base)]),
    ],
    fills: fillsRead([read('mix/order/fills', { productType, symbol, orderId, limit: String(LIMIT) })]),
  };
}

function fillsRead(requests: readonly HttpRequest[]): ReturnType<AccountFamily['fills']> {
  return {
    requests,
    parse: (request, body) => pageFor(request, body, 'fillList', (row, market) => parseFill(row, market, false)),
  };
}

function fundings(range: TimeRange, { market, symbol, settle }: PrivateScope): PrivateRead<PrivateFunding> {
  const requests = windows(range.since, range.until, WINDOW).map((span) =>
    read('mix/account/bill', {
      productType: productFor(market, settle).instType,
      businessType: 'contract_settle_fee',
      ...timesOf(span),
      limit: String(LIMIT),
    }),
  );
  return {
    requests,
    parse: (request, body) =>
      pageFor(request, body, 'bills', (row, of) => (row.symbol === symbol ? parseFunding(row, of) : undefined)),
  };
}

/** The accounts of Bitget's older interface: futures on v2. Its spot wallet is not read. */
export const CLASSIC: AccountFamily = {
  id: 'classic',
  name: 'classic (v2, futures)',
  keyInfo: { requests: [read('spot/account/info')], parse: (_, body) => parseKeyInfo(body) },
  settings: {
    requests: [read('mix/account/account', { symbol: 'BTCUSDT', productType: 'USDT-FUTURES', marginCoin: 'USDT' })],
    parse: (_, body) => parseSettings(body),
  },
  symbolSettings,
  balances: {
    requests: FUTURES.map(({ instType }) => read('mix/account/accounts', { productType: instType })),
    parse: (request, body) => {
      const page = pageFor(request, body, 'list', parseBalance);
      const { rows } = rowsOf(body, 'list', 'bitget accounts');
      return { ...page, totals: parseTotals(rows) };
    },
  },
  positions: (scope) => ({
    requests: targetsOf(scope).map(({ product, symbol }) =>
      symbol === undefined
        ? read('mix/position/all-position', { productType: product.instType })
        : read('mix/position/single-position', {
            productType: product.instType,
            symbol,
            marginCoin: product.instType === 'COIN-FUTURES' ? scope?.settle : product.instType.slice(0, 4),
          }),
    ),
    parse: (request, body) => pageFor(request, body, 'list', parsePosition),
  }),
  openOrders,
  closedOrders: (range, scope) => ordersRead(ranged('mix/order/orders-history', range, scope)),
  fills: (range, scope) => fillsRead(ranged('mix/order/fills', range, scope)),
  fundings,
  lookups,
  writes: CLASSIC_WRITES,
  socket: CLASSIC_SOCKET,
};
