import { type ApiCall, ApiRefusal, type PrivateRoute } from '../dialect.js';
import { shortText, textOf } from '../engine/decimals.js';
import { isOpen, Refusal } from '../engine/model.js';
import {
  bad,
  choice,
  decimalField,
  fieldsOf,
  listOrNull,
  namedOrder,
  PRODUCT,
  pageOf,
  productOf,
  queryFields,
  spanOf,
  symbolOf,
  textField,
} from './calls.js';
import * as orders from './unified-orders.js';
import { fillRow, modeText, orderRow, positionRow, totalsOf } from './unified-rows.js';

function settings(call: ApiCall): unknown {
  const { account } = call;
  const symbols = [...account.settings].map(([key, own]) => ({
    category: PRODUCT,
    symbol: key.split(' ')[1],
    marginMode: modeText(own.marginMode ?? account.marginMode),
    leverage: textOf(own.longLeverage),
  }));
  return {
    uid: account.uid,
    accountMode: 'unified',
    assetMode: 'single',
    holdMode: account.holdMode === 'hedge' ? 'hedge_mode' : 'one_way_mode',
    stpMode: 'none',
    symbolConfigList: listOrNull(call, symbols),
    coinConfigList: [{ coin: 'USDT', leverage: '3' }],
  };
}

function info({ account, key, engine }: ApiCall): unknown {
  const permissions = [
    ...(key.manage === 'none' ? [] : ['uta_mgt']),
    ...(key.trade === 'none' ? [] : ['uta_trade']),
    ...(key.canWithdraw ? ['withdraw'] : []),
  ];
  return {
    userId: account.uid,
    inviterId: '',
    parentId: account.uid,
    channelCode: '',
    channel: '',
    ips: key.ips.join(','),
    permType: key.manage === 'write' || key.trade === 'write' ? 'read-and-write' : 'read-only',
    permissions,
    regisTime: String(engine.now() - 86_400_000),
  };
}

function assets({ engine, account, now }: ApiCall): unknown {
  const lag = engine.faults.lags.balances;
  const balances = lag > 0 ? engine.ledger.balancesAt(account, now - lag) : account.balances;
  const { rows, equity, profit, initial, maintenance, ratio } = totalsOf(engine, account, balances);
  return {
    accountEquity: shortText(equity),
    usdtEquity: shortText(equity),
    btcEquity: '0',
    unrealisedPnl: shortText(profit),
    usdtUnrealisedPnl: shortText(profit),
    btcUnrealizedPnl: '0',
    effEquity: shortText(equity),
    mmr: shortText(maintenance),
    imr: shortText(initial),
    mgnRatio: shortText(ratio),
    positionMgnRatio: shortText(ratio),
    assets: rows.map((row) => ({
      coin: row.coin,
      equity: shortText(row.equity),
      usdValue: shortText(row.equity),
      balance: shortText(row.balance),
      available: shortText(row.available),
      debt: '0',
      locked: '0',
    })),
  };
}

function currentPosition(call: ApiCall): unknown {
  const { engine, account, now } = call;
  const fields = queryFields(call);
  const product = productOf(fields, 'category');
  const [symbol, side] = [textField(fields, 'symbol'), textField(fields, 'posSide')];
  const known = engine.ledger.positionsAt(account, now - engine.faults.lags.positions);
  const rows = known.filter((position) => {
    if (position.amount.isZero() || product !== PRODUCT) return false;
    const name = position.symbol.listing.symbol;
    return (symbol ?? name) === name && (side ?? position.side) === position.side;
  });
  const list = rows.map((position) => positionRow(engine, position));
  return { list: listOrNull(call, list) };
}

function orderInfo(call: ApiCall): unknown {
  return orderRow(namedOrder(call, queryFields(call), call.now - call.engine.faults.lags.detail));
}

function page(call: ApiCall, rows: readonly Record<string, unknown>[], id: string): unknown {
  const fields = queryFields(call);
  const { list, last } = pageOf(fields, rows, (row) => String(row[id]), textField(fields, 'cursor'));
  return { list: listOrNull(call, list), cursor: last };
}

function unfilledOrders(call: ApiCall): unknown {
  const { engine, account, now } = call;
  const fields = queryFields(call);
  const known = engine.orders.ofAt(account, now - engine.faults.lags.open);
  const rows = known.filter((order) => isOpen(order) && orders.isOf(order, fields)).map(orderRow);
  return page(call, rows, 'orderId');
}

function historyOrders(call: ApiCall): unknown {
  const { engine, account, now } = call;
  const fields = queryFields(call);
  productOf(fields, 'category', orders.OTHERS);
  const { from, until } = spanOf(fields, now, 30, 90);
  const known = engine.orders.ofAt(account, now - engine.faults.lags.history);
  const rows = known.filter((order) => {
    const isEnded = !isOpen(order) && order.created >= from && order.created <= until;
    return isEnded && orders.isOf(order, fields);
  });
  return page(call, rows.map(orderRow), 'orderId');
}

function fills(call: ApiCall): unknown {
  const { engine, account, now } = call;
  const fields = queryFields(call);
  const { from, until } = spanOf(fields, now, 30, 90);
  const orderId = textField(fields, 'orderId');
  const known = Math.min(until, now - engine.faults.lags.fills);
  const rows = engine.fills.filter((fill) => {
    if (fill.account !== account || fill.kind !== 'trade' || fill.time > known || fill.time < from) return false;
    return orders.isOf(fill.order, fields) && (orderId ?? fill.order.id) === fill.order.id;
  });
  return page(call, rows.map(fillRow).reverse(), 'execId');
}

const RECORD_TYPE = { trade: 'ORDER_DEALT', funding: 'CONTRACT_MAIN_SETTLE_FEE_USER', deposit: 'TRANSFER' } as const;

/** The sign is in the type: amounts of what was paid are positive too. */
function financialRecords(call: ApiCall): unknown {
  const { account, now } = call;
  const fields = queryFields(call);
  productOf(fields, 'category');
  const { from, until } = spanOf(fields, now, 30, 90);
  const rows = account.bills
    .filter(({ time }) => time >= from && time <= until)
    .map(({ id, symbol, coin, kind, amount, balance, time }) => ({
      category: PRODUCT,
      id,
      symbol,
      coin,
      type: `${RECORD_TYPE[kind]}_${amount.gt(0) ? 'IN' : 'OUT'}`,
      amount: textOf(amount.abs()),
      fee: '0',
      balance: textOf(balance),
      ts: String(time),
    }));
  return page(call, rows.reverse(), 'id');
}

/** Position stops that the exchange holds, one row each. */
function strategyOrders(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = queryFields(call);
  productOf(fields, 'category');
  const symbol = textField(fields, 'symbol');
  const rows = engine.ledger
    .openOf(account)
    .filter((one) => (symbol ?? one.symbol.listing.symbol) === one.symbol.listing.symbol)
    .filter(({ stopLoss, takeProfit }) => stopLoss.gt(0) || takeProfit.gt(0))
    .map((one) => ({
      orderId: one.stopId,
      clientOid: one.stopClientId,
      symbol: one.symbol.listing.symbol,
      category: PRODUCT,
      posSide: one.side,
      type: 'tpsl',
      tpslMode: 'full',
      qty: '',
      takeProfit: one.takeProfit.isZero() ? '' : textOf(one.takeProfit),
      stopLoss: one.stopLoss.isZero() ? '' : textOf(one.stopLoss),
      status: 'live',
      createdTime: String(one.updated),
      updatedTime: String(one.updated),
    }));
  return { list: listOrNull(call, rows), cursor: '' };
}

/** Stop of a whole position; a second one replaces the first here. */
function placeStrategy(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = fieldsOf(call.body);
  const symbol = symbolOf(call, fields, 'category');
  const side = choice(fields, 'posSide', ['long', 'short']);
  const [mode, kind] = [choice(fields, 'tpslMode', ['full', 'partial']), choice(fields, 'type', ['tpsl', 'trigger'])];
  const stop = decimalField(fields, 'stopLoss');
  if (!side || !stop || kind !== 'tpsl' || mode !== 'full') throw bad('posSide, stopLoss, tpslMode full');
  const held = engine.ledger.openOf(account).find((one) => one.symbol === symbol && one.side === side);
  if (!held) throw new Refusal('nothing-to-close', 'there is no position');
  const mark = engine.ledger.mark(symbol);
  if (side === 'long' ? stop.gte(mark) : stop.lte(mark)) throw new ApiRefusal('25654', 'The stop price is beyond the mark price');
  const clientId = textField(fields, 'clientOid') ?? '';
  return { orderId: call.isDry ? engine.rules.orderId(1) : engine.setStop(held, stop, clientId), clientOid: clientId };
}

function cancelStrategy(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = fieldsOf(call.body);
  const [orderId, clientId] = [textField(fields, 'orderId'), textField(fields, 'clientOid')];
  const held = engine.ledger
    .openOf(account)
    .find((one) => one.stopId !== '' && (orderId === undefined ? one.stopClientId === clientId : one.stopId === orderId));
  if (!held) throw new Refusal('not-found', 'no such order');
  if (!call.isDry) engine.setStop(held, engine.ledger.mark(held.symbol).mul(0));
  return null;
}

function setLeverage(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = fieldsOf(call.body);
  const symbol = symbolOf(call, fields, 'category');
  const leverage = decimalField(fields, 'leverage');
  if (!leverage || leverage.lt(1)) throw bad('leverage');
  const side = choice(fields, 'posSide', ['long', 'short']);
  if (engine.orders.openOf(account, symbol.key).length > 0) throw new Refusal('leverage-locked', 'orders are open');
  engine.setLeverage(
    account,
    symbol,
    { long: side === 'short' ? undefined : leverage, short: side === 'long' ? undefined : leverage },
    call.isDry,
  );
  return 'success';
}

function setHoldMode(call: ApiCall): unknown {
  const { engine, account } = call;
  const mode = choice(fieldsOf(call.body), 'holdMode', ['one_way_mode', 'hedge_mode']);
  if (!mode) throw bad('holdMode');
  if (engine.ledger.openOf(account).length + engine.orders.openOf(account).length > 0)
    throw new Refusal('has-orders', 'orders or positions are open');
  if (!call.isDry) account.holdMode = mode === 'hedge_mode' ? 'hedge' : 'one-way';
  return 'success';
}

/** Only after approval by the exchange. */
function countdown(): never {
  throw new ApiRefusal('25620', 'Incorrect permissions');
}

function maxOpen(call: ApiCall): unknown {
  const { engine, account } = call;
  const symbol = symbolOf(call, fieldsOf(call.body), 'category');
  const { longLeverage } = engine.ledger.settings(account, symbol);
  const available = engine.ledger.available(account, 'USDT', engine.orders.openOf(account));
  const most = shortText(available.mul(longLeverage).div(engine.ledger.mark(symbol)), symbol.listing.sizeDecimals);
  return { available: shortText(available), maxBuyOpen: most, maxSellOpen: most, buyOpenCost: '0', sellOpenCost: '0' };
}

type Answer = PrivateRoute['answer'];
const read = (perSecond: number, right: PrivateRoute['right'], answer: Answer): PrivateRoute => ({
  perSecond,
  right,
  writes: false,
  answer,
});
const write = (perSecond: number, right: PrivateRoute['right'], answer: Answer): PrivateRoute => ({
  perSecond,
  right,
  writes: true,
  answer,
});

/** https://www.bitget.com/api-doc/uta/intro and its pages; limits per account and second. */
export const UNIFIED_ROUTES: readonly (readonly [string, PrivateRoute])[] = [
  ['GET /api/v3/account/settings', read(20, 'manage', settings)],
  ['GET /api/v3/account/info', read(5, 'manage', info)],
  ['GET /api/v3/account/assets', read(20, 'manage', assets)],
  ['GET /api/v3/position/current-position', read(20, 'trade', currentPosition)],
  ['GET /api/v3/account/financial-records', read(20, 'manage', financialRecords)],
  ['GET /api/v3/trade/order-info', read(20, 'trade', orderInfo)],
  ['GET /api/v3/trade/unfilled-orders', read(20, 'trade', unfilledOrders)],
  ['GET /api/v3/trade/history-orders', read(20, 'trade', historyOrders)],
  ['GET /api/v3/trade/fills', read(20, 'trade', fills)],
  ['GET /api/v3/trade/unfilled-strategy-orders', read(20, 'trade', strategyOrders)],
  ['POST /api/v3/trade/place-strategy-order', write(10, 'trade', placeStrategy)],
  ['POST /api/v3/trade/cancel-strategy-order', write(10, 'trade', cancelStrategy)],
  ['POST /api/v3/trade/place-order', write(10, 'trade', orders.place)],
  ['POST /api/v3/trade/place-batch', write(5, 'trade', orders.placeBatch)],
  ['POST /api/v3/trade/modify-order', write(10, 'trade', orders.modify)],
  ['POST /api/v3/trade/cancel-order', write(10, 'trade', orders.cancel)],
  ['POST /api/v3/trade/cancel-batch', write(5, 'trade', orders.cancelBatch)],
  ['POST /api/v3/trade/cancel-symbol-order', write(5, 'trade', orders.cancelSymbol)],
  ['POST /api/v3/trade/close-positions', write(5, 'trade', orders.closePositions)],
  ['POST /api/v3/trade/countdown-cancel-all', write(1, 'trade', countdown)],
  ['POST /api/v3/account/set-leverage', write(10, 'manage', setLeverage)],
  ['POST /api/v3/account/set-hold-mode', write(10, 'manage', setHoldMode)],
  ['POST /api/v3/account/max-open-available', read(5, 'trade', maxOpen)],
];
