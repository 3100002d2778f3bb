import { isFields, outcomeOf, parseObject, required } from '../../private-rows.js';
import type { OrderIntent, OrderName, PrivateWrites, WriteResult } from '../../private-side.js';
import type { HttpRequest } from '../../requests.js';
import type { RestAnswer } from '../../rest.js';
import { judge, judgeCode } from './codes.js';
import { productFor } from './values.js';

function post(path: string, body: unknown): HttpRequest {
  return { method: 'POST', path: `/api/v2/mix/${path}`, query: {}, body: JSON.stringify(body), signed: true };
}

type Place = Pick<OrderName, 'market' | 'symbol' | 'settle'>;

/** Returns the fields that name a contract. Spot has other endpoints and is refused. */
function contract({ market, symbol, settle }: Place) {
  if (market === 'spot') throw new RangeError('orders on spot are not supported');
  return {
    symbol: required(symbol, 'a symbol'),
    productType: productFor(market, settle).instType,
    marginCoin: required(settle, 'a margin coin').toUpperCase(),
  };
}

const marginModeOf = (mode: 'isolated' | 'cross') => (mode === 'cross' ? 'crossed' : 'isolated');

/**
 * Returns the fields of one order. In hedge mode the side is that of the position, so a close of a long is `buy`; in one-way
 * mode `tradeSide` is refused and only `reduceOnly` keeps a close from turning the position around.
 */
function orderFields({ side, positionSide, reduces, kind, price, amount, timeInForce, clientId }: OrderIntent) {
  const isHedge = positionSide !== undefined;
  return {
    size: required(amount, 'an amount'),
    ...(kind === 'limit' && { price: required(price, 'a price') }),
    side: isHedge ? (positionSide === 'long' ? 'buy' : 'sell') : side,
    ...(isHedge && { tradeSide: reduces ? 'close' : 'open' }),
    orderType: kind,
    ...(kind === 'limit' && { force: timeInForce ?? 'gtc' }),
    clientOid: required(clientId, 'a client id'),
    ...(!isHedge && reduces && { reduceOnly: 'YES' }),
  };
}

function place(order: OrderIntent): HttpRequest {
  const { symbol, productType, marginCoin } = contract(order);
  const marginMode = marginModeOf(order.marginMode);
  return post('order/place-order', { symbol, productType, marginMode, marginCoin, ...orderFields(order) });
}

function placeBatch(orders: readonly OrderIntent[]): HttpRequest {
  const [first] = orders;
  if (first === undefined) throw new RangeError('a batch needs an order');
  if (orders.some(({ symbol, marginMode }) => symbol !== first.symbol || marginMode !== first.marginMode))
    throw new RangeError('the orders of a batch have one symbol and one margin mode');
  const { symbol, productType, marginCoin } = contract(first);
  const orderList = orders.map(orderFields);
  return post('order/batch-place-order', {
    symbol,
    productType,
    marginMode: marginModeOf(first.marginMode),
    marginCoin,
    orderList,
  });
}

function idOf({ orderId, clientId }: OrderName) {
  return orderId === undefined
    ? { clientOid: required(clientId, 'an order id or a client id') }
    : { orderId: required(orderId, 'an order id') };
}

function cancelBatch(orders: readonly OrderName[]): HttpRequest {
  const [first] = orders;
  // Without a list the exchange cancels every order of the symbol.
  if (first === undefined) throw new RangeError('a batch needs an order');
  if (orders.some(({ symbol }) => symbol !== first.symbol)) throw new RangeError('the orders of a batch have one symbol');
  return post('order/batch-cancel-orders', { ...contract(first), orderIdList: orders.map(idOf) });
}

function setLeverage(setting: Parameters<PrivateWrites['setLeverage']>[0]): HttpRequest[] {
  const leverage = required(setting.leverage, 'a leverage');
  // Leverages by side take effect even in cross mode, where they must not be sent.
  const isBoth = setting.marginMode === 'isolated' && setting.positionMode === 'hedge';
  const value = isBoth ? { longLeverage: leverage, shortLeverage: leverage } : { leverage };
  return [post('account/set-leverage', { ...contract(setting), ...value })];
}

/** Returns the outcome per order; `00000` with failures inside is normal for a batch. */
function parse(request: HttpRequest, answer: RestAnswer, now: number): readonly WriteResult[] {
  const outcome = judge(answer, now);
  if (outcome.class !== 'success') return [{ outcome }];
  const { data } = parseObject(answer.body, `bitget ${request.path}`);
  if (!isFields(data)) return [{ outcome: { ...outcome, class: 'unknown', message: 'answered without data' } }];
  if (data.successList === undefined && data.failureList === undefined) {
    if (request.path.endsWith('/set-leverage')) return [{ outcome }];
    return [{ ...idsOf(data), outcome }];
  }
  const legs = (list: unknown) => (Array.isArray(list) ? list.filter(isFields) : []);
  return [
    ...legs(data.successList).map((row) => ({ ...idsOf(row), outcome })),
    ...legs(data.failureList).map((row) => {
      const code = row.errorCode === undefined ? undefined : String(row.errorCode);
      const message = `refused with code ${code ?? 'none'}: ${String(row.errorMsg ?? '')}`;
      // The sample of a missing order has a text and no code.
      const isGone = code === undefined && /not\s?exist/i.test(String(row.errorMsg));
      const judged =
        code === undefined ? outcomeOf(isGone ? { class: 'gone' } : undefined, code, message) : judgeCode(code, message, now);
      return { ...idsOf(row), outcome: judged };
    }),
  ];
}

/** Ids of a row; a reduce-only order that displaced older ones is answered without `orderId`. */
function idsOf({ orderId, clientOid }: Readonly<Record<string, unknown>>) {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  return { orderId: text(orderId), clientId: text(clientOid) };
}

/** Orders on v2. Sources: the pages Place-Order, Batch-Order, Cancel-Order, Batch-Cancel-Orders and Change-Leverage. */
export const CLASSIC_WRITES: PrivateWrites = {
  batchLimit: 10,
  place,
  placeBatch,
  cancel: (order) => {
    const { symbol, productType, marginCoin } = contract(order);
    return post('order/cancel-order', { symbol, productType, marginCoin, ...idOf(order) });
  },
  cancelBatch,
  cancelAll: (target) => post('order/batch-cancel-orders', contract(target)),
  setLeverage,
  parse,
};
