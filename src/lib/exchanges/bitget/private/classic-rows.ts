import type { Market, PositionSide, Side } from '../../../model/records.js';
import { fromMilliseconds } from '../../../model/time.js';
import { decimal, difference, filledText, isFields, priceOrNone } from '../../private-rows.js';
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
  positionModeOf,
  positionSideOf,
  sideOf,
  statusOf,
  symbolOf,
  timeInForceOf,
} from './values.js';

const OPENING: Readonly<Record<PositionSide, Side>> = { long: 'buy', short: 'sell' };
const CLOSING: Readonly<Record<PositionSide, Side>> = { long: 'sell', short: 'buy' };

/**
 * Returns what an order does to the book. In hedge mode `buy` and `close` closes a long, that is, sells: taken as written it
 * would turn every close around.
 */
function orderSide({ side, posSide, tradeSide, posMode }: Fields): Side | undefined {
  const held = positionSideOf(posSide);
  if (positionModeOf(posMode) !== 'hedge' || held === undefined) return sideOf(side);
  return tradeSide === 'open' ? OPENING[held] : CLOSING[held];
}

/** Returns the order of a row: over REST `status` or `state`, on the socket other names for amounts. */
export function parseOrder(row: Fields, market: Market): PrivateOrder | string {
  const isPush = row.accBaseVolume !== undefined;
  const symbol = symbolOf(row.symbol ?? row.instId);
  const side = orderSide(row);
  const amount = decimal(row.size);
  const filled = decimal(isPush ? row.accBaseVolume : row.baseVolume);
  const status = statusOf(row.status ?? row.state);
  const kind = kindOf(row.orderType);
  const updated = fromMilliseconds(row.uTime) ?? fromMilliseconds(row.cTime);
  if (symbol === undefined) return expected('order', 'a symbol', row.symbol);
  if (side === undefined) return expected('order', 'side', row.side);
  if (amount === undefined) return expected('order', 'size', row.size);
  if (filled === undefined) return expected('order', 'a filled amount', row.baseVolume);
  if (status === undefined) return expected('order', 'a known status', row.status ?? row.state);
  if (kind === undefined) return expected('order', 'orderType', row.orderType);
  if (updated === undefined) return expected('order', 'uTime', row.uTime);
  return {
    market,
    symbol,
    orderId: filledText(row.orderId),
    clientId: filledText(row.clientOid),
    side,
    positionSide: positionModeOf(row.posMode) === 'hedge' ? positionSideOf(row.posSide) : undefined,
    kind,
    timeInForce: timeInForceOf(row.force),
    reduceOnly: flagOf(row.reduceOnly),
    price: priceOrNone(row.price),
    amount,
    filled,
    average: priceOrNone(row.priceAvg),
    status,
    reason: filledText(row.cancelReason),
    cause: causeOf(row),
    created: fromMilliseconds(row.cTime),
    updated,
  };
}

/** Returns the order of a row of `orders-plan-pending`: it waits for its trigger and has filled nothing. */
export function parseTriggerOrder(row: Fields, market: Market): PrivateOrder | string {
  const kind = kindOf(row.orderType) ?? (priceOrNone(row.executePrice) === undefined ? 'market' : 'limit');
  const order = parseOrder({ ...row, status: 'live', baseVolume: '0', size: row.size || '0', orderType: kind }, market);
  if (typeof order === 'string') return order;
  return { ...order, price: priceOrNone(row.executePrice ?? row.price), isTrigger: true };
}

/** Side and position of a fill in hedge mode; a REST row with `close` alone has two readings and stays undecided. */
function fillSides(row: Fields, isPush: boolean): { side?: Side | undefined; positionSide?: PositionSide | undefined } {
  const side = sideOf(row.side);
  const action = String(row.tradeSide ?? '');
  if (positionModeOf(row.posMode) !== 'hedge') return { side };
  if (action === 'open') return { side, positionSide: side === 'buy' ? 'long' : 'short' };
  const named = /_(long|short)$/.exec(action)?.[1] as PositionSide | undefined;
  if (named) return { side: CLOSING[named], positionSide: named };
  if (!isPush) return {};
  return { side, positionSide: side === 'sell' ? 'long' : 'short' };
}

/** Returns the fill of a row. Rows carry no client id over REST. `isPush`: the socket names the true side of the trade. */
export function parseFill(row: Fields, market: Market, isPush: boolean): PrivateFill | string {
  const symbol = symbolOf(row.symbol ?? row.instId);
  const tradeId = filledText(row.tradeId);
  const orderId = filledText(row.orderId);
  const price = priceOrNone(row.price);
  const amount = decimal(row.baseVolume);
  const timestamp = fromMilliseconds(row.cTime);
  if (symbol === undefined) return expected('fill', 'a symbol', row.symbol);
  if (tradeId === undefined || orderId === undefined) return expected('fill', 'tradeId and orderId', row.tradeId);
  if (price === undefined) return expected('fill', 'price', row.price);
  if (amount === undefined) return expected('fill', 'baseVolume', row.baseVolume);
  if (timestamp === undefined) return expected('fill', 'cTime', row.cTime);
  if (sideOf(row.side) === undefined) return expected('fill', 'side', row.side);
  return {
    market,
    symbol,
    tradeId,
    orderId,
    clientId: filledText(row.clientOid),
    ...fillSides(row, isPush),
    price,
    amount,
    fees: feesOf(row.feeDetail, 'negative'),
    liquidity: row.tradeScope === 'maker' || row.tradeScope === 'taker' ? row.tradeScope : undefined,
    realised: decimal(row.profit),
    cause: causeOf(row),
    timestamp,
  };
}

/** Returns the position of a row. A liquidation price at or below 0 is none. */
export function parsePosition(row: Fields, market: Market): PrivatePosition | string {
  const symbol = symbolOf(row.symbol ?? row.instId);
  const amount = decimal(row.total);
  const positionSide = positionSideOf(row.holdSide);
  const positionMode = positionModeOf(row.posMode);
  if (symbol === undefined) return expected('position', 'a symbol', row.symbol);
  if (amount === undefined) return expected('position', 'total', row.total);
  if (positionSide === undefined) return expected('position', 'holdSide long or short', row.holdSide);
  if (positionMode === undefined) return expected('position', 'posMode', row.posMode);
  return {
    market,
    symbol,
    positionSide,
    positionMode,
    amount,
    average: priceOrNone(row.openPriceAvg),
    mark: priceOrNone(row.markPrice),
    leverage: decimal(row.leverage),
    marginMode: marginModeOf(row.marginMode),
    margin: decimal(row.marginSize),
    unrealised: decimal(row.unrealizedPL),
    realised: decimal(row.achievedProfits),
    liquidation: priceOrNone(row.liquidationPrice),
  };
}

/** Returns the balance of a margin coin; an empty unrealised profit is 0. */
export function parseBalance(row: Fields, market: Market): PrivateBalance | string {
  const asset = symbolOf(row.marginCoin);
  const equity = decimal(row.accountEquity ?? row.equity);
  const unrealised = row.unrealizedPL === '' ? '0' : decimal(row.unrealizedPL);
  if (asset === undefined) return expected('balance', 'marginCoin', row.marginCoin);
  if (equity === undefined) return expected('balance', 'accountEquity', row.accountEquity ?? row.equity);
  const total = difference(equity, unrealised);
  return { market, asset, total, available: decimal(row.available), equity, unrealised };
}

/** Returns the figures of the whole product line, of a row of `accounts`. */
export function parseTotals(rows: readonly unknown[]): AccountTotals | undefined {
  const row = rows.filter(isFields).find(({ marginCoin }) => String(marginCoin).toUpperCase() === 'USDT');
  return (
    row && { equity: decimal(row.usdtEquity), unrealised: decimal(row.unrealizedPL), marginRatio: decimal(row.crossedRiskRate) }
  );
}

/** Returns the payment of a bill, undefined for one that is no funding. The amount is what the balance changed by. */
export function parseFunding(row: Fields, market: Market): PrivateFunding | string | undefined {
  if (!/settle_fee/.test(String(row.businessType ?? ''))) return undefined;
  const symbol = symbolOf(row.symbol);
  const id = filledText(row.billId);
  const asset = symbolOf(row.coin);
  const amount = decimal(row.amount);
  const timestamp = fromMilliseconds(row.cTime);
  if (symbol === undefined) return expected('funding', 'a symbol', row.symbol);
  if (id === undefined || asset === undefined) return expected('funding', 'billId and coin', row.billId);
  if (amount === undefined) return expected('funding', 'amount', row.amount);
  if (timestamp === undefined) return expected('funding', 'cTime', row.cTime);
  return { market, symbol, id, asset, amount, timestamp };
}
