import { shortText, sum, textOf, ZERO } from '../engine/decimals.js';
import type { Engine } from '../engine/engine.js';
import type { Account, Fill, Order, Position } from '../engine/model.js';
import { tradeSideOf } from './calls.js';
import { cancelReasonOf, holdModeText, lockedOf, modeText } from './unified-rows.js';

const STATUS = {
  pending: 'live',
  new: 'live',
  partial: 'partially_filled',
  filled: 'filled',
  cancelled: 'canceled',
  rejected: 'canceled',
} as const;

/** Returns the side as v2 writes it: in hedge mode a close has the side of the position, `buy` for a long. */
function sideOf({ side, slot }: Order): string {
  if (slot === 'net') return side;
  return slot === 'long' ? 'buy' : 'sell';
}

/** The row of lists; `state` instead of `status` in an order's detail. */
function sourceOf(cause: Order['cause']): string {
  return cause === 'api' ? 'API' : cause === 'site' ? 'WEB' : 'SYS';
}

export function orderRow(order: Order, statusName: 'status' | 'state' = 'status'): Record<string, unknown> {
  const { symbol, filled, value, slot, kind, status, cause } = order;
  const isUntouched = filled.isZero();
  return {
    symbol: symbol.listing.symbol,
    size: textOf(order.amount),
    orderId: order.id,
    clientOid: order.clientId,
    baseVolume: textOf(filled),
    fee: textOf(order.fee.neg()),
    price: kind === 'market' ? '' : textOf(order.price),
    priceAvg: isUntouched ? '' : shortText(value.div(filled), 10),
    [statusName]: STATUS[status],
    side: sideOf(order),
    force: order.force,
    totalProfits: isUntouched ? '' : shortText(order.realised),
    posSide: slot,
    marginCoin: symbol.listing.settle,
    quoteVolume: textOf(value),
    leverage: textOf(order.leverage),
    marginMode: modeText(order.marginMode),
    reduceOnly: slot === 'net' && order.reduceOnly ? 'YES' : 'NO',
    enterPointSource: sourceOf(cause),
    tradeSide: tradeSideOf(order),
    posMode: holdModeText(order),
    orderType: kind,
    orderSource: cause === 'liquidation' ? 'liquidation' : 'normal',
    cancelReason: cancelReasonOf(order),
    presetStopSurplusPrice: '',
    presetStopLossPrice: '',
    cTime: String(order.created),
    uTime: String(order.updated),
  };
}

export function fillRow(fill: Fill): Record<string, unknown> {
  const { order } = fill;
  return {
    tradeId: fill.id,
    symbol: fill.symbol.listing.symbol,
    orderId: order.id,
    price: shortText(fill.price, 10),
    baseVolume: textOf(fill.amount),
    feeDetail: [{ deduction: 'no', feeCoin: fill.feeCoin, totalDeductionFee: '0', totalFee: textOf(fill.fee.neg()) }],
    side: sideOf(order),
    quoteVolume: shortText(fill.value, 10),
    profit: shortText(fill.realised),
    enterPointSource: sourceOf(order.cause),
    tradeSide: tradeSideOf(order),
    posMode: holdModeText(order),
    tradeScope: fill.isMaker ? 'maker' : 'taker',
    cTime: String(fill.time),
  };
}

/** The push names the side of the trade itself, and the client id that the list lacks. */
export function fillPush(fill: Fill): Record<string, unknown> {
  const { enterPointSource: _, ...row } = fillRow(fill);
  const { order } = fill;
  return { ...row, clientOid: order.clientId, side: order.side, orderType: order.kind, uTime: String(fill.time) };
}

export function orderPush(order: Order, fill: Fill | undefined): Record<string, unknown> {
  const { symbol, slot, filled, value, status, kind } = order;
  const coin = symbol.listing.settle;
  const average = filled.isZero() || status === 'cancelled' ? {} : { priceAvg: shortText(value.div(filled), 10) };
  return {
    instId: symbol.listing.symbol,
    orderId: order.id,
    clientOid: order.clientId,
    price: kind === 'market' ? '' : textOf(order.price),
    size: textOf(order.amount),
    posMode: holdModeText(order),
    posSide: slot,
    tradeSide: tradeSideOf(order),
    side: sideOf(order),
    orderType: kind,
    force: order.force,
    marginMode: modeText(order.marginMode),
    marginCoin: coin,
    leverage: textOf(order.leverage),
    notionalUsd: shortText(order.amount.mul(order.price)),
    accBaseVolume: textOf(filled),
    baseVolume: textOf(fill?.amount ?? ZERO),
    fillPrice: fill ? shortText(fill.price, 10) : '',
    fillTime: fill ? String(fill.time) : '',
    tradeId: fill?.id ?? '',
    fillFee: fill ? textOf(fill.fee.neg()) : '0',
    fillFeeCoin: coin,
    tradeScope: fill?.isMaker ? 'M' : 'T',
    fillNotionalUsd: fill ? shortText(fill.value) : '',
    ...average,
    status: STATUS[status],
    cancelReason: cancelReasonOf(order),
    feeDetail: order.fee.isZero() ? [] : [{ feeCoin: coin, fee: textOf(order.fee.neg()) }],
    pnl: fill ? shortText(fill.realised) : '0',
    totalProfits: shortText(order.realised),
    reduceOnly: slot === 'net' && order.reduceOnly ? 'yes' : 'no',
    enterPointSource: sourceOf(order.cause),
    stpMode: 'none',
    presetStopSurplusPrice: '',
    presetStopLossPrice: '',
    cTime: String(order.created),
    uTime: String(order.updated),
  };
}

function sharedPosition(engine: Engine, position: Position): Record<string, unknown> {
  const { ledger } = engine;
  const { symbol, amount, margin } = position;
  const liquidation = ledger.liquidationPrice(position);
  const value = amount.mul(ledger.mark(symbol));
  return {
    marginCoin: symbol.listing.settle,
    holdSide: position.side,
    marginSize: shortText(margin),
    available: textOf(amount.minus(lockedOf(engine, position))),
    total: textOf(amount),
    achievedProfits: shortText(position.realised),
    openPriceAvg: shortText(position.average, 10),
    marginMode: modeText(position.marginMode),
    posMode: holdModeText(position),
    unrealizedPL: shortText(ledger.unrealised(position)),
    liquidationPrice: liquidation ? shortText(liquidation, symbol.listing.priceDecimals) : '0',
    keepMarginRate: value.isZero() ? '0' : shortText(ledger.maintenanceOf(position).div(value)),
    markPrice: textOf(ledger.mark(symbol)),
    breakEvenPrice: shortText(position.average),
    totalFee: position.funding.isZero() ? '' : shortText(position.funding),
    deductedFee: shortText(position.openFee.plus(position.closeFee)),
    assetMode: 'single',
    autoMargin: 'off',
    cTime: String(position.created),
    uTime: String(position.updated),
  };
}

export function positionRow(engine: Engine, position: Position): Record<string, unknown> {
  const { symbol, margin } = position;
  const maintenance = engine.ledger.maintenanceOf(position);
  const backing = margin.plus(engine.ledger.unrealised(position));
  return {
    ...sharedPosition(engine, position),
    symbol: symbol.listing.symbol,
    openDelegateSize: '0',
    locked: textOf(lockedOf(engine, position)),
    leverage: textOf(position.leverage),
    marginRatio: backing.gt(0) ? shortText(maintenance.div(backing)) : '1',
    takeProfit: position.takeProfit.isZero() ? '' : textOf(position.takeProfit),
    stopLoss: position.stopLoss.isZero() ? '' : textOf(position.stopLoss),
    takeProfitId: '',
    stopLossId: '',
  };
}

export function positionPush(engine: Engine, position: Position): Record<string, unknown> {
  const { symbol, margin } = position;
  const profit = engine.ledger.unrealised(position);
  return {
    posId: engine.rules.orderId(position.created % 1_000_000),
    instId: symbol.listing.symbol,
    ...sharedPosition(engine, position),
    frozen: textOf(lockedOf(engine, position)),
    leverage: position.leverage.toNumber(),
    unrealizedPLR: margin.isZero() ? '0' : shortText(profit.div(margin)),
    marginRate: '0',
  };
}

function figuresOf(engine: Engine, account: Account, coin: string, balances: ReadonlyMap<string, ReturnType<typeof sum>>) {
  const { ledger, orders } = engine;
  const positions = ledger.openOf(account).filter(({ symbol }) => symbol.listing.settle === coin);
  const profitOf = (mode: Position['marginMode']) =>
    sum(positions.filter(({ marginMode }) => marginMode === mode).map((position) => ledger.unrealised(position)));
  const [isolated, cross] = [profitOf('isolated'), profitOf('cross')];
  const balance = balances.get(coin) ?? ZERO;
  const available = ledger.available(account, coin, orders.openOf(account));
  const maintenance = sum(positions.map((position) => ledger.maintenanceOf(position)));
  return {
    isolated,
    cross,
    available,
    maintenance,
    equity: balance.plus(isolated).plus(cross),
    hasPositions: positions.length > 0,
  };
}

/** `mode` names the symbol's settings, absent in the list of all coins. */
export function accountRow(
  engine: Engine,
  account: Account,
  coin: string,
  balances: Account['balances'],
): Record<string, unknown> {
  const { isolated, cross, available, equity, maintenance, hasPositions } = figuresOf(engine, account, coin, balances);
  const free = shortText(available);
  return {
    marginCoin: coin,
    locked: shortText(engine.orderMargin(account, coin)),
    available: free,
    crossedMaxAvailable: free,
    isolatedMaxAvailable: free,
    maxTransferOut: free,
    accountEquity: shortText(equity),
    usdtEquity: shortText(equity),
    btcEquity: '0',
    crossedRiskRate: equity.isZero() ? '0' : shortText(maintenance.div(equity)),
    unrealizedPL: hasPositions ? shortText(isolated.plus(cross)) : '',
    coupon: '0',
    crossedUnrealizedPL: shortText(cross),
    isolatedUnrealizedPL: shortText(isolated),
    assetMode: 'single',
  };
}

export function accountPush(engine: Engine, account: Account, coin: string): Record<string, unknown> {
  const { isolated, cross, available, equity, maintenance } = figuresOf(engine, account, coin, account.balances);
  const free = shortText(available);
  return {
    marginCoin: coin,
    frozen: shortText(engine.orderMargin(account, coin)),
    available: free,
    maxOpenPosAvailable: free,
    maxTransferOut: free,
    equity: shortText(equity),
    usdtEquity: shortText(equity),
    crossedRiskRate: equity.isZero() ? '0' : shortText(maintenance.div(equity)),
    unrealizedPL: shortText(isolated.plus(cross)),
    unionTotalMargin: '0',
    unionAvailable: '0',
    unionMm: '0',
    assetsMode: 'single',
  };
}
