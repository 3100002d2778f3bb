import { decimal, filledText, isZero, required, sortedQuery } from '../../private-rows.js';
import type { PrivateScope, PrivateStop, PrivateStops, StopIntent } from '../../private-side.js';
import type { HttpRequest } from '../../requests.js';
import type { Fields } from '../fields.js';
import { parseSide } from '../rows.js';
import { listRead } from './lists.js';

/** Kinds of stops that end a position at a loss; take profits and trailing stops are none of ours. */
const STOPS = new Set(['StopLoss', 'PartialStopLoss']);

function parseStop(row: Fields): PrivateStop | string | undefined {
  if (!STOPS.has(String(row.stopOrderType))) return undefined;
  const symbol = filledText(row.symbol);
  const price = decimal(row.triggerPrice);
  const side = parseSide(row.side);
  if (symbol === undefined || price === undefined || isZero(price) || side === undefined)
    return `stop: expected symbol, side and triggerPrice, was ${JSON.stringify(row.triggerPrice)}`;
  const isPartial = row.stopOrderType === 'PartialStopLoss' || undefined;
  return { symbol, orderId: filledText(row.orderId), positionSide: side === 'sell' ? 'long' : 'short', isPartial, price };
}

function read({ market, symbol }: PrivateScope) {
  const query = { category: market, symbol: required(symbol, 'a symbol'), orderFilter: 'StopOrder', limit: '50' };
  return listRead<PrivateStop>([{ path: '/v5/order/realtime', query: sortedQuery(query), signed: true }], parseStop);
}

const INDEXES = { long: 1, short: 2 } as const;

function set({ market, symbol, side, positionMode, price }: StopIntent): HttpRequest {
  const body = {
    category: market,
    symbol: required(symbol, 'a symbol'),
    tpslMode: 'Full',
    positionIdx: positionMode === 'hedge' ? INDEXES[side] : 0,
    stopLoss: required(price, 'a price'),
    slTriggerBy: 'MarkPrice',
    slOrderType: 'Market',
  };
  return { method: 'POST', path: '/v5/position/trading-stop', query: {}, body: JSON.stringify(body), signed: true };
}

/** The stop of a position is one of its settings: another one replaces it. Source: the page `position/trading-stop`. */
export const HELD_STOPS: PrivateStops = { read, set };
