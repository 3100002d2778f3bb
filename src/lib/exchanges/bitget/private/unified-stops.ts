import { decimal, filledText, isZero, pageOf, required, sortedQuery } from '../../private-rows.js';
import type { OrderName, PrivateRead, PrivateScope, PrivateStop, PrivateStops, StopIntent } from '../../private-side.js';
import type { HttpRequest } from '../../requests.js';
import type { Fields } from '../fields.js';
import { expected, positionSideOf, productFor, rowsOf, symbolOf } from './values.js';

function post(path: string, body: unknown): HttpRequest {
  return { method: 'POST', path: `/api/v3/trade/${path}`, query: {}, body: JSON.stringify(body), signed: true };
}

function parseStop(row: Fields): PrivateStop | string | undefined {
  const price = decimal(row.stopLoss);
  // A strategy order may have a take profit alone.
  if (price === undefined || isZero(price)) return undefined;
  const symbol = symbolOf(row.symbol);
  if (symbol === undefined) return expected('stop', 'a symbol', row.symbol);
  const ids = { orderId: filledText(row.orderId), clientId: filledText(row.clientOid) };
  const isPartial = String(row.tpslMode ?? '').toLowerCase() === 'partial' || undefined;
  return { symbol, ...ids, positionSide: positionSideOf(row.posSide), isPartial, price };
}

function read({ market, symbol, settle }: PrivateScope): PrivateRead<PrivateStop> {
  const query = sortedQuery({ category: productFor(market, settle).instType, type: 'tpsl' });
  return {
    requests: [{ path: '/api/v3/trade/unfilled-strategy-orders', query, signed: true }],
    parse: (request, body) => {
      const { rows, time } = rowsOf(body, 'list', `bitget ${request.path}`);
      const page = pageOf(rows, parseStop, time);
      return { ...page, items: page.items.filter((stop) => stop.symbol === symbol) };
    },
  };
}

/** `full` follows the size of the position, so it has no amount. */
function set({ market, symbol, settle, clientId, side, price }: StopIntent): HttpRequest {
  return post('place-strategy-order', {
    category: productFor(market, settle).instType,
    symbol: required(symbol, 'a symbol'),
    clientOid: required(clientId, 'a client id'),
    type: 'tpsl',
    tpslMode: 'full',
    posSide: side,
    stopLoss: required(price, 'a price'),
    slTriggerBy: 'mark',
    slOrderType: 'market',
  });
}

function remove({ orderId, clientId }: OrderName): HttpRequest {
  const id =
    orderId === undefined
      ? { clientOid: required(clientId, 'an order id or a client id') }
      : { orderId: required(orderId, 'an order id') };
  return post('cancel-strategy-order', id);
}

/** Strategy orders of v3. Sources: the pages Place-, Cancel- and Get-Unfilled-Strategy-Order(s). */
export const UNIFIED_STOPS: PrivateStops = { read, set, remove };
