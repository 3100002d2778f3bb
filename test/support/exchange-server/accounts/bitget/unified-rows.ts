import { shortText, sum, textOf } from '../engine/decimals.js';
import type { Engine } from '../engine/engine.js';
import { type Account, type Fill, type MarginMode, type Order, type Position, remaining } from '../engine/model.js';
import { PRODUCT, tradeSideOf } from './calls.js';

const STATUS = {
  pending: 'live',
  new: 'new',
  partial: 'partially_filled',
  filled: 'filled',
  cancelled: 'cancelled',
  rejected: 'cancelled',
} as const;
const EXEC_TYPE: Readonly<Partial<Record<Order['cause'], string>>> = {
  liquidation: 'liquidation',
  adl: 'offset',
  settlement: 'delivery',
};
const CANCEL_REASON: Readonly<Record<string, string>> = { '': '', user: 'normal_cancel' };

export function modeText(mode: MarginMode): string {
  return mode === 'cross' ? 'crossed' : 'isolated';
}

export function holdModeText({ slot }: { slot: Order['slot'] }): string {
  return slot === 'net' ? 'one_way_mode' : 'hedge_mode';
}

/** The pages list `normal_cancel` and `stp_cancel` only; the others are of this server. */
export function cancelReasonOf({ reason, status }: Order): string {
  return status === 'cancelled' ? (CANCEL_REASON[reason] ?? reason.replaceAll('-', '_')) : '';
}

/** What REST and pushes share. */
function sharedOrder(order: Order): Record<string, unknown> {
  const { symbol, filled, value, fee } = order;
  return {
    symbol: symbol.listing.symbol,
    orderId: order.id,
    clientOid: order.clientId,
    price: order.kind === 'market' ? '' : textOf(order.price),
    qty: textOf(order.amount),
    amount: '0',
    side: order.side,
    orderType: order.kind,
    timeInForce: order.force,
    orderStatus: STATUS[order.status],
    tradeSide: tradeSideOf(order),
    marginMode: modeText(order.marginMode),
    marginCoin: symbol.listing.settle,
    cumExecQty: textOf(filled),
    cumExecValue: textOf(value),
    avgPrice: filled.isZero() ? '0' : shortText(value.div(filled), 10),
    holdMode: holdModeText(order),
    feeDetail: fee.isZero() ? [] : [{ feeCoin: symbol.listing.settle, fee: textOf(fee) }],
    cancelReason: cancelReasonOf(order),
    stpMode: 'none',
    createdTime: String(order.created),
    updatedTime: String(order.updated),
  };
}

export function orderRow(order: Order): Record<string, unknown> {
  const { slot, reduceOnly, cause } = order;
  return {
    ...sharedOrder(order),
    category: PRODUCT,
    posSide: slot,
    // In hedge mode side and position side say what closes, not this flag.
    reduceOnly: slot === 'net' && reduceOnly ? 'YES' : 'NO',
    execType: EXEC_TYPE[cause] ?? 'normal',
  };
}

export function orderPush(order: Order): Record<string, unknown> {
  const { slot, reduceOnly } = order;
  return {
    ...sharedOrder(order),
    category: PRODUCT.toLowerCase(),
    holdSide: slot,
    reduceOnly: slot === 'net' && reduceOnly ? 'yes' : 'no',
    leverage: textOf(order.leverage),
    totalProfit: textOf(order.realised),
  };
}

export function fillRow(fill: Fill): Record<string, unknown> {
  const { order } = fill;
  return {
    execId: fill.id,
    execLinkId: fill.id,
    orderId: order.id,
    clientOid: order.clientId,
    category: PRODUCT,
    symbol: fill.symbol.listing.symbol,
    orderType: order.kind,
    side: order.side,
    execPrice: shortText(fill.price, 10),
    execQty: textOf(fill.amount),
    execValue: shortText(fill.value, 10),
    tradeScope: fill.isMaker ? 'maker' : 'taker',
    tradeSide: tradeSideOf(order),
    feeDetail: [{ feeCoin: fill.feeCoin, fee: textOf(fill.fee) }],
    execPnl: textOf(fill.realised),
    createdTime: String(fill.time),
    updatedTime: String(fill.time),
  };
}

export function fillPush(fill: Fill): Record<string, unknown> {
  const { createdTime, ...row } = fillRow(fill);
  return { ...row, category: PRODUCT.toLowerCase(), holdSide: fill.order.slot, execTime: createdTime };
}

/** Returns how much of a hedge position its own resting closes occupy. */
export function lockedOf(engine: Engine, { account, symbol, slot }: Position) {
  const own = engine.orders.openOf(account, symbol.key).filter((order) => order.reduceOnly && order.slot === slot);
  return sum(slot === 'net' ? [] : own.map(remaining));
}

export function positionRow(engine: Engine, position: Position): Record<string, unknown> {
  const { ledger } = engine;
  const { symbol, amount, margin } = position;
  const profit = ledger.unrealised(position);
  const liquidation = ledger.liquidationPrice(position);
  const locked = lockedOf(engine, position);
  const value = amount.mul(ledger.mark(symbol));
  return {
    category: PRODUCT,
    symbol: symbol.listing.symbol,
    marginCoin: symbol.listing.settle,
    holdMode: holdModeText(position),
    posSide: position.side,
    marginMode: modeText(position.marginMode),
    positionBalance: shortText(margin),
    available: textOf(amount.minus(locked)),
    frozen: textOf(locked),
    total: textOf(amount),
    leverage: textOf(position.leverage),
    curRealisedPnl: shortText(position.realised),
    avgPrice: shortText(position.average, 10),
    positionStatus: 'normal',
    unrealisedPnl: shortText(profit),
    liquidationPrice: liquidation ? shortText(liquidation, symbol.listing.priceDecimals) : '0',
    mmr: value.isZero() ? '0' : shortText(ledger.maintenanceOf(position).div(value)),
    profitRate: margin.isZero() ? '0' : shortText(profit.div(margin)),
    markPrice: textOf(ledger.mark(symbol)),
    breakEvenPrice: shortText(position.average),
    totalFunding: shortText(position.funding),
    openFeeTotal: shortText(position.openFee.neg()),
    closeFeeTotal: shortText(position.closeFee.neg()),
    createdTime: String(position.created),
    updatedTime: String(position.updated),
  };
}

/** A closed position is pushed with size 0 and `ended`; most of its fields are empty. */
export function positionPush(engine: Engine, position: Position): Record<string, unknown> {
  const { category: _, total, liquidationPrice, totalFunding, positionBalance, ...row } = positionRow(engine, position);
  const shared = { size: total, marginSize: positionBalance, liqPrice: liquidationPrice, totalFundingFee: totalFunding };
  if (!position.amount.isZero()) return { ...row, ...shared, positionStatus: 'opening' };
  const empty = { avgPrice: '', liqPrice: '', marginSize: '', breakEvenPrice: '', unrealisedPnl: '', profitRate: '', mmr: '' };
  return { ...row, ...shared, ...empty, positionStatus: 'ended' };
}

/** Returns the account's coins and totals. */
export function totalsOf(engine: Engine, account: Account, balances = account.balances) {
  const { ledger, orders } = engine;
  const open = ledger.openOf(account);
  const rows = [...balances]
    .filter(([, balance]) => !balance.isZero())
    .map(([coin, balance]) => {
      const profit = sum(open.filter(({ symbol }) => symbol.listing.settle === coin).map((one) => ledger.unrealised(one)));
      return {
        coin,
        balance,
        profit,
        equity: balance.plus(profit),
        available: ledger.available(account, coin, orders.openOf(account)),
      };
    });
  const equity = sum(rows.map((row) => row.equity));
  const initial = sum(open.map(({ margin }) => margin)).plus(engine.orderMargin(account, 'USDT'));
  const maintenance = sum(open.map((position) => ledger.maintenanceOf(position)));
  const profit = sum(rows.map((row) => row.profit));
  return { rows, equity, profit, initial, maintenance, ratio: equity.isZero() ? equity : maintenance.div(equity) };
}
