import { type ApiCall, ApiRefusal } from '../dialect.js';
import { type Order, Refusal } from '../engine/model.js';
import {
  type Acknowledged,
  bad,
  choice,
  decimalField,
  type Fields,
  fieldsOf,
  legOf,
  listField,
  namedOrder,
  PRODUCT,
  productOf,
  symbolOf,
  textField,
} from './calls.js';

const MOST_IN_BATCH = 20;
export const OTHERS = ['SPOT', 'MARGIN'];

export function place(call: ApiCall): Acknowledged {
  return placeOne(call, fieldsOf(call.body));
}

function placeOne(call: ApiCall, fields: Fields): Acknowledged {
  if (['holdSide', 'oneWayMode', 'tradeSide'].some((name) => fields[name] !== undefined))
    throw new ApiRefusal('25236', 'Position mode parameter error');
  const symbol = symbolOf(call, fields, 'category');
  const side = choice(fields, 'side', ['buy', 'sell']);
  const kind = choice(fields, 'orderType', ['limit', 'market']);
  const amount = decimalField(fields, 'qty');
  if (!side || !kind || !amount) throw bad('side, orderType and qty are required');
  const posSide = choice(fields, 'posSide', ['long', 'short']);
  const isReduceOnly = choice(fields, 'reduceOnly', ['yes', 'no', 'YES', 'NO'])?.toLowerCase() === 'yes';
  if (posSide && fields.reduceOnly !== undefined) throw new ApiRefusal('25237', 'reduceOnly does not go with posSide');
  const { id, clientId, hasCancelled } = call.engine.place(
    {
      account: call.account,
      symbol,
      side,
      slot: posSide ?? 'net',
      kind,
      force: choice(fields, 'timeInForce', ['gtc', 'ioc', 'fok', 'post_only']) ?? 'gtc',
      price: decimalField(fields, 'price'),
      amount,
      reduceOnly: posSide ? (posSide === 'long') !== (side === 'buy') : isReduceOnly,
      clientId: textField(fields, 'clientOid'),
      marginMode: choice(fields, 'marginMode', ['crossed', 'isolated']) === 'isolated' ? 'isolated' : 'cross',
      request: call.number,
    },
    call.isDry,
  );
  return { orderId: hasCancelled ? null : id, clientOid: clientId };
}

export function placeBatch(call: ApiCall): unknown {
  return listField(call.body, MOST_IN_BATCH).map((fields) =>
    legOf(call, fields, (each, own) => {
      if (String(own.reduceOnly).toLowerCase() === 'yes')
        throw new ApiRefusal('25574', 'Batch orders do not support reduce-only');
      return placeOne(each, own);
    }),
  );
}

export function cancel(call: ApiCall): Acknowledged {
  return cancelOne(call, fieldsOf(call.body));
}

function cancelOne(call: ApiCall, fields: Fields): Acknowledged {
  const order = namedOrder(call, fields, call.now);
  if (!call.isDry) call.engine.cancel(order);
  return { orderId: order.id, clientOid: order.clientId };
}

export function cancelBatch(call: ApiCall): unknown {
  return listField(call.body, MOST_IN_BATCH).map((fields) => legOf(call, fields, cancelOne));
}

export function isOf(order: Order, fields: Fields): boolean {
  const category = textField(fields, 'category')?.toUpperCase() ?? PRODUCT;
  const name = order.symbol.listing.symbol;
  return category === PRODUCT && (textField(fields, 'symbol') ?? name) === name;
}

export function cancelSymbol(call: ApiCall): unknown {
  const fields = fieldsOf(call.body);
  productOf(fields, 'category', OTHERS);
  if (textField(fields, 'symbol') === undefined) call.desk.violate('wide-scope', `${call.path} without symbol`);
  const open = call.engine.orders.openOf(call.account).filter((order) => isOf(order, fields));
  return { list: open.map((order) => legOf(call, { orderId: order.id, clientOid: order.clientId }, cancelOne)) };
}

/** A true amend; `qty` is the amount in all (whether it is, no page says). */
export function modify(call: ApiCall): Acknowledged {
  const fields = fieldsOf(call.body);
  const order = namedOrder(call, fields, call.now);
  const [amount, price] = [decimalField(fields, 'qty'), decimalField(fields, 'price')];
  if ((amount?.eq(order.amount) ?? true) && (price?.eq(order.price) ?? true)) throw new Refusal('unchanged', 'nothing changes');
  if (!call.isDry) call.engine.amend(order, { amount, price });
  return { orderId: order.id, clientOid: order.clientId };
}

export function closePositions(call: ApiCall): unknown {
  const { engine, account, desk } = call;
  const fields = fieldsOf(call.body);
  productOf(fields, 'category');
  const [symbol, side] = [textField(fields, 'symbol'), textField(fields, 'posSide')];
  if (symbol === undefined) desk.violate('wide-scope', `${call.path} without symbol`);
  const open = engine.ledger
    .openOf(account)
    .filter((one) => (symbol ?? one.symbol.listing.symbol) === one.symbol.listing.symbol && (side ?? one.side) === one.side);
  return { list: open.map((position) => legOf(call, {}, () => closeOne(call, position))) };
}

/** Closes a position by a market order. */
export function closeOne(call: ApiCall, position: ReturnType<ApiCall['engine']['ledger']['openOf']>[number]): Acknowledged {
  const { account, engine } = call;
  const { symbol, side, slot, amount } = position;
  const { id, clientId } = engine.place(
    {
      account,
      symbol,
      side: side === 'long' ? 'sell' : 'buy',
      slot,
      kind: 'market',
      force: 'ioc',
      price: undefined,
      amount,
      reduceOnly: true,
      clientId: undefined,
      marginMode: position.marginMode,
      request: call.number,
    },
    call.isDry,
  );
  return { orderId: id, clientOid: clientId };
}
