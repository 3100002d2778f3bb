import { isFields, outcomeOf, parseObject, required } from '../../private-rows.js';
import type { OrderIntent, OrderName, PrivateWrites, WriteResult } from '../../private-side.js';
import type { HttpRequest } from '../../requests.js';
import type { RestAnswer } from '../../rest.js';
import { judge, judgeCode } from './codes.js';

function post(path: string, body: unknown): HttpRequest {
  return { method: 'POST', path: `/v5/${path}`, query: {}, body: JSON.stringify(body), signed: true };
}

function contract({ market, symbol }: Pick<OrderName, 'market' | 'symbol'>) {
  if (market === 'spot') throw new RangeError('orders on spot are not supported');
  return { category: market, symbol: required(symbol, 'a symbol') };
}

const TIMES = { gtc: 'GTC', ioc: 'IOC', fok: 'FOK', post_only: 'PostOnly' } as const;
const INDEXES = { long: 1, short: 2 } as const;

function orderFields({ side, kind, amount, price, timeInForce, positionSide, clientId, reduces }: OrderIntent) {
  return {
    side: side === 'buy' ? 'Buy' : 'Sell',
    orderType: kind === 'limit' ? 'Limit' : 'Market',
    qty: required(amount, 'an amount'),
    ...(kind === 'limit' && { price: required(price, 'a price'), timeInForce: TIMES[timeInForce ?? 'gtc'] }),
    positionIdx: positionSide === undefined ? 0 : INDEXES[positionSide],
    orderLinkId: required(clientId, 'a client id'),
    reduceOnly: reduces,
  };
}

function batch(path: string, orders: readonly (OrderIntent | OrderName)[], fields: readonly unknown[]): HttpRequest {
  const [first] = orders;
  if (first === undefined) throw new RangeError('a batch needs an order');
  if (orders.some(({ market }) => market !== first.market)) throw new RangeError('the orders of a batch have one market');
  return post(path, { category: contract(first).category, request: fields });
}

function idOf({ orderId, clientId }: OrderName) {
  return orderId === undefined
    ? { orderLinkId: required(clientId, 'an order id or a client id') }
    : { orderId: required(orderId, 'an order id') };
}

/** Returns the outcome per order. Of a batch, rows and their codes stand at the same index of two lists. */
function parse(request: HttpRequest, answer: RestAnswer, now: number): readonly WriteResult[] {
  const outcome = judge(answer, now);
  if (outcome.class !== 'success') return [{ outcome }];
  const { result, retExtInfo } = parseObject(answer.body, `bybit ${request.path}`);
  const fields = isFields(result) ? result : {};
  if (!request.path.endsWith('-batch')) {
    if (request.path === '/v5/order/cancel-all' && Array.isArray(fields.list))
      return fields.list.filter(isFields).map((row) => ({ ...idsOf(row), outcome }));
    return [{ ...idsOf(fields), outcome }];
  }
  const rows = Array.isArray(fields.list) ? fields.list : [];
  const codes = isFields(retExtInfo) && Array.isArray(retExtInfo.list) ? retExtInfo.list : [];
  return rows.map((row, index) => {
    const leg: unknown = codes[index];
    const code = isFields(leg) && leg.code !== undefined ? String(leg.code) : undefined;
    const message = `refused with code ${code ?? 'none'}: ${isFields(leg) ? String(leg.msg ?? '') : ''}`;
    const judged = code === '0' ? outcome : code === undefined ? outcomeOf(undefined, code, message) : judgeCode(code, message);
    return { ...idsOf(isFields(row) ? row : {}), outcome: judged };
  });
}

function idsOf({ orderId, orderLinkId }: Readonly<Record<string, unknown>>) {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  return { orderId: text(orderId), clientId: text(orderLinkId) };
}

/** Orders on v5. Sources: the pages of `order/` and `position/leverage` of the documentation. */
export const WRITES: PrivateWrites = {
  batchLimit: 10,
  place: (order) => post('order/create', { ...contract(order), ...orderFields(order) }),
  placeBatch: (orders) =>
    batch(
      'order/create-batch',
      orders,
      orders.map((order) => ({ symbol: contract(order).symbol, ...orderFields(order) })),
    ),
  cancel: (order) => post('order/cancel', { ...contract(order), ...idOf(order) }),
  cancelBatch: (orders) =>
    batch(
      'order/cancel-batch',
      orders,
      orders.map((order) => ({ symbol: contract(order).symbol, ...idOf(order) })),
    ),
  // Without a symbol the exchange cancels by coin. Without a filter conditional and TP/SL orders go too: they could open again.
  cancelAll: (target) => post('order/cancel-all', contract(target)),
  setLeverage: ({ leverage, ...target }) => {
    const value = required(leverage, 'a leverage');
    return [post('position/set-leverage', { ...contract(target), buyLeverage: value, sellLeverage: value })];
  },
  parse,
};
