import type { ApiCall, PrivateRoute } from '../dialect.js';
import { textOf } from '../engine/decimals.js';
import { isOpen, type Order, Refusal } from '../engine/model.js';
import {
  bad,
  choice,
  decimalField,
  type Fields,
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
import * as orders from './classic-orders.js';
import { accountRow, fillRow, orderRow, positionRow } from './classic-rows.js';
import { modeText } from './unified-rows.js';

function balancesOf({ engine, account, now }: ApiCall) {
  const lag = engine.faults.lags.balances;
  return lag > 0 ? engine.ledger.balancesAt(account, now - lag) : account.balances;
}

function oneAccount(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = queryFields(call);
  const symbol = symbolOf(call, fields, 'productType');
  const { longLeverage, shortLeverage } = engine.ledger.settings(account, symbol);
  const coin = (textField(fields, 'marginCoin') ?? 'USDT').toUpperCase();
  return {
    ...accountRow(engine, account, coin, balancesOf(call)),
    crossedMarginLeverage: textOf(longLeverage),
    isolatedLongLever: textOf(longLeverage),
    isolatedShortLever: textOf(shortLeverage),
    marginMode: modeText(engine.ledger.marginModeOf(account, symbol)),
    posMode: account.holdMode === 'hedge' ? 'hedge_mode' : 'one_way_mode',
  };
}

function allAccounts(call: ApiCall): unknown {
  const { engine, account } = call;
  if (productOf(queryFields(call), 'productType') !== PRODUCT) return [];
  const balances = balancesOf(call);
  return [...balances.keys()].map((coin) => ({
    ...accountRow(engine, account, coin, balances),
    isolatedMargin: '0',
    crossedMargin: '0',
    assetList: [],
    unionTotalMagin: '0',
  }));
}

function allPositions(call: ApiCall): unknown {
  const { engine, account, now } = call;
  if (productOf(queryFields(call), 'productType') !== PRODUCT) return [];
  const known = engine.ledger.positionsAt(account, now - engine.faults.lags.positions);
  return known.filter(({ amount }) => amount.gt(0)).map((position) => positionRow(engine, position));
}

/** A flat symbol gives no row. */
function singlePosition(call: ApiCall): unknown {
  const { engine, account, now } = call;
  const fields = queryFields(call);
  const symbol = symbolOf(call, fields, 'productType');
  if (!textField(fields, 'marginCoin')) throw bad('marginCoin cannot be empty');
  const known = engine.ledger.positionsAt(account, now - engine.faults.lags.positions);
  return known.filter((one) => one.symbol === symbol && one.amount.gt(0)).map((position) => positionRow(engine, position));
}

function detail(call: ApiCall): unknown {
  const fields = queryFields(call);
  symbolOf(call, fields, 'productType');
  return orderRow(namedOrder(call, fields, call.now - call.engine.faults.lags.detail), 'state');
}

function isAsked(order: Order, fields: Fields): boolean {
  if (productOf(fields, 'productType') !== PRODUCT) return false;
  const is = (name: string, value: string): boolean => (textField(fields, name) ?? value) === value;
  return is('symbol', order.symbol.listing.symbol) && is('orderId', order.id) && is('clientOid', order.clientId);
}

function orderPage(call: ApiCall, rows: readonly Record<string, unknown>[]): unknown {
  const fields = queryFields(call);
  const { list, last } = pageOf(fields, rows, (row) => String(row.orderId), textField(fields, 'idLessThan'));
  return { entrustedList: listOrNull(call, list), endId: last };
}

function pending(call: ApiCall): unknown {
  const { engine, account, now } = call;
  const fields = queryFields(call);
  const known = engine.orders.ofAt(account, now - engine.faults.lags.open);
  const rows = known.filter((order) => isOpen(order) && isAsked(order, fields)).map((order) => orderRow(order));
  const hidden = engine.faults.questions.pendingHidesPartial ? 'live' : undefined;
  const status = textField(fields, 'status') ?? hidden;
  return orderPage(
    call,
    rows.filter((row) => status === undefined || row.status === status),
  );
}

function history(call: ApiCall): unknown {
  const { engine, account, now } = call;
  const fields = queryFields(call);
  const { from, until } = spanOf(fields, now, 90, 90);
  const known = engine.orders.ofAt(account, now - engine.faults.lags.history);
  const ended = known.filter(
    (order) => !isOpen(order) && isAsked(order, fields) && order.created >= from && order.created <= until,
  );
  const status = textField(fields, 'status');
  const rows = ended.map((order) => ({ ...orderRow(order), posAvg: '', liqPrice: '' }) as Record<string, unknown>);
  return orderPage(
    call,
    rows.filter((row) => status === undefined || row.status === status),
  );
}

function fillsOf(days: number): PrivateRoute['answer'] {
  return (call) => {
    const { engine, account, now } = call;
    const fields = queryFields(call);
    const { from, until } = spanOf(fields, now, days, 90);
    const known = Math.min(until, now - engine.faults.lags.fills);
    const rows = engine.fills.filter((fill) => {
      if (fill.account !== account || fill.kind !== 'trade' || fill.time < from || fill.time > known) return false;
      return isAsked(fill.order, fields);
    });
    const { list, last } = pageOf(
      fields,
      rows.map(fillRow).reverse(),
      (row) => String(row.tradeId),
      textField(fields, 'idLessThan'),
    );
    return { fillList: listOrNull(call, list), endId: last };
  };
}

/** Position stops that the exchange holds, a row for each price. */
function planOrders(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = queryFields(call);
  productOf(fields, 'productType');
  const plan = choice(fields, 'planType', ['normal_plan', 'track_plan', 'profit_loss']);
  if (!plan) throw bad('planType cannot be empty');
  const name = textField(fields, 'symbol');
  const held = plan === 'profit_loss' ? engine.ledger.openOf(account) : [];
  const rows = held
    .filter(({ symbol }) => (name ?? symbol.listing.symbol) === symbol.listing.symbol)
    .flatMap((one) =>
      (['stopLoss', 'takeProfit'] as const)
        .filter((kind) => one[kind].gt(0))
        .map((kind) => ({
          planType: kind === 'stopLoss' ? 'pos_loss' : 'pos_profit',
          symbol: one.symbol.listing.symbol,
          orderId: engine.rules.orderId(one.sequence),
          clientOid: '',
          size: '',
          triggerPrice: textOf(one[kind]),
          triggerType: 'mark_price',
          planStatus: 'live',
          side: one.side === 'long' ? 'sell' : 'buy',
          posSide: one.slot,
          tradeSide: one.slot === 'net' ? `${one.side === 'long' ? 'sell' : 'buy'}_single` : 'close',
          reduceOnly: 'yes',
          marginCoin: one.symbol.listing.settle,
          cTime: String(one.updated),
          uTime: String(one.updated),
        })),
    );
  return { entrustedList: listOrNull(call, rows), endId: '' };
}

/** Finished positions, from the versions that became flat. */
function positionHistory(call: ApiCall): unknown {
  const { engine, account } = call;
  const closed = engine.ledger
    .history()
    .filter((one) => one.account === account && one.amount.isZero() && one.realised.abs().plus(one.closeFee).gt(0));
  const list = closed.reverse().map((one) => ({
    positionId: engine.rules.orderId(one.sequence),
    marginCoin: one.symbol.listing.settle,
    symbol: one.symbol.listing.symbol,
    holdSide: one.side,
    marginMode: modeText(one.marginMode),
    pnl: textOf(one.realised),
    totalFunding: textOf(one.funding),
    openFee: textOf(one.openFee.neg()),
    closeFee: textOf(one.closeFee.neg()),
    ctime: String(one.created),
    utime: String(one.updated),
  }));
  return { list: listOrNull(call, list), endId: '' };
}

const BUSINESS = { trade: 'trade', funding: 'contract_settle_fee', deposit: 'trans_from_exchange' } as const;

function bills(call: ApiCall): unknown {
  const fields = queryFields(call);
  const { from, until } = spanOf(fields, call.now, 30, 90);
  const rows = call.account.bills
    .filter(({ time }) => time >= from && time <= until)
    .map((bill, at) => ({
      billId: String(1_000_000 + at),
      symbol: bill.symbol,
      amount: textOf(bill.amount),
      fee: '0',
      coin: bill.coin,
      businessType: BUSINESS[bill.kind],
      balance: textOf(bill.balance),
      cTime: String(bill.time),
    }))
    .reverse();
  const { list, last } = pageOf(fields, rows, ({ billId }) => billId, textField(fields, 'idLessThan'));
  return { bills: list, endId: last };
}

function spotInfo({ account, key, engine }: ApiCall): unknown {
  const areCodes = engine.faults.questions.authorities === 'codes';
  const codes = [
    ...(key.manage === 'none' ? [] : ['cpor']),
    ...(key.trade === 'none' ? [] : ['coor', 'stor']),
    ...(key.trade === 'write' ? ['coow', 'stow', 'cpow'] : []),
    ...(key.canTransfer ? ['wtow'] : []),
    ...(key.canWithdraw ? ['wwow'] : []),
  ];
  const words = [
    key.trade === 'write' ? 'trade' : 'readonly',
    ...(key.canTransfer ? ['transfer'] : []),
    ...(key.canWithdraw ? ['withdraw'] : []),
  ];
  return {
    userId: account.uid,
    inviterId: '',
    ips: key.ips.join(','),
    authorities: areCodes ? codes : words,
    parentId: Number(account.uid),
    traderType: 'trader',
    channelCode: '',
    channel: '',
    regisTime: String(engine.now() - 86_400_000),
  };
}

function setPositionMode(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = fieldsOf(call.body);
  productOf(fields, 'productType');
  const posMode = choice(fields, 'posMode', ['one_way_mode', 'hedge_mode']);
  if (!posMode) throw bad('posMode');
  if (engine.ledger.openOf(account).length + engine.orders.openOf(account).length > 0)
    throw new Refusal('has-orders', 'not flat');
  if (!call.isDry) account.holdMode = posMode === 'hedge_mode' ? 'hedge' : 'one-way';
  return { posMode };
}

function leverageAnswer(call: ApiCall, fields: Fields): unknown {
  const symbol = symbolOf(call, fields, 'productType');
  const { longLeverage, shortLeverage } = call.engine.ledger.settings(call.account, symbol);
  return {
    symbol: symbol.listing.symbol,
    marginCoin: symbol.listing.settle,
    longLeverage: textOf(longLeverage),
    shortLeverage: textOf(shortLeverage),
    crossMarginLeverage: textOf(longLeverage),
    marginMode: modeText(call.engine.ledger.marginModeOf(call.account, symbol)),
  };
}

function setMarginMode(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = fieldsOf(call.body);
  const symbol = symbolOf(call, fields, 'productType');
  const mode = choice(fields, 'marginMode', ['isolated', 'crossed']);
  if (!mode) throw bad('marginMode');
  const isHeld = engine.ledger.openOf(account).some((one) => one.symbol === symbol);
  if (isHeld || engine.orders.openOf(account, symbol.key).length > 0) throw new Refusal('has-orders', 'not flat');
  if (!call.isDry) engine.ledger.settings(account, symbol).marginMode = mode === 'crossed' ? 'cross' : 'isolated';
  return leverageAnswer(call, fields);
}

/** `leverage` for both sides, or one of `longLeverage`, `shortLeverage` each; isolated hedge names its side. */
function setLeverage(call: ApiCall): unknown {
  const { engine, account } = call;
  const fields = fieldsOf(call.body);
  const symbol = symbolOf(call, fields, 'productType');
  const both = decimalField(fields, 'leverage');
  const side = choice(fields, 'holdSide', ['long', 'short']);
  const long = decimalField(fields, 'longLeverage') ?? (side === 'short' ? undefined : both);
  const short = decimalField(fields, 'shortLeverage') ?? (side === 'long' ? undefined : both);
  if (!long && !short) throw bad('leverage cannot be empty');
  if (engine.orders.openOf(account, symbol.key).length > 0) throw new Refusal('leverage-locked', 'orders are open');
  if (!engine.setLeverage(account, symbol, { long, short }, call.isDry)) throw new Refusal('unchanged', 'the same leverage');
  return leverageAnswer(call, fields);
}

type Answer = PrivateRoute['answer'];
const read = (perSecond: number, answer: Answer, hasDemo = true): PrivateRoute => ({
  perSecond,
  right: 'trade',
  writes: false,
  hasDemo,
  answer,
});
const write = (perSecond: number, answer: Answer): PrivateRoute => ({ perSecond, right: 'trade', writes: true, answer });

/** https://www.bitget.com/api-doc/contract/intro and its pages; limits per account and second. */
export const CLASSIC_ROUTES: readonly (readonly [string, PrivateRoute])[] = [
  ['GET /api/v2/spot/account/info', { ...read(1, spotInfo), right: 'any' }],
  ['GET /api/v2/mix/account/account', read(10, oneAccount)],
  ['GET /api/v2/mix/account/accounts', read(10, allAccounts)],
  ['GET /api/v2/mix/account/bill', read(10, bills)],
  ['GET /api/v2/mix/position/all-position', read(5, allPositions)],
  ['GET /api/v2/mix/position/single-position', read(10, singlePosition)],
  ['GET /api/v2/mix/position/history-position', read(20, positionHistory)],
  ['GET /api/v2/mix/order/detail', read(10, detail)],
  ['GET /api/v2/mix/order/orders-pending', read(10, pending)],
  ['GET /api/v2/mix/order/orders-history', read(10, history)],
  ['GET /api/v2/mix/order/fills', read(10, fillsOf(90))],
  ['GET /api/v2/mix/order/fill-history', read(10, fillsOf(7), false)],
  ['GET /api/v2/mix/order/orders-plan-pending', read(10, planOrders)],
  ['POST /api/v2/mix/account/set-position-mode', write(5, setPositionMode)],
  ['POST /api/v2/mix/account/set-margin-mode', write(5, setMarginMode)],
  ['POST /api/v2/mix/account/set-leverage', write(5, setLeverage)],
  ['POST /api/v2/mix/order/place-order', write(10, orders.place)],
  ['POST /api/v2/mix/order/batch-place-order', write(5, orders.placeBatch)],
  ['POST /api/v2/mix/order/cancel-order', write(10, orders.cancel)],
  ['POST /api/v2/mix/order/batch-cancel-orders', write(10, orders.cancelBatch)],
  ['POST /api/v2/mix/order/cancel-all-orders', write(10, orders.cancelAll)],
  ['POST /api/v2/mix/order/modify-order', write(10, orders.modify)],
  ['POST /api/v2/mix/order/close-positions', write(1, orders.closePositions)],
  ['POST /api/v2/mix/order/place-pos-tpsl', write(10, orders.placePositionStop)],
  ['POST /api/v2/mix/order/place-tpsl-order', write(10, orders.placePositionStop)],
];
