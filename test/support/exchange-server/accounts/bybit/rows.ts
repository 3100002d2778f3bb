import { type Decimal, shortText, sum, textOf, ZERO } from '../engine/decimals.js';
import type { Engine } from '../engine/engine.js';
import { type Account, type Fill, isOpen, type Order, type Position, remaining, type Slot } from '../engine/model.js';

const FORCE = { gtc: 'GTC', ioc: 'IOC', fok: 'FOK', post_only: 'PostOnly' } as const;
const STATUS = {
  pending: 'New',
  new: 'New',
  partial: 'PartiallyFilled',
  filled: 'Filled',
  cancelled: 'Cancelled',
  rejected: 'Rejected',
} as const;
const INDEX: Readonly<Record<Slot, number>> = { net: 0, long: 1, short: 2 };

const CREATE_TYPE: Readonly<Record<Order['cause'], string>> = {
  api: 'CreateByUser',
  site: 'CreateByClosing',
  liquidation: 'CreateByLiq',
  adl: 'CreateByAdl_PassThrough',
  settlement: 'CreateBySettle',
  stop: 'CreateByStopLoss',
};

const CANCEL_TYPE: Readonly<Record<string, string>> = {
  user: 'CancelByUser',
  admin: 'CancelByAdmin',
  'reduce-only': 'CancelByReduceOnly',
  liquidation: 'CancelAllBeforeLiq',
  adl: 'CancelAllBeforeAdl',
  settlement: 'CancelBySettle',
};

const REJECT_REASON: Readonly<Record<string, string>> = {
  'post-only': 'EC_PostOnlyWillTakeLiquidity',
  'no-liquidity': 'EC_NoImmediateQtyToFill',
  'not-in-full': 'EC_CancelForNoFullFill',
};

function sideText(side: Order['side']): 'Buy' | 'Sell' {
  return side === 'buy' ? 'Buy' : 'Sell';
}

export function orderRow(order: Order): Record<string, unknown> {
  const { symbol, status, filled, value, fee, amount, price, reason, kind } = order;
  const left = isOpen(order) ? remaining(order) : ZERO;
  return {
    orderId: order.id,
    orderLinkId: order.clientId,
    blockTradeId: '',
    symbol: symbol.listing.symbol,
    price: textOf(price),
    qty: textOf(amount),
    side: sideText(order.side),
    isLeverage: '',
    positionIdx: INDEX[order.slot],
    orderStatus: STATUS[status],
    createType: CREATE_TYPE[order.cause],
    cancelType: CANCEL_TYPE[reason] ?? 'UNKNOWN',
    rejectReason: REJECT_REASON[reason] ?? 'EC_NoError',
    avgPrice: filled.isZero() ? '' : shortText(value.div(filled), 10),
    leavesQty: textOf(left),
    leavesValue: textOf(left.mul(price)),
    cumExecQty: textOf(filled),
    cumExecValue: textOf(value),
    cumExecFee: textOf(fee),
    timeInForce: FORCE[order.force],
    orderType: kind === 'limit' ? 'Limit' : 'Market',
    stopOrderType: order.cause === 'stop' ? 'StopLoss' : '',
    orderIv: '',
    marketUnit: '',
    triggerPrice: '',
    takeProfit: '',
    stopLoss: '',
    tpslMode: '',
    ocoTriggerBy: '',
    tpLimitPrice: '',
    slLimitPrice: '',
    tpTriggerBy: '',
    slTriggerBy: '',
    triggerDirection: 0,
    triggerBy: '',
    lastPriceOnCreated: '',
    reduceOnly: order.reduceOnly,
    closeOnTrigger: false,
    placeType: '',
    smpType: 'None',
    smpGroup: 0,
    smpOrderId: '',
    createdTime: String(order.created),
    updatedTime: String(order.updated),
    cumFeeDetail: fee.isZero() ? {} : { [symbol.listing.settle]: textOf(fee) },
  };
}

/** The stop of a whole position, as the open list shows it. */
export function stopRow(position: Position): Record<string, unknown> {
  const { symbol, side, amount, stopLoss, stopId, updated, account, slot, marginMode, leverage, sequence } = position;
  const order: Order = {
    ...{ id: stopId, clientId: '', account, symbol, side: side === 'long' ? 'sell' : 'buy', slot, kind: 'market', force: 'ioc' },
    ...{ price: ZERO, amount, reduceOnly: true, marginMode, leverage, cause: 'stop', created: updated, updated, status: 'new' },
    ...{ filled: ZERO, value: ZERO, fee: ZERO, realised: ZERO, reason: '', sequence, request: 0 },
  };
  const trigger = { triggerPrice: textOf(stopLoss), triggerDirection: side === 'long' ? 2 : 1, triggerBy: 'MarkPrice' };
  return { ...orderRow(order), ...trigger, orderStatus: 'Untriggered', tpslMode: 'Full', closeOnTrigger: true };
}

const EXEC_TYPE: Readonly<Partial<Record<Order['cause'], string>>> = {
  liquidation: 'BustTrade',
  adl: 'AdlTrade',
  settlement: 'Settle',
};

export function fillRow(fill: Fill, engine: Engine): Record<string, unknown> {
  const { order, symbol, kind } = fill;
  const isFunding = kind === 'funding';
  return {
    symbol: symbol.listing.symbol,
    orderId: isFunding ? '' : order.id,
    orderLinkId: isFunding ? '' : order.clientId,
    side: sideText(order.side),
    orderPrice: textOf(order.price),
    orderQty: textOf(order.amount),
    leavesQty: isFunding ? '0' : textOf(remaining(order)),
    createType: isFunding ? '' : CREATE_TYPE[order.cause],
    orderType: isFunding ? 'UNKNOWN' : order.kind === 'limit' ? 'Limit' : 'Market',
    stopOrderType: 'UNKNOWN',
    execFee: textOf(fill.fee),
    execFeeV2: '',
    execId: fill.id,
    execPrice: shortText(fill.price, 10),
    execQty: textOf(fill.amount),
    execType: isFunding ? 'Funding' : (EXEC_TYPE[order.cause] ?? 'Trade'),
    execValue: shortText(fill.value, 10),
    execTime: String(fill.time),
    feeCurrency: fill.feeCoin,
    isMaker: fill.isMaker,
    feeRate: fill.value.isZero() ? '0' : shortText(fill.fee.div(fill.value), 8),
    tradeIv: '',
    markIv: '',
    markPrice: textOf(engine.ledger.mark(symbol)),
    indexPrice: '',
    underlyingPrice: '',
    blockTradeId: '',
    closedSize: isFunding ? '' : textOf(fill.closed),
    seq: fill.sequence,
    extraFees: '',
  };
}

/** Returns a position as `position/list` shows it; without `position`, the row of a symbol that never had one. */
export function positionRow(engine: Engine, account: Account, position: Position): Record<string, unknown> {
  const { symbol, amount, average, leverage, side } = position;
  const isFlat = amount.isZero();
  const liquidation = engine.ledger.liquidationPrice(position);
  const maintenance = engine.ledger.maintenanceOf(position);
  return {
    positionIdx: INDEX[position.slot],
    riskId: 1,
    riskLimitValue: '2000000',
    symbol: symbol.listing.symbol,
    side: isFlat ? '' : side === 'long' ? 'Buy' : 'Sell',
    size: textOf(amount),
    avgPrice: shortText(average, 10),
    positionValue: isFlat ? '' : shortText(amount.mul(average)),
    autoAddMargin: 0,
    positionStatus: 'Normal',
    leverage: textOf(leverage),
    breakEvenPrice: isFlat ? '' : shortText(average),
    markPrice: textOf(engine.ledger.mark(symbol)),
    liqPrice: liquidation ? shortText(liquidation, symbol.listing.priceDecimals) : '',
    positionIM: isFlat ? '0' : shortText(position.margin),
    positionMM: isFlat ? '0' : shortText(maintenance),
    positionIMByMp: '',
    positionMMByMp: '',
    takeProfit: position.takeProfit.isZero() ? '' : textOf(position.takeProfit),
    stopLoss: position.stopLoss.isZero() ? '' : textOf(position.stopLoss),
    trailingStop: '0',
    unrealisedPnl: isFlat ? '0' : shortText(engine.ledger.unrealised(position)),
    curRealisedPnl: shortText(position.realised.minus(position.openFee).minus(position.closeFee).plus(position.funding)),
    cumRealisedPnl: shortText(position.realised.plus(position.funding)),
    adlRankIndicator: isFlat ? 0 : 2,
    createdTime: String(position.created),
    updatedTime: String(position.updated),
    openTime: position.created,
    seq: position.sequence === 0 ? -1 : position.sequence,
    isReduceOnly: false,
    sessionAvgPrice: '',
    mmrSysUpdatedTime: '',
    leverageSysUpdatedTime: '',
    tradeMode: account.marginMode === 'isolated' ? 1 : 0,
    bustPrice: '',
    tpslMode: 'Full',
    positionBalance: isFlat ? '0' : shortText(position.margin),
  };
}

/** Returns the row of the one unified wallet. */
export function walletRow(
  engine: Engine,
  account: Account,
  wanted?: readonly string[],
  balances = account.balances,
): Record<string, unknown> {
  const { ledger, orders } = engine;
  const isIsolated = account.marginMode === 'isolated';
  const coins = [...balances.keys()].filter((coin) => wanted === undefined || wanted.includes(coin));
  const rows = coins.map((coin) => coinRow(engine, account, coin, balances.get(coin) ?? ZERO));
  const positions = ledger.openOf(account);
  const unrealised = sum(positions.map((position) => ledger.unrealised(position)));
  const wallet = balances.get('USDT') ?? ZERO;
  const initial = sum(positions.map(({ margin }) => margin)).plus(engine.orderMargin(account, 'USDT'));
  const maintenance = sum(positions.map((position) => ledger.maintenanceOf(position)));
  const total = (value: Decimal): string =>
    isIsolated && engine.faults.questions.emptyTotalsWhenIsolated ? '' : shortText(value);
  const equity = wallet.plus(unrealised);
  return {
    accountType: 'UNIFIED',
    accountLTV: '',
    accountIMRate: equity.isZero() ? '0' : total(initial.div(equity)),
    accountMMRate: equity.isZero() ? '0' : total(maintenance.div(equity)),
    accountIMRateByMp: '',
    accountMMRateByMp: '',
    totalEquity: shortText(equity),
    totalWalletBalance: total(wallet),
    totalMarginBalance: total(equity),
    totalAvailableBalance: total(ledger.available(account, 'USDT', orders.openOf(account))),
    totalPerpUPL: shortText(unrealised),
    totalInitialMargin: total(initial),
    totalMaintenanceMargin: total(maintenance),
    totalInitialMarginByMp: '',
    totalMaintenanceMarginByMp: '',
    coin: rows,
  };
}

function coinRow(engine: Engine, account: Account, coin: string, balance: Decimal): Record<string, unknown> {
  const { ledger } = engine;
  const positions = ledger.openOf(account).filter(({ symbol }) => symbol.listing.settle === coin);
  const unrealised = sum(positions.map((position) => ledger.unrealised(position)));
  return {
    coin,
    equity: shortText(balance.plus(unrealised)),
    usdValue: shortText(balance.plus(unrealised)),
    walletBalance: shortText(balance, 18),
    free: '',
    locked: '0',
    spotHedgingQty: '0',
    borrowAmount: '0',
    availableToBorrow: '',
    availableToWithdraw: '',
    accruedInterest: '0',
    totalOrderIM: shortText(engine.orderMargin(account, coin)),
    totalPositionIM: shortText(sum(positions.map(({ margin }) => margin))),
    totalPositionMM: shortText(sum(positions.map((position) => ledger.maintenanceOf(position)))),
    unrealisedPnl: shortText(unrealised),
    cumRealisedPnl: shortText(
      sum(account.bills.filter((bill) => bill.coin === coin && bill.kind !== 'deposit').map(({ amount }) => amount)),
    ),
    bonus: '0',
    marginCollateral: true,
    collateralSwitch: true,
    spotBorrow: '0',
    colRes: '0',
  };
}
