import { isFields, outcomeOf, parseObject, required } from '../../private-rows.js';
import type { OrderIntent, OrderName, PrivateWrites, WriteResult } from '../../private-side.js';
import type { HttpRequest } from '../../requests.js';
import type { RestAnswer } from '../../rest.js';
import { judge, judgeCode } from './codes.js';
import { productFor } from './values.js';

function post(path: string, body: unknown): HttpRequest {
  return { method: 'POST', path: `/api/v3/${path}`, query: {}, body: JSON.stringify(body), signed: true };
}

function contract({ market, symbol, settle }: Pick<OrderName, 'market' | 'symbol' | 'settle'>) {
  if (market === 'spot') throw new RangeError('orders on spot are not supported');
  return { category: productFor(market, settle).instType, symbol: required(symbol, 'a symbol') };
}

/**
 * Returns one order. The side is that of the trade: a close of a long is `sell`. `posSide` and `reduceOnly` together are
 * refused, so hedge mode sends the first and one-way mode the second. The margin mode is sent although the sources disagree on
 * whether it is read: without it an order counts as cross.
 */
function orderFields(order: OrderIntent) {
  const { side, positionSide, reduces, kind, price, amount, timeInForce, clientId, marginMode } = order;
  return {
    ...contract(order),
    qty: required(amount, 'an amount'),
    ...(kind === 'limit' && { price: required(price, 'a price') }),
    side,
    orderType: kind,
    ...(kind === 'limit' && { timeInForce: timeInForce ?? 'gtc' }),
    ...(positionSide !== undefined && { posSide: positionSide }),
    clientOid: required(clientId, 'a client id'),
    ...(positionSide === undefined && reduces && { reduceOnly: 'yes' }),
    marginMode: marginMode === 'cross' ? 'crossed' : 'isolated',
  };
}

function placeBatch(orders: readonly OrderIntent[]): HttpRequest {
  const [first] = orders;
  if (first === undefined) throw new RangeError('a batch needs an order');
  if (orders.some(({ reduces, positionSide }) => reduces && positionSide === undefined))
    throw new RangeError('a batch takes no reduce-only order');
  if (orders.some((order) => contract(order).category !== contract(first).category))
    throw new RangeError('the orders of a batch have one category');
  return post('trade/place-batch', orders.map(orderFields));
}

function idOf({ orderId, clientId }: OrderName) {
  return orderId === undefined
    ? { clientOid: required(clientId, 'an order id or a client id') }
    : { orderId: required(orderId, 'an order id') };
}

function cancelBatch(orders: readonly OrderName[]): HttpRequest {
  if (orders.length === 0) throw new RangeError('a batch needs an order');
  return post(
    'trade/cancel-batch',
    orders.map((order) => ({ ...idOf(order), ...contract(order) })),
  );
}

/** Only isolated margin in hedge mode has a leverage for each side. */
function setLeverage({
  leverage,
  marginMode,
  positionMode,
  ...target
}: Parameters<PrivateWrites['setLeverage']>[0]): HttpRequest[] {
  const setting = { ...contract(target), leverage: required(leverage, 'a leverage') };
  const sides = marginMode === 'isolated' && positionMode === 'hedge' ? ['long', 'short'] : [undefined];
  return sides.map((posSide) => post('account/set-leverage', { ...setting, ...(posSide && { posSide }) }));
}

/** Returns the outcome per order: `data` is one order, a list of legs, or an object that holds one. */
function parse(request: HttpRequest, answer: RestAnswer, now: number): readonly WriteResult[] {
  const outcome = judge(answer, now);
  if (outcome.class !== 'success') return [{ outcome }];
  const { data } = parseObject(answer.body, `bitget ${request.path}`);
  const list = Array.isArray(data) ? data : isFields(data) && Array.isArray(data.list) ? data.list : undefined;
  if (list === undefined) {
    if (/\/(?:set-leverage|cancel-strategy-order)$/.test(request.path)) return [{ outcome }];
    if (!isFields(data)) return [{ outcome: { ...outcome, class: 'unknown', message: 'answered without data' } }];
    return [{ ...idsOf(data), outcome }];
  }
  return list.filter(isFields).map((row) => {
    const code = String(row.code ?? '');
    const isDone = code === '' || code === '0' || code === '00000';
    const hasId = typeof row.orderId === 'string' && row.orderId !== '';
    const message = `refused with code ${code || 'none'}: ${String(row.msg ?? '')}`;
    const judged = isDone && hasId ? outcome : isDone ? outcomeOf(undefined, undefined, message) : judgeCode(code, message, now);
    return { ...idsOf(row), outcome: judged };
  });
}

function idsOf({ orderId, clientOid }: Readonly<Record<string, unknown>>) {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  return { orderId: text(orderId), clientId: text(clientOid) };
}

/** Orders on v3. Sources: the pages Place-Order, Place-Batch, Cancel-Order, Cancel-Batch, Cancel-Symbol-Order, Change-Leverage. */
export const UNIFIED_WRITES: PrivateWrites = {
  batchLimit: 10,
  place: (order) => post('trade/place-order', orderFields(order)),
  placeBatch,
  cancel: (order) => post('trade/cancel-order', { ...idOf(order), category: contract(order).category }),
  cancelBatch,
  // Without a symbol the exchange cancels every order of the category.
  cancelAll: (target) => post('trade/cancel-symbol-order', contract(target)),
  setLeverage,
  parse,
};
