import { excerpt } from '../../../model/ndjson.js';
import type { Market } from '../../../model/records.js';
import { fromMilliseconds } from '../../../model/time.js';
import { decimal, filledText, isZero, negated, priceOrNone } from '../../private-rows.js';
import type {
  AccountTotals,
  PrivateBalance,
  PrivateFill,
  PrivateFunding,
  PrivateOrder,
  PrivatePosition,
} from '../../private-side.js';
import type { Fields } from '../fields.js';
import {
  causeOf,
  expected,
  feesOf,
  flagOf,
  kindOf,
  marginModeOf,
  marketOf,
  positionModeOf,
  positionSideOf,
  sideOf,
  statusOf,
  symbolOf,
  timeInForceOf,
} from './values.js';

/** Returns the separate position of a row: REST says `posSide`, the socket `holdSide`; in one-way mode there is none. */
function separateSide(row: Fields) {
  return positionModeOf(row.holdMode) === 'one_way' ? undefined : positionSideOf(row.posSide ?? row.holdSide);
}

/** Returns the order of a row. The side is that of the trade: closing a long is `sell`. */
export function parseOrder(row: Fields): PrivateOrder | string {
  const market = marketOf(row.category);
  const symbol = symbolOf(row.symbol);
  const side = sideOf(row.side);
  const kind = kindOf(row.orderType);
  // A market buy on spot is sized in quote units: `qty` is then empty or 0.
  const amount = decimal(row.qty) ?? decimal(row.cumExecQty);
  const filled = decimal(row.cumExecQty) ?? (row.cumExecQty === '' ? '0' : undefined);
  const status = statusOf(row.orderStatus);
  const updated = fromMilliseconds(row.updatedTime) ?? fromMilliseconds(row.createdTime);
  if (market === undefined) return expected('order', 'a known category', row.category);
  if (symbol === undefined) return expected('order', 'a symbol', row.symbol);
  if (side === undefined) return expected('order', 'side', row.side);
  if (kind === undefined) return expected('order', 'orderType', row.orderType);
  if (amount === undefined) return expected('order', 'qty', row.qty);
  if (filled === undefined) return expected('order', 'cumExecQty', row.cumExecQty);
  if (status === undefined) return expected('order', 'a known orderStatus', row.orderStatus);
  if (updated === undefined) return expected('order', 'updatedTime', row.updatedTime);
  return {
    market,
    symbol,
    orderId: filledText(row.orderId),
    clientId: filledText(row.clientOid),
    side,
    positionSide: separateSide(row),
    kind,
    timeInForce: timeInForceOf(row.timeInForce),
    reduceOnly: flagOf(row.reduceOnly),
    price: priceOrNone(row.price),
    amount,
    filled,
    average: priceOrNone(row.avgPrice),
    // A created order is `live`, and one that has filled in part may be too.
    status: status === 'new' && !isZero(filled) ? 'partial' : status,
    reason: filledText(row.cancelReason),
    cause: causeOf(row),
    created: fromMilliseconds(row.createdTime),
    updated,
  };
}

export function parseFill(row: Fields): PrivateFill | string {
  const market = marketOf(row.category);
  const symbol = symbolOf(row.symbol);
  const tradeId = filledText(row.execId);
  const orderId = filledText(row.orderId);
  const side = sideOf(row.side);
  const price = priceOrNone(row.execPrice);
  const amount = decimal(row.execQty);
  const timestamp = fromMilliseconds(row.execTime) ?? fromMilliseconds(row.createdTime);
  if (market === undefined) return expected('fill', 'a known category', row.category);
  if (symbol === undefined) return expected('fill', 'a symbol', row.symbol);
  if (tradeId === undefined || orderId === undefined) return expected('fill', 'execId and orderId', row.execId);
  if (side === undefined) return expected('fill', 'side', row.side);
  if (price === undefined) return expected('fill', 'execPrice', row.execPrice);
  if (amount === undefined) return expected('fill', 'execQty', row.execQty);
  if (timestamp === undefined) return expected('fill', 'a time', row.createdTime);
  return {
    market,
    symbol,
    tradeId,
    orderId,
    clientId: filledText(row.clientOid),
    side,
    positionSide: separateSide(row),
    price,
    amount,
    fees: feesOf(row.feeDetail, 'positive'),
    liquidity: row.tradeScope === 'maker' || row.tradeScope === 'taker' ? row.tradeScope : undefined,
    realised: decimal(row.execPnl),
    cause: causeOf(row),
    timestamp,
  };
}

/**
 * Returns the payment of a record of the account, undefined for one that is no funding. The sign is that of the type,
 * `…SETTLE_FEE_USER_IN` or `…_OUT`, whatever sign the amount has.
 */
export function parseFunding(row: Fields): PrivateFunding | string | undefined {
  const [, direction] = /SETTLE_FEE_USER_(IN|OUT)$/.exec(String(row.type ?? '').toUpperCase()) ?? [];
  if (direction === undefined) return undefined;
  const market = marketOf(row.category);
  const symbol = symbolOf(row.symbol);
  const id = filledText(row.id);
  const asset = symbolOf(row.coin);
  const amount = decimal(row.amount)?.replace('-', '');
  const timestamp = fromMilliseconds(row.ts);
  if (market === undefined) return expected('funding', 'a known category', row.category);
  if (symbol === undefined) return expected('funding', 'a symbol', row.symbol);
  if (id === undefined || asset === undefined) return expected('funding', 'id and coin', row.id);
  if (amount === undefined) return expected('funding', 'amount', row.amount);
  if (timestamp === undefined) return expected('funding', 'ts', row.ts);
  return { market, symbol, id, asset, amount: direction === 'IN' ? amount : negated(amount), timestamp };
}

/** Pushes of positions name no category: the symbol has it, `BTCUSDT` and `BTCPERP` from `BTCUSD` and `BTCUSDZ25`. */
function marketOfContract(symbol: string | undefined): Market | undefined {
  if (symbol === undefined) return undefined;
  if (/(?:USDT|USDC|PERP)$/.test(symbol)) return 'linear';
  return /USD(?:[FGHJKMNQUVXZ]\d{2})?$/.test(symbol) ? 'inverse' : undefined;
}

/** Returns the position of a row. On the socket a closed one has size 0 and state `ended`. */
export function parsePosition(row: Fields, category: unknown = row.category): PrivatePosition | string {
  const market = marketOf(category) ?? marketOfContract(symbolOf(row.symbol));
  const symbol = symbolOf(row.symbol);
  const positionMode = positionModeOf(row.holdMode);
  const isEnded = row.positionStatus === 'ended';
  const amount = isEnded ? '0' : decimal(row.total ?? row.size);
  const positionSide = positionSideOf(row.posSide ?? row.holdSide);
  if (market === undefined) return expected('position', 'a known category', category);
  if (symbol === undefined) return expected('position', 'a symbol', row.symbol);
  if (amount === undefined) return expected('position', 'total', row.total ?? row.size);
  if (positionMode === undefined) return expected('position', 'holdMode', row.holdMode);
  // Without a side nobody can say whether it is long.
  if (positionSide === undefined && !isZero(amount)) return expected('position', 'posSide long or short', row.posSide);
  return {
    market,
    symbol,
    positionSide,
    positionMode,
    amount,
    average: priceOrNone(row.avgPrice),
    mark: priceOrNone(row.markPrice),
    leverage: decimal(row.leverage),
    marginMode: marginModeOf(row.marginMode),
    margin: decimal(row.positionBalance ?? row.marginSize),
    unrealised: decimal(row.unrealisedPnl),
    realised: decimal(row.curRealisedPnl),
    liquidation: priceOrNone(row.liquidationPrice ?? row.liqPrice),
  };
}

export function parseBalance(row: Fields): PrivateBalance | string {
  const asset = symbolOf(row.coin);
  if (asset === undefined) return `balance: expected coin, was ${excerpt(row.coin)}`;
  return {
    asset,
    total: decimal(row.balance),
    available: decimal(row.available),
    equity: decimal(row.equity),
    borrowed: decimal(row.debt ?? row.debts ?? row.borrow),
  };
}

export function parseTotals(row: Fields): AccountTotals {
  return {
    equity: decimal(row.accountEquity ?? row.totalEquity),
    unrealised: decimal(row.unrealisedPnl ?? row.unrealisedPnL),
    marginRatio: decimal(row.mgnRatio),
  };
}
