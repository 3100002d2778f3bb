import type { ApiCall } from '../dialect.js';
import { ApiRefusal } from '../dialect.js';
import { type Decimal, decimalOf } from '../engine/decimals.js';
import { type Order, Refusal, type Slot } from '../engine/model.js';
import { bad, categoryOf, Extended, type Fields, fieldsOf, linearSymbol, textField, translate } from './calls.js';

const FORCES = { GTC: 'gtc', IOC: 'ioc', FOK: 'fok', PostOnly: 'post_only' } as const;
const SLOTS: readonly Slot[] = ['net', 'long', 'short'];
const MOST_IN_BATCH = 20;

type Acknowledged = { readonly orderId: string; readonly orderLinkId: string };

export function create(call: ApiCall): Acknowledged {
  return createOne(call, fieldsOf(call.body));
}

function createOne(call: ApiCall, fields: Fields): Acknowledged {
  const symbol = linearSymbol(call, fields);
  const amount = decimal(fields, 'qty');
  if (!amount) throw bad('Qty invalid');
  const { orderType, timeInForce, side, positionIdx = 0, reduceOnly } = fields;
  if (orderType !== 'Limit' && orderType !== 'Market') throw bad('params error: OrderType invalid');
  if (side !== 'Buy' && side !== 'Sell') throw bad('Side invalid');
  if (reduceOnly !== undefined && typeof reduceOnly !== 'boolean') throw bad('params error: reduceOnly invalid');
  const force = timeInForce === undefined || timeInForce === '' ? 'gtc' : FORCES[timeInForce as keyof typeof FORCES];
  const slot = SLOTS[Number(positionIdx)];
  if (!force || !slot) throw bad(force ? 'position idx not match position mode' : 'params error: timeInForce invalid');
  const isClose = reduceOnly === true;
  if (slot !== 'net' && !isClose && (slot === 'long') !== (side === 'Buy')) throw bad('position idx not match position mode');
  const { id, clientId } = call.engine.place(
    {
      account: call.account,
      symbol,
      side: side === 'Buy' ? 'buy' : 'sell',
      slot,
      kind: orderType === 'Limit' ? 'limit' : 'market',
      force,
      price: decimal(fields, 'price'),
      amount,
      reduceOnly: isClose,
      clientId: textField(fields, 'orderLinkId'),
      request: call.number,
    },
    call.isDry,
  );
  return { orderId: id, orderLinkId: clientId };
}

function decimal(fields: Fields, name: string): Decimal | undefined {
  const value = fields[name];
  if (value === undefined || value === '') return undefined;
  const read = decimalOf(value);
  if (!read) throw bad(`params error: ${name} invalid`);
  return read;
}

/** Returns the order that a request names; `orderId` counts before `orderLinkId`. */
function namedOrder(call: ApiCall, fields: Fields): Order {
  const symbol = linearSymbol(call, fields);
  const [orderId, clientId] = [textField(fields, 'orderId'), textField(fields, 'orderLinkId')];
  if (orderId === undefined && clientId === undefined) throw bad('params error: OrderId or orderLinkId is required');
  const own = call.engine.orders.ofAt(call.account, call.now).filter((order) => order.symbol === symbol);
  const found = own.find((order) => (orderId === undefined ? order.clientId === clientId : order.id === orderId));
  if (!found) throw new Refusal('not-found', 'no such order');
  return found;
}

export function cancel(call: ApiCall): Acknowledged {
  return cancelOne(call, fieldsOf(call.body));
}

function cancelOne(call: ApiCall, fields: Fields): Acknowledged {
  const order = namedOrder(call, fields);
  if (!call.isDry) call.engine.cancel(order);
  return { orderId: order.id, orderLinkId: order.clientId };
}

export function amend(call: ApiCall): Acknowledged {
  return amendOne(call, fieldsOf(call.body));
}

function amendOne(call: ApiCall, fields: Fields): Acknowledged {
  const order = namedOrder(call, fields);
  const [amount, price] = [decimal(fields, 'qty'), decimal(fields, 'price')];
  if (!amount && !price) throw bad('params error: nothing to amend');
  if (amount?.lte(order.filled))
    throw new ApiRefusal('110064', 'The number of contracts modified cannot be less than or equal to the filled quantity');
  if (!call.isDry) call.engine.amend(order, { amount, price });
  return { orderId: order.id, orderLinkId: order.clientId };
}

/** `symbol`, else `baseCoin`, else `settleCoin`: the first one given decides. Without a symbol the scope is wide. */
export function cancelAll(call: ApiCall): unknown {
  const fields = fieldsOf(call.body);
  if (categoryOf(fields.category) !== 'linear') throw bad('params error: this server trades linear contracts only');
  const [symbol, base, settle] = [textField(fields, 'symbol'), textField(fields, 'baseCoin'), textField(fields, 'settleCoin')];
  if (symbol === undefined && base === undefined && settle === undefined)
    throw bad('params error: symbol, baseCoin or settleCoin is required');
  if (symbol === undefined) call.desk.violate('wide-scope', `${call.path} without symbol`);
  const open = call.engine.orders.openOf(call.account).filter(({ symbol: { listing } }) => {
    if (symbol !== undefined) return listing.symbol === symbol;
    return base !== undefined ? listing.base === base : listing.settle === settle;
  });
  if (!call.isDry) for (const order of open) call.engine.cancel(order);
  return { list: open.map((order) => ({ orderId: order.id, orderLinkId: order.clientId })), success: '1' };
}

/** Each order has its own outcome at the same place of `result.list` and `retExtInfo.list`; each costs one of the limit. */
function batch(one: (call: ApiCall, fields: Fields) => Acknowledged, perSecond: number): (call: ApiCall) => Extended {
  return (call) => {
    const fields = fieldsOf(call.body);
    const { request } = fields;
    if (categoryOf(fields.category) !== 'linear') throw bad('params error: this server trades linear contracts only');
    if (!Array.isArray(request) || request.length === 0) throw bad('params error: request is empty');
    if (request.length > MOST_IN_BATCH) throw bad(`params error: more than ${MOST_IN_BATCH} orders`);
    const window = call.desk.window(call.account, call.path, perSecond);
    const outcomes = request.map((row: unknown, at) => {
      const isAdmitted = at === 0 || !call.desk.hasLimits || window.admits(call.now);
      return outcomeOf(call, { ...fieldsOf(row), category: fields.category }, isAdmitted ? one : overLimit);
    });
    return new Extended({ list: outcomes.map(({ row }) => row) }, { list: outcomes.map(({ code, msg }) => ({ code, msg })) });
  };
}

function overLimit(): never {
  throw new ApiRefusal('10006', 'Too many visits. Exceeded the API Rate Limit.');
}

type Leg = { readonly row: object; readonly code: number; readonly msg: string };

function outcomeOf(call: ApiCall, fields: Fields, one: (call: ApiCall, fields: Fields) => Acknowledged): Leg {
  const { category, symbol, orderLinkId } = fields;
  try {
    const { orderId, orderLinkId: clientId } = one(call, fields);
    return { row: { category, symbol, orderId, orderLinkId: clientId, createAt: String(call.now) }, code: 0, msg: 'OK' };
  } catch (error) {
    const refusal = error instanceof Refusal ? translate(error, call, call.desk.faults) : error;
    if (!(refusal instanceof ApiRefusal)) throw refusal;
    const row = { category, symbol, orderId: '', orderLinkId: orderLinkId ?? '', createAt: '' };
    return { row, code: Number(refusal.code), msg: refusal.message };
  }
}

export const createBatch = batch(createOne, 10);
export const cancelBatch = batch(cancelOne, 10);
export const amendBatch = batch(amendOne, 10);

/** What the account would look like after an order; the order itself is not placed. */
export function preCheck(call: ApiCall): unknown {
  const { account, engine } = call;
  const { orderId, orderLinkId } = createOne({ ...call, isDry: true }, fieldsOf(call.body));
  const rate = engine.orderMargin(account, 'USDT').div(engine.ledger.balance(account, 'USDT')).mul(10_000).floor().toNumber();
  return { orderId, orderLinkId, preImrE4: rate, preMmrE4: 0, postImrE4: rate, postMmrE4: 0 };
}
