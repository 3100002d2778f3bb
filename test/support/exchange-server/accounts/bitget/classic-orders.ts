import { type ApiCall, ApiRefusal } from '../dialect.js';
import { decimalOf } from '../engine/decimals.js';
import { type Order, Refusal, type Slot } from '../engine/model.js';
import {
  type Acknowledged,
  bad,
  choice,
  decimalField,
  type Fields,
  fieldsOf,
  type Leg,
  legOf,
  listField,
  namedOrder,
  PRODUCT,
  productOf,
  symbolOf,
  textField,
} from './calls.js';
import { closeOne } from './unified-orders.js';

const MOST_IN_BATCH = 20;
const MOST_CANCELS = 50;

export function place(call: ApiCall): Acknowledged {
  return placeOne(call, fieldsOf(call.body));
}

/** In hedge mode the side is that of the position: closing a long is `buy` and `close`. */
function intentOf(fields: Fields, isHedge: boolean): { side: Order['side']; slot: Slot; reduceOnly: boolean } {
  const side = choice(fields, 'side', ['buy', 'sell']);
  if (!side) throw bad('side cannot be empty');
  const tradeSide = choice(fields, 'tradeSide', ['open', 'close']);
  if (isHedge !== (tradeSide !== undefined)) throw new Refusal('hold-mode', 'tradeSide does not fit the position mode');
  if (!tradeSide) return { side, slot: 'net', reduceOnly: choice(fields, 'reduceOnly', ['YES', 'NO']) === 'YES' };
  const slot = side === 'buy' ? 'long' : 'short';
  if (tradeSide === 'open') return { side, slot, reduceOnly: false };
  return { side: side === 'buy' ? 'sell' : 'buy', slot, reduceOnly: true };
}

function placeOne(call: ApiCall, fields: Fields): Acknowledged {
  const { engine, account } = call;
  const symbol = symbolOf(call, fields, 'productType');
  const kind = choice(fields, 'orderType', ['limit', 'market']);
  const amount = decimalField(fields, 'size');
  const mode = choice(fields, 'marginMode', ['isolated', 'crossed']);
  if (!kind || !amount || !mode || !textField(fields, 'marginCoin'))
    throw bad('orderType, size, marginMode and marginCoin are required');
  const marginMode = mode === 'crossed' ? 'cross' : 'isolated';
  if (marginMode !== engine.ledger.marginModeOf(account, symbol)) throw new Refusal('margin-mode', 'another margin mode is set');
  const { id, clientId, hasCancelled } = engine.place(
    {
      account,
      symbol,
      ...intentOf(fields, engine.ledger.holdModeOf(account, symbol) === 'hedge'),
      kind,
      force: choice(fields, 'force', ['gtc', 'ioc', 'fok', 'post_only']) ?? 'gtc',
      price: decimalField(fields, 'price'),
      amount,
      clientId: textField(fields, 'clientOid'),
      marginMode,
      request: call.number,
    },
    call.isDry,
  );
  return { clientOid: clientId, orderId: hasCancelled ? null : id };
}

function lists(legs: readonly Leg[]): unknown {
  return {
    successList: legs.filter(({ code }) => code === '00000').map(({ orderId, clientOid }) => ({ orderId, clientOid })),
    failureList: legs
      .filter(({ code }) => code !== '00000')
      .map(({ orderId, clientOid, code, msg }) => ({ orderId, clientOid, errorMsg: msg, errorCode: code })),
    result: legs.every(({ code }) => code === '00000'),
  };
}

export function placeBatch(call: ApiCall): unknown {
  const { orderList, ...shared } = fieldsOf(call.body);
  symbolOf(call, shared, 'productType');
  return lists(listField(orderList, MOST_IN_BATCH).map((fields) => legOf(call, { ...fields, ...shared }, placeOne)));
}

export function cancel(call: ApiCall): Acknowledged {
  return cancelOne(call, fieldsOf(call.body));
}

const lastCancel = new WeakMap<ApiCall['desk'], Map<string, number>>();

/** The same order may be named once a second. */
function cancelOne(call: ApiCall, fields: Fields): Acknowledged {
  symbolOf(call, fields, 'productType');
  const order = namedOrder(call, fields, call.now);
  const last = lastCancel.get(call.desk) ?? new Map<string, number>();
  lastCancel.set(call.desk, last);
  const before = last.get(order.id);
  last.set(order.id, call.now);
  if (before !== undefined && call.now - before < 1_000)
    throw new ApiRefusal('45129', 'The same order can only be cancelled once per second');
  if (!call.isDry) call.engine.cancel(order);
  return { orderId: order.id, clientOid: order.clientId };
}

function cancelLeg(call: ApiCall, order: Order): Leg {
  return legOf(call, { orderId: order.id, clientOid: order.clientId }, () => {
    if (!call.isDry) call.engine.cancel(order);
    return { orderId: order.id, clientOid: order.clientId };
  });
}

/** Without ids it takes everything of the symbol, without a symbol everything of the product. */
export function cancelBatch(call: ApiCall): unknown {
  const fields = fieldsOf(call.body);
  productOf(fields, 'productType');
  if (fields.orderIdList === undefined) return cancelMany(call, fields);
  const named = listField(fields.orderIdList, MOST_CANCELS);
  const legs = named.map((own) =>
    legOf(call, own, (each, ids) => cancelOne(each, { ...ids, symbol: fields.symbol, productType: fields.productType })),
  );
  return lists(legs.map((leg) => (leg.code === '40768' ? { ...leg, msg: 'notExistend' } : leg)));
}

function cancelMany(call: ApiCall, fields: Fields): unknown {
  call.desk.violate('wide-scope', `${call.path} without orderIdList`);
  const symbol = textField(fields, 'symbol');
  const open = call.engine.orders.openOf(call.account);
  return lists(
    open
      .filter((order) => (symbol ?? order.symbol.listing.symbol) === order.symbol.listing.symbol)
      .map((order) => cancelLeg(call, order)),
  );
}

/** `requestTime` and `receiveWindow` bound its age. */
export function cancelAll(call: ApiCall): unknown {
  const fields = fieldsOf(call.body);
  productOf(fields, 'productType');
  const [time, window] = [decimalOf(fields.requestTime), decimalOf(fields.receiveWindow)];
  if (time && window && time.plus(window).lt(call.now)) throw new ApiRefusal('40079', 'The request is out of its receive window');
  call.desk.violate('wide-scope', `${call.path} takes every symbol`);
  return lists(call.engine.orders.openOf(call.account).map((order) => cancelLeg(call, order)));
}

/** Cancels and places anew under a new client id; only orders that have not filled. */
export function modify(call: ApiCall): Acknowledged {
  const fields = fieldsOf(call.body);
  const symbol = symbolOf(call, fields, 'productType');
  const order = namedOrder(call, fields, call.now);
  const [amount, price] = [decimalField(fields, 'newSize'), decimalField(fields, 'newPrice')];
  const clientId = textField(fields, 'newClientOid');
  if (!amount || !price || !clientId) throw bad('newClientOid, newSize and newPrice are required');
  if (order.status !== 'new') throw new Refusal('finished', 'only live orders can be modified');
  if (call.isDry) return { orderId: order.id, clientOid: clientId };
  const { account, side, slot, kind, force, reduceOnly, marginMode } = order;
  call.engine.cancel(order);
  const placed = call.engine.place({
    account,
    symbol,
    side,
    slot,
    kind,
    force,
    price,
    amount,
    reduceOnly,
    clientId,
    marginMode,
    request: call.number,
  });
  return { orderId: placed.id, clientOid: clientId };
}

export function closePositions(call: ApiCall): unknown {
  const { engine, account, desk } = call;
  const fields = fieldsOf(call.body);
  if (productOf(fields, 'productType') !== PRODUCT) return lists([]);
  const [symbol, side] = [textField(fields, 'symbol'), choice(fields, 'holdSide', ['long', 'short'])];
  if (symbol === undefined) desk.violate('wide-scope', `${call.path} without symbol`);
  const open = engine.ledger
    .openOf(account)
    .filter((one) => (symbol ?? one.symbol.listing.symbol) === one.symbol.listing.symbol && (side ?? one.side) === one.side);
  return lists(open.map((position) => legOf(call, {}, () => closeOne(call, position))));
}

/** A stop or target of the whole position, which the exchange holds. */
export function placePositionStop(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = fieldsOf(call.body);
  const symbol = symbolOf(call, fields, 'productType');
  const side = choice(fields, 'holdSide', ['long', 'short', 'buy', 'sell']);
  const [stopLoss, takeProfit] = [decimalField(fields, 'stopLossTriggerPrice'), decimalField(fields, 'stopSurplusTriggerPrice')];
  const kind = textField(fields, 'planType');
  const trigger = decimalField(fields, 'triggerPrice');
  const stop = stopLoss ?? (kind === 'pos_loss' ? trigger : undefined);
  const target = takeProfit ?? (kind === 'pos_profit' ? trigger : undefined);
  if (!side || (!stop && !target)) throw bad('holdSide and a price are required');
  const wanted = side === 'long' || side === 'buy' ? 'long' : 'short';
  const position = engine.ledger.openOf(account).find((one) => one.symbol === symbol && one.side === wanted);
  if (!position) throw new Refusal('nothing-to-close', 'no position');
  const change = { ...(stop && { stopLoss: stop }), ...(target && { takeProfit: target }) };
  if (!call.isDry) engine.onEvent({ kind: 'position', position: engine.ledger.put({ ...position, ...change }), isByOrder: true });
  const id = engine.rules.orderId(engine.next());
  return { orderId: id, clientOid: textField(fields, 'clientOid') ?? id };
}
