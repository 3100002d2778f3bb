import { excerpt } from '../../../model/ndjson.js';
import type { FillCause, Market, OrderStatus, PositionSide } from '../../../model/records.js';
import { fromMilliseconds } from '../../../model/time.js';
import { decimal, difference, filledText, isZero, negated, priceOrNone } from '../../private-rows.js';
import type {
  AccountTotals,
  PrivateBalance,
  PrivateFill,
  PrivateFunding,
  PrivateOrder,
  PrivatePosition,
} from '../../private-side.js';
import { type Fields, isFields } from '../fields.js';
import { parseSide } from '../rows.js';

const STATUSES: Readonly<Record<string, OrderStatus>> = {
  New: 'new',
  Created: 'new',
  Untriggered: 'new',
  Active: 'new',
  Triggered: 'new',
  PartiallyFilled: 'partial',
  Filled: 'filled',
  Cancelled: 'cancelled',
  PartiallyFilledCanceled: 'cancelled',
  Deactivated: 'cancelled',
  Rejected: 'rejected',
};

/** Returns the market of a category; options are none of ours. */
function marketOf(category: unknown): Market | undefined {
  return category === 'linear' || category === 'inverse' || category === 'spot' ? category : undefined;
}

/** `positionIdx`: 0 in one-way mode, 1 the long and 2 the short side in hedge mode. */
function positionSideOf(index: unknown): PositionSide | undefined {
  if (index === 1) return 'long';
  return index === 2 ? 'short' : undefined;
}

function timeInForceOf(value: unknown): PrivateOrder['timeInForce'] {
  if (value === 'PostOnly' || value === 'RPI') return 'post_only';
  const text = String(value ?? '').toLowerCase();
  return text === 'gtc' || text === 'ioc' || text === 'fok' ? text : undefined;
}

/** Returns who acted: `createType` of an order, with `execType` of an execution. */
function causeOf({ createType, execType, cancelType }: Fields): FillCause {
  const type = String(createType ?? '');
  if (execType === 'AdlTrade' || type.includes('Adl')) return 'adl';
  if (execType === 'BustTrade' || /Liq|TakeOver/.test(type)) return 'liquidation';
  if (execType === 'Delivery' || execType === 'Settle' || type.includes('Settle')) return 'settlement';
  if (/Closing/.test(type)) return 'manual';
  return /(?:PrepareLiq|AllBeforeLiq)/.test(String(cancelType ?? '')) ? 'liquidation' : 'order';
}

/** Texts that say that nothing special happened. */
const PLAIN = new Set(['', 'UNKNOWN', 'EC_NoError', 'NoError']);

function reasonOf({ rejectReason, cancelType }: Fields): string | undefined {
  const words = [rejectReason, cancelType].filter((text): text is string => typeof text === 'string' && !PLAIN.has(text));
  return words.length > 0 ? words.join(', ') : undefined;
}

/** Returns the order of a row; REST answers name the category beside the rows. */
export function parseOrder(row: Fields, category: unknown = row.category): PrivateOrder | string | undefined {
  if (category === 'option') return undefined;
  const market = marketOf(category);
  const symbol = filledText(row.symbol);
  const side = parseSide(row.side);
  const amount = decimal(row.qty);
  const filled = decimal(row.cumExecQty) ?? (row.cumExecQty === '' ? '0' : undefined);
  const known = STATUSES[String(row.orderStatus)];
  const updated = fromMilliseconds(row.updatedTime) ?? fromMilliseconds(row.createdTime);
  if (market === undefined) return expected('a known category', category);
  if (symbol === undefined) return expected('a symbol', row.symbol);
  if (side === undefined) return expected('Buy or Sell', row.side);
  if (amount === undefined) return expected('qty', row.qty);
  if (filled === undefined) return expected('cumExecQty', row.cumExecQty);
  if (known === undefined) return expected('a known orderStatus', row.orderStatus);
  if (updated === undefined) return expected('updatedTime', row.updatedTime);
  return {
    market,
    symbol,
    orderId: filledText(row.orderId),
    clientId: filledText(row.orderLinkId),
    side,
    positionSide: positionSideOf(row.positionIdx),
    kind: row.orderType === 'Market' ? 'market' : 'limit',
    timeInForce: timeInForceOf(row.timeInForce),
    reduceOnly: typeof row.reduceOnly === 'boolean' ? row.reduceOnly : undefined,
    isTrigger: row.orderStatus === 'Untriggered' || undefined,
    price: priceOrNone(row.price),
    amount,
    filled,
    average: priceOrNone(row.avgPrice),
    status: known,
    reason: reasonOf(row),
    cause: causeOf(row),
    created: fromMilliseconds(row.createdTime),
    updated,
  };
}

/** `execType`s that trade. Funding changes the wallet and no position. */
const TRADING = new Set(['Trade', 'AdlTrade', 'BustTrade', 'Delivery', 'Settle', 'BlockTrade', 'MovePosition']);

/** Returns the fill of an execution, undefined where it is none (funding). The fee is positive when it was paid. */
export function parseFill(row: Fields, category: unknown = row.category): PrivateFill | string | undefined {
  if (category === 'option' || (typeof row.execType === 'string' && !TRADING.has(row.execType))) return undefined;
  const market = marketOf(category);
  const symbol = filledText(row.symbol);
  const tradeId = filledText(row.execId);
  const orderId = filledText(row.orderId);
  const side = parseSide(row.side);
  const price = priceOrNone(row.execPrice);
  const amount = decimal(row.execQty);
  const timestamp = fromMilliseconds(row.execTime);
  if (market === undefined) return expected('a known category', category);
  if (symbol === undefined) return expected('a symbol', row.symbol);
  if (tradeId === undefined || orderId === undefined) return expected('execId and orderId', row.execId);
  if (side === undefined) return expected('Buy or Sell', row.side);
  if (price === undefined) return expected('execPrice', row.execPrice);
  if (amount === undefined) return expected('execQty', row.execQty);
  if (timestamp === undefined) return expected('execTime', row.execTime);
  return {
    market,
    symbol,
    tradeId,
    orderId,
    clientId: filledText(row.orderLinkId),
    side,
    positionSide: positionSideOf(row.positionIdx),
    price,
    amount,
    fees: feeOf(row, market),
    liquidity: typeof row.isMaker === 'boolean' ? (row.isMaker ? 'maker' : 'taker') : undefined,
    realised: decimal(row.execPnl),
    cause: causeOf(row),
    timestamp,
  };
}

/** Returns the payment of a funding execution. Its fee is positive when it was paid, as that of a trade. */
export function parseFunding(row: Fields, category: unknown = row.category): PrivateFunding | string | undefined {
  if (row.execType !== 'Funding') return undefined;
  const market = marketOf(category);
  const symbol = filledText(row.symbol);
  const id = filledText(row.execId);
  const timestamp = fromMilliseconds(row.execTime);
  if (market === undefined) return expected('a known category', category);
  if (symbol === undefined) return expected('a symbol', row.symbol);
  if (id === undefined) return expected('execId', row.execId);
  if (timestamp === undefined) return expected('execTime', row.execTime);
  const [fee] = feeOf(row, market);
  if (fee === undefined) return expected('execFee', row.execFee);
  return { market, symbol, id, asset: fee.asset, amount: negated(fee.amount), timestamp };
}

/** A fee without a currency is in the coin that the contract settles in, which a linear symbol names at its end. */
function feeOf({ execFee, feeCurrency, symbol }: Fields, market: Market): PrivateFill['fees'] {
  const amount = decimal(execFee);
  const named = typeof feeCurrency === 'string' && feeCurrency !== '' ? feeCurrency : undefined;
  const settle = /USDT(?:-|$)/.test(String(symbol))
    ? 'USDT'
    : /(?:PERP$|^[A-Z0-9]+-\d)/.test(String(symbol))
      ? 'USDC'
      : undefined;
  const asset = named ?? (market === 'linear' ? settle : undefined);
  return amount === undefined || asset === undefined ? [] : [{ asset, amount }];
}

/** Returns the position of a row: REST says `avgPrice`, the socket `entryPrice`. A flat one has no side and size 0. */
export function parsePosition(row: Fields, category: unknown = row.category): PrivatePosition | string | undefined {
  if (category === 'option') return undefined;
  const market = marketOf(category);
  const symbol = filledText(row.symbol);
  const amount = decimal(row.size);
  const side = row.side === '' || row.side === 'None' ? undefined : parseSide(row.side);
  if (market === undefined) return expected('a known category', category);
  if (symbol === undefined) return expected('a symbol', row.symbol);
  if (amount === undefined) return expected('size', row.size);
  if (side === undefined && !isZero(amount)) return expected('Buy or Sell', row.side);
  const separate = positionSideOf(row.positionIdx);
  const held = side === undefined ? undefined : side === 'buy' ? 'long' : 'short';
  return {
    market,
    symbol,
    positionSide: separate ?? held,
    positionMode: separate === undefined ? 'one_way' : 'hedge',
    amount,
    average: priceOrNone(row.avgPrice ?? row.entryPrice),
    mark: priceOrNone(row.markPrice),
    leverage: priceOrNone(row.leverage),
    margin: decimal(row.positionIM),
    unrealised: decimal(row.unrealisedPnl),
    realised: decimal(row.curRealisedPnl),
    liquidation: priceOrNone(row.liqPrice),
    sequence: row.seq === undefined ? undefined : String(row.seq),
  };
}

export function parseBalance(row: Fields): PrivateBalance | string {
  const asset = filledText(row.coin);
  if (asset === undefined) return expected('coin', row.coin);
  const total = decimal(row.walletBalance);
  return {
    asset,
    total,
    available: isolatedAvailable(row),
    equity: decimal(row.equity),
    unrealised: decimal(row.unrealisedPnl),
    marginUsed: sum(decimal(row.totalOrderIM), decimal(row.totalPositionIM)),
    maintenance: decimal(row.totalPositionMM),
    borrowed: decimal(row.borrowAmount),
  };
}

function sum(a: string | undefined, b: string | undefined): string | undefined {
  return b === undefined ? undefined : difference(a, b.startsWith('-') ? b.slice(1) : `-${b}`);
}

/** Free balance of a coin on accounts with isolated margin; with shared margin only the account as a whole has one. */
function isolatedAvailable(row: Fields): string | undefined {
  const parts = [row.totalPositionIM, row.totalOrderIM, row.locked, row.bonus].map((value) =>
    value === '' ? '0' : decimal(value),
  );
  return parts.reduce<string | undefined>((left, part) => difference(left, part), decimal(row.walletBalance));
}

/** Returns the figures of the account. The ratio is maintenance margin over margin balance. */
function parseTotals(row: Fields): AccountTotals {
  return { equity: decimal(row.totalEquity), unrealised: decimal(row.totalPerpUPL), marginRatio: decimal(row.accountMMRate) };
}

/** Returns the coins of a wallet answer or push, and its totals. */
export function walletOf(rows: readonly unknown[]): { coins: readonly unknown[]; totals: AccountTotals | undefined } {
  const accounts = rows.filter(isFields);
  const coins = accounts.flatMap(({ coin }) => (Array.isArray(coin) ? coin : []));
  return { coins, totals: accounts[0] && parseTotals(accounts[0]) };
}

function expected(what: string, value: unknown): string {
  return `row: expected ${what}, was ${value === undefined ? 'missing' : excerpt(value)}`;
}
