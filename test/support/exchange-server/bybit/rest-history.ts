import type { RestCall } from '../engine/rest.js';
import { barEnd, barStart, barsOf } from '../market/bars.js';
import { plainText } from '../market/decimals.js';
import type { Listing } from '../market/listing.js';
import { fundingRate, indexPrice, markPrice, nextFunding, openInterest, priceBar } from '../market/reference.js';
import { barPrices, priceText, sizeText, tradeId, tradeSequence, turnoverText } from './numbers.js';
import { INTERVALS } from './protocol.js';
import { badParameter, marketFor, numberFor, pageOf, symbolFor } from './rest-query.js';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const OPEN_INTEREST: Readonly<Record<string, number>> = {
  '5min': 5 * MINUTE,
  '15min': 15 * MINUTE,
  '30min': 30 * MINUTE,
  '1h': HOUR,
  '4h': 4 * HOUR,
  '1d': 24 * HOUR,
};

/** The newest trades, newest first: at most 60 on spot, 1000 else; there is no way to older ones. */
export function recentTrades(call: RestCall): unknown {
  const symbol = symbolFor(call);
  const { listing, trades } = symbol;
  const isSpot = listing.market === 'spot';
  const limit = numberFor(call, 'limit', isSpot ? 60 : 500, isSpot ? 60 : 1_000);
  const end = trades.indexAt(call.knownUntil + 1);
  const list = trades
    .slice(end - limit, end)
    .reverse()
    .map(({ index, time, price, size, isBuy }) => ({
      execId: tradeId(symbol, index),
      symbol: listing.symbol,
      price: priceText(price, listing),
      size: sizeText(size, listing),
      side: isBuy ? 'Buy' : 'Sell',
      time: String(time),
      isBlockTrade: false,
      isRPITrade: false,
      seq: String(tradeSequence(index)),
    }));
  return { category: listing.market, list };
}

/** Bars that begin in `[start, end]`, newest first, the open one included; of more than `limit` the newest. */
export function klines(call: RestCall): unknown {
  const { trades, listing } = symbolFor(call, 'linear');
  const { interval, from, until, limit } = windowFor(call);
  const list = barsOf(trades, listing, interval, Math.max(from, until - (limit + 1) * interval), until)
    .slice(-limit)
    .reverse()
    .map((bar) => [
      String(bar.start),
      ...barPrices(bar, listing),
      plainText(bar.volume, listing.sizeDecimals),
      turnoverText(bar.turnover, listing),
    ]);
  return { category: listing.market, symbol: listing.symbol, list };
}

/** The same of a price that is not traded: no volume columns. */
export function priceKlines(kind: 'mark' | 'index'): (call: RestCall) => unknown {
  return (call) => {
    const { listing } = symbolFor(call, 'linear');
    if (listing.kind === 'spot') throw badParameter('params error: Category is invalid');
    const price = (at: number): number => (kind === 'mark' ? markPrice(listing, at) : indexPrice(listing, at));
    const { interval, from, until, limit } = windowFor(call);
    const list: string[][] = [];
    const last = Math.min(until, call.now + 1);
    for (let start = barStart(Math.max(from, last - limit * interval), interval); start < last; start = barEnd(start, interval)) {
      if (start < Math.max(from, listing.launched)) continue;
      list.push([String(start), ...barPrices(priceBar(price, start, interval, call.now), listing)]);
    }
    return { category: listing.market, symbol: listing.symbol, list: list.slice(-limit).reverse() };
  };
}

function windowFor(call: RestCall) {
  const interval = INTERVALS[call.query.get('interval') ?? ''];
  if (interval === undefined) throw badParameter('params error: interval is invalid');
  const limit = numberFor(call, 'limit', 200, 1_000);
  const end = Math.min(numberFor(call, 'end', call.now), call.now);
  return { interval, limit, from: numberFor(call, 'start', 0), until: end + 1 };
}

/** Newest first; `startTime` alone is refused. */
export function fundingHistory(call: RestCall): unknown {
  const { listing } = symbolFor(call);
  const { query } = call;
  if (query.has('startTime') && !query.has('endTime')) throw badParameter('params error: endTime is required');
  const limit = numberFor(call, 'limit', 200, 200);
  const from = Math.max(numberFor(call, 'startTime', 0), listing.launched);
  const every = listing.fundingHours * HOUR;
  const until = numberFor(call, 'endTime', call.now);
  const list: object[] = [];
  let time = nextFunding(listing, Math.min(until, call.now)) - every;
  for (; time >= from && list.length < limit && listing.kind === 'perpetual'; time -= every) {
    const rate = plainText(fundingRate(listing, time), 6);
    list.push({ symbol: listing.symbol, fundingRate: rate, fundingRateTimestamp: String(time) });
  }
  return { category: listing.market, list };
}

/** Newest first, with a cursor; `openInterest` counts both sides. */
export function openInterestHistory(call: RestCall): unknown {
  const { listing } = symbolFor(call);
  const every = OPEN_INTEREST[call.query.get('intervalTime') ?? ''];
  if (every === undefined || listing.kind === 'spot') throw badParameter('params error: intervalTime is invalid');
  const limit = numberFor(call, 'limit', 50, 200);
  const last = Math.min(numberFor(call, 'endTime', call.now), call.now);
  const from = Math.max(numberFor(call, 'startTime', 0), listing.launched, last - 20_000 * every);
  const times = Array.from({ length: Math.floor((last - from) / every) + 1 }, (_, at) => (Math.floor(last / every) - at) * every);
  const page = pageOf(
    call,
    times.filter((time) => time >= from),
    limit,
  );
  const list = page.list.map((time) => openInterestRow(listing, time));
  return { symbol: listing.symbol, category: listing.market, list, nextPageCursor: page.nextPageCursor };
}

function openInterestRow(listing: Listing, time: number): object {
  const one = openInterest(listing, time);
  return { openInterest: sizeText(2 * one, listing), timestamp: String(time), singleOpenInterest: sizeText(one, listing) };
}

/** Tiers of one symbol, or of all, page by page. */
export function riskLimits(call: RestCall): unknown {
  const market = marketFor(call);
  if (market === 'spot') throw badParameter('params error: Category is invalid');
  const wanted = call.query.has('symbol') ? [symbolFor(call)] : call.venue.market.symbols;
  const rows = wanted
    .map(({ listing }) => listing)
    .filter((listing) => listing.market === market && listing.status === 'trading')
    .flatMap((listing) => tiersOf(listing));
  return { category: market, ...pageOf(call, rows, 15 * TIERS.length) };
}

/** Of a symbol with 100x: initial margin is 1 / leverage, maintenance half of it, deductions keep it continuous. */
const TIERS = [
  { value: '2000000', share: 1, deduction: 0 },
  { value: '10000000', share: 0.5, deduction: 10_000 },
  { value: '40000000', share: 0.2, deduction: 160_000 },
] as const;

function tiersOf({ symbol, maxLeverage }: Listing): object[] {
  return TIERS.map(({ value, share, deduction }, at) => {
    const leverage = maxLeverage * share;
    return {
      id: at + 1,
      symbol,
      riskLimitValue: value,
      maintenanceMargin: shortText(1 / leverage / 2),
      initialMargin: shortText(1 / leverage),
      isLowestRisk: at === 0 ? 1 : 0,
      maxLeverage: leverage.toFixed(2),
      mmDeduction: at === 0 ? '' : shortText((deduction * 100) / maxLeverage),
    };
  });
}

function shortText(value: number): string {
  return String(Number(value.toPrecision(6)));
}
