import type { DecimalText, PrivateBalance, PrivateOrder, PrivatePosition, TradingMode } from '../exchanges/private-side.js';
import type { Balance, EventRecord, Fill, Order, Position } from '../model/records.js';

import type { KnownFill } from './snapshot.js';

/** Whose records they are, and when they arrived (microseconds). */
export type RecordOwner = {
  readonly exchange: string;
  readonly account: string;
  readonly mode: TradingMode;
  readonly run?: string | undefined;
};

type Arrival = { readonly timestamp: number; readonly localTimestamp: number };

const number = (text: DecimalText | undefined) => (text === undefined ? undefined : Number(text));

export function balanceRecord(balance: PrivateBalance, owner: RecordOwner, arrival: Arrival): Balance {
  return {
    type: 'balance',
    ...owner,
    ...arrival,
    market: balance.market,
    asset: balance.asset,
    total: number(balance.total),
    available: number(balance.available),
    equity: number(balance.equity),
    unrealised: number(balance.unrealised),
    marginUsed: number(balance.marginUsed),
    maintenance: number(balance.maintenance),
    borrowed: number(balance.borrowed),
  };
}

export function positionRecord(position: PrivatePosition, owner: RecordOwner, arrival: Arrival): Position {
  return {
    type: 'position',
    ...owner,
    ...arrival,
    market: position.market,
    symbol: position.symbol,
    positionSide: position.positionSide,
    amount: Number(position.amount),
    average: number(position.average),
    mark: number(position.mark),
    leverage: number(position.leverage),
    marginMode: position.marginMode,
    margin: number(position.margin),
    unrealised: number(position.unrealised),
    realised: number(position.realised),
    liquidation: number(position.liquidation),
    positionMode: position.positionMode,
  };
}

/** The time of an order is that of its last change. */
export function orderRecord(order: PrivateOrder, owner: RecordOwner, localTimestamp: number): Order {
  return {
    type: 'order',
    ...owner,
    timestamp: order.updated,
    localTimestamp,
    market: order.market,
    symbol: order.symbol,
    clientId: order.clientId,
    orderId: order.orderId,
    side: order.side,
    positionSide: order.positionSide,
    kind: order.kind,
    timeInForce: order.timeInForce,
    reduceOnly: order.reduceOnly,
    price: number(order.price),
    amount: Number(order.amount),
    filled: Number(order.filled),
    average: number(order.average),
    status: order.status,
    reason: order.reason,
  };
}

/** Returns the record of a fill whose side is known. Several fees have no sum: `fees` then lists them. */
export function fillRecord(fill: KnownFill, owner: RecordOwner, localTimestamp: number): Fill {
  const [fee, ...more] = fill.fees;
  return {
    type: 'fill',
    ...owner,
    timestamp: fill.timestamp,
    localTimestamp,
    market: fill.market,
    symbol: fill.symbol,
    orderId: fill.orderId,
    side: fill.side,
    positionSide: fill.positionSide,
    price: Number(fill.price),
    amount: Number(fill.amount),
    fee: more.length === 0 ? number(fee?.amount) : undefined,
    feeAsset: more.length === 0 ? fee?.asset : undefined,
    fees: more.length === 0 ? undefined : Object.fromEntries(fill.fees.map(({ asset, amount }) => [asset, Number(amount)])),
    liquidity: fill.liquidity,
    realizedPnl: number(fill.realised),
    tradeId: fill.tradeId,
    clientId: fill.clientId,
    cause: fill.cause,
  };
}

/** Returns an event of an account; `seq` counts those of one writer. */
export function eventRecord(
  event: Pick<EventRecord, 'severity' | 'kind' | 'message'> & Partial<Pick<EventRecord, 'market' | 'symbol' | 'code' | 'data'>>,
  owner: RecordOwner,
  { seq, timestamp, localTimestamp }: Arrival & { readonly seq: number },
): EventRecord {
  return { type: 'event', ...owner, timestamp, localTimestamp, seq, ...event };
}
