import type { RestCall } from '../engine/rest.js';
import { type Bar, barEnd, barStart, barsOf } from '../market/bars.js';
import { indexPrice, markPrice, type PriceBar, priceBar } from '../market/reference.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import { barFields, priceText } from './numbers.js';
import { badParameter, numberFor, symbolFor } from './rest-query.js';
import { INTERVALS } from './topics.js';

const DAY = 86_400_000;

/** Spot's own spelling of the names below a day; case matters everywhere. */
const SPOT_NAMES: Readonly<Record<string, string>> = {
  '1min': '1m',
  '3min': '3m',
  '5min': '5m',
  '15min': '15m',
  '30min': '30m',
  '1h': '1H',
  '4h': '4H',
  '6h': '6H',
  '12h': '12H',
  '1day': '1D',
  '3day': '3D',
  '1week': '1W',
};

/** How far `candles` looks back, days; longer intervals are not limited here. */
const LOOK_BACK: Readonly<Record<string, number>> = {
  '1m': 30,
  '3m': 30,
  '5m': 30,
  '15m': 52,
  '30m': 62,
  '1H': 83,
  '4H': 240,
  '6H': 360,
};

type Kind = 'MARKET' | 'MARK' | 'INDEX';
type Window = { readonly from: number; readonly until: number; readonly limit: number; readonly interval: number };

/** `candles`: recent bars, ascending, the forming one included; `kLineType` chooses mark or index where there is one. */
export function candles(style: 'spot' | 'contract'): (call: RestCall) => unknown {
  return (call) => {
    const { interval, name } = intervalFor(call, style);
    const limit = numberFor(call, 'limit', 100, 1_000);
    const window = windowFor(call, interval, limit);
    const oldest = call.now - (LOOK_BACK[name] ?? 3_650) * DAY;
    return rowsOf(call, kindOf(call), style, { ...window, from: Math.max(window.from, oldest) });
  };
}

/** `history-candles`: finished bars, ascending, a page of at most `most`. */
export function historyCandles(style: 'spot' | 'contract', most: number, kind?: Kind): (call: RestCall) => unknown {
  return (call) => {
    const { interval } = intervalFor(call, style);
    if (style === 'spot' && !call.query.has('endTime')) throw badParameter('endTime is required');
    const window = windowFor(call, interval, numberFor(call, 'limit', 100, most));
    const finished = barStart(call.now, interval);
    return rowsOf(call, kind ?? kindOf(call), style, { ...window, until: Math.min(window.until, finished) });
  };
}

function kindOf({ query }: RestCall): Kind {
  const name = (query.get('kLineType') ?? query.get('type') ?? 'MARKET').toUpperCase();
  if (name !== 'MARKET' && name !== 'MARK' && name !== 'INDEX') throw badParameter();
  return name;
}

function intervalFor({ path, query }: RestCall, style: 'spot' | 'contract'): { interval: number; name: string } {
  const given = query.get(path.startsWith('/api/v3/') ? 'interval' : 'granularity') ?? '';
  const isSpotName = style === 'spot' && Object.hasOwn(SPOT_NAMES, given);
  const isShared = style === 'contract' || given.endsWith('utc') || given === '1M';
  const name = isSpotName ? (SPOT_NAMES[given] as string) : given;
  const interval = isSpotName || isShared ? INTERVALS[name] : undefined;
  if (interval === undefined) throw badParameter(`The granularity ${given} is not valid`);
  return { interval, name };
}

/**
 * Both ends given: the newest bars before the end. A start inside a bar also brings that bar. At most 90 days between.
 */
function windowFor(call: RestCall, interval: number, limit: number): Window {
  const until = numberFor(call, 'endTime', call.now + 1);
  const start = numberFor(call, 'startTime', 0);
  if (start > 0 && until - start > 90 * DAY) throw badParameter('The time range must not exceed 90 days');
  return { from: barStart(start, interval), until, limit, interval };
}

function rowsOf(call: RestCall, kind: Kind, style: 'spot' | 'contract', window: Window): string[][] {
  const symbol = symbolFor(call);
  if (kind !== 'MARKET') return referenceRows(symbol, kind, call.now, window);
  const bars = barsOf(symbol.trades, symbol.listing, window.interval, earliest(window), window.until);
  return bars.slice(-window.limit).map((bar) => tradeRow(symbol, bar, style));
}

/** Spot writes the turnover in USDT before that in the quote currency; the WebSocket the other way round. */
function tradeRow({ listing }: SymbolMarket, bar: Bar, style: 'spot' | 'contract'): string[] {
  const fields = barFields(bar, listing);
  return style === 'spot' ? [...fields, fields[6] as string] : fields;
}

function referenceRows(symbol: SymbolMarket, kind: Kind, now: number, window: Window): string[][] {
  const { listing } = symbol;
  const price = (at: number): number => (kind === 'MARK' ? markPrice(listing, at) : indexPrice(listing, at));
  const rows: string[][] = [];
  const last = Math.min(window.until, now + 1);
  for (let start = barStart(earliest({ ...window, until: last }), window.interval); start < last; ) {
    const bar: PriceBar = priceBar(price, start, window.interval, now);
    const prices = [bar.open, bar.high, bar.low, bar.close].map((units) => priceText(units, listing));
    if (start >= listing.launched) rows.push([String(start), ...prices, '0', '0']);
    start = barEnd(start, window.interval);
  }
  return rows.slice(-window.limit);
}

/** No more than a page is built, however far back the window begins. */
function earliest({ from, until, limit, interval }: Window): number {
  return Math.max(from, until - (limit + 1) * interval);
}
