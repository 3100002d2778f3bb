import type { RestCall } from '../engine/rest.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import type { Fill } from '../market/trade-log.js';
import { indexOfId, priceText, sizeText, tradeId } from './numbers.js';
import { badParameter, numberFor, symbolFor } from './rest-query.js';

const DAY = 86_400_000;

/** The newest trades, newest first: lower-case sides, times in ms. */
export function fills(most: number): (call: RestCall) => unknown {
  return (call) => {
    const symbol = symbolFor(call);
    const limit = numberFor(call, 'limit', 100, most);
    const rows = newest(symbol, limit, call).reverse();
    return rows.map((fill) => ({
      ...sharedRow(symbol, fill),
      side: fill.isBuy ? 'buy' : 'sell',
      ts: String(fill.time),
      symbol: symbol.listing.symbol,
    }));
  };
}

/** The same in v3, where the id is `execId`. */
export function unifiedFills(call: RestCall): unknown {
  const symbol = symbolFor(call);
  const limit = numberFor(call, 'limit', 100, 100);
  const rows = newest(symbol, limit, call).reverse();
  return rows.map((fill) => {
    const { tradeId: execId, ...row } = sharedRow(symbol, fill);
    return { execId, ...row, side: fill.isBuy ? 'buy' : 'sell', ts: String(fill.time) };
  });
}

/**
 * Trades of up to 7 days within the last 90, newest first, below `idLessThan`: sides are capitalised, times are whole
 * seconds. Without times the last 7 days.
 */
export function fillsHistory(call: RestCall): unknown {
  const symbol = symbolFor(call);
  const limit = numberFor(call, 'limit', 500, 1_000);
  const until = numberFor(call, 'endTime', call.now);
  const from = numberFor(call, 'startTime', until - 7 * DAY);
  if (until - from > 7 * DAY) throw badParameter('The time range must not exceed 7 days');
  const before = call.query.get('idLessThan');
  const first = symbol.trades.indexAt(Math.max(from, call.now - 90 * DAY));
  const end = Math.min(
    symbol.trades.indexAt(Math.min(until, call.knownUntil) + 1),
    before ? indexOfId(symbol, before) : Number.POSITIVE_INFINITY,
  );
  const rows = symbol.trades.slice(Math.max(first, end - limit), end).reverse();
  return rows.map((fill) => ({
    ...sharedRow(symbol, fill),
    side: fill.isBuy ? 'Buy' : 'Sell',
    ts: String(Math.floor(fill.time / 1_000) * 1_000),
    symbol: symbol.listing.symbol,
  }));
}

function newest({ trades }: SymbolMarket, limit: number, { knownUntil }: RestCall): Fill[] {
  const end = trades.indexAt(knownUntil + 1);
  return trades.slice(end - limit, end);
}

function sharedRow(symbol: SymbolMarket, { index, price, size }: Fill) {
  const { listing } = symbol;
  return { tradeId: tradeId(symbol, index), price: priceText(price, listing), size: sizeText(size, listing) };
}
