import { FailureError } from '../../model/errors.js';
import { excerpt } from '../../model/ndjson.js';
import { positive } from '../../model/numbers.js';
import type { Instrument, InstrumentKind, InstrumentStatus, Market } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import type { HttpRequest, InstrumentPage } from '../exchange.js';
import { type Fields, filled, isFields } from './fields.js';
import { buildCcxtName } from './names.js';
import { parseResult } from './rest-answers.js';

const PATH = '/v5/market/instruments-info';

/** Bybit's default page of 500 is shorter than its list of linear contracts. */
const PAGE = '1000';

const STATUSES: ReadonlyMap<unknown, InstrumentStatus> = new Map([
  ['PreLaunch', 'prelisting'],
  ['Trading', 'trading'],
  ['Delivering', 'settling'],
  ['Closed', 'closed'],
] as const);

/** One list per status, since an answer holds one: without the parameter it is Trading. Closed contracts are history. */
const LISTED = ['Trading', 'PreLaunch', 'Delivering'];

const KINDS: Readonly<Record<Market, ReadonlyMap<unknown, InstrumentKind>>> = {
  spot: new Map([[undefined, 'spot']]),
  linear: new Map([
    ['LinearPerpetual', 'perpetual'],
    ['LinearFutures', 'future'],
  ]),
  inverse: new Map([
    ['InversePerpetual', 'perpetual'],
    ['InverseFutures', 'future'],
  ]),
};

/** Returns the first page of every list of a market. Spot lists only what trades, in one page. */
export function requests(market: Market): readonly HttpRequest[] {
  if (market === 'spot') return [{ path: PATH, query: { category: market, limit: PAGE } }];
  return LISTED.map((status) => ({ path: PATH, query: { category: market, status, limit: PAGE } }));
}

/**
 * Maps one body of `GET /v5/market/instruments-info`. One recorded body may answer the requests of several statuses, and
 * its rows would count several times. So a row of another status than asked for is skipped. `nextPageCursor` looks
 * percent-encoded but is a plain value: the client encodes it once, like any other.
 */
export function parse(request: HttpRequest, body: string, at: number): InstrumentPage {
  const result = parseResult(request, body, 'instruments');
  const market = request.query.category as Market;
  if (result.category !== market)
    throw new FailureError(`bybit instruments: expected category ${market}, was ${excerpt(result.category)}`);
  if (!Array.isArray(result.list)) throw new FailureError('bybit instruments: expected a list, was none: try again later');
  const instruments: Instrument[] = [];
  const rejected: string[] = [];
  for (const row of result.list) {
    const instrument = isFields(row) ? parseInstrument(row, market, at) : 'expected an object';
    if (typeof instrument === 'string') rejected.push(`${nameOf(row)}: ${instrument}`);
    else if (isAskedFor(request, instrument.status)) instruments.push(instrument);
  }
  return { instruments, rejected, next: nextPage(request, result.nextPageCursor) };
}

function nameOf(row: unknown): string {
  return (isFields(row) && filled(row.symbol)) || excerpt(row);
}

function isAskedFor(request: HttpRequest, status: InstrumentStatus): boolean {
  return request.query.status === undefined || STATUSES.get(request.query.status) === status;
}

function nextPage(request: HttpRequest, cursor: unknown): HttpRequest | undefined {
  const next = filled(cursor);
  if (next === undefined || request.query.category === 'spot') return undefined;
  if (next === request.query.cursor) throw new FailureError(`bybit instruments: the cursor ${excerpt(next)} leads to itself`);
  return { path: request.path, query: { ...request.query, cursor: next } };
}

/**
 * Returns the instrument of a row, or one line that says why it is none. List fees and open-order limits are not in
 * it. `priceLimitRatioX/Y` bound only how far a buy may lie above and a sell below the market, by a formula over mark
 * and index, so they are no price band. A perpetual's `deliveryTime` is its delisting and no expiry.
 */
function parseInstrument(row: Fields, market: Market, at: number): Instrument | string {
  const symbol = filled(row.symbol);
  const base = filled(row.baseCoin);
  const quote = filled(row.quoteCoin);
  const settle = market === 'spot' ? quote : filled(row.settleCoin);
  const kind = KINDS[market].get(row.contractType);
  const status = STATUSES.get(row.status);
  const expiry = kind === 'future' ? fromMilliseconds(row.deliveryTime) : undefined;
  if (!symbol || !base || !quote || !settle) return 'expected symbol, baseCoin, quoteCoin and settleCoin';
  if (!kind) return `expected a contractType of ${market}, was ${excerpt(row.contractType)}`;
  if (!status) return `expected PreLaunch, Trading, Delivering or Closed in status, was ${excerpt(row.status)}`;
  if (kind === 'future' && expiry === undefined) return `expected milliseconds in deliveryTime, was ${excerpt(row.deliveryTime)}`;
  const limits = parseLimits(row, market);
  if (limits.tickSize === undefined || limits.lotSize === undefined) return 'expected a tick and a lot above 0';
  return {
    type: 'instrument',
    exchange: 'bybit',
    market,
    symbol,
    timestamp: at,
    base,
    quote,
    settle,
    kind,
    category: filled(row.symbolType) ?? (row.innovation === '1' ? 'innovation' : undefined),
    status,
    ...limits,
    contractSize: market === 'spot' ? undefined : 1,
    amountUnit: market === 'inverse' ? 'quote' : 'base',
    fundingIntervalHours: parseHours(row.fundingInterval),
    launchTimestamp: fromMilliseconds(row.launchTime),
    expiryTimestamp: expiry,
    canonical: `bybit:${market}:${symbol}`,
    ccxt: buildCcxtName({ kind, base, quote, settle, expiry }),
  };
}

/** Spot names its limits otherwise: the lot is `basePrecision`, and `maxOrderQty` is the older `maxLimitOrderQty`. */
function parseLimits(row: Fields, market: Market) {
  const price = part(row.priceFilter);
  const lot = part(row.lotSizeFilter);
  return {
    tickSize: positive(price.tickSize),
    lotSize: positive(market === 'spot' ? lot.basePrecision : lot.qtyStep),
    minAmount: positive(lot.minOrderQty),
    maxAmount: positive(lot.maxLimitOrderQty) ?? positive(lot.maxOrderQty),
    minNotional: positive(market === 'spot' ? lot.minOrderAmt : lot.minNotionalValue),
    maxLeverage: positive(part(row.leverageFilter).maxLeverage),
  };
}

function part(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** Bybit counts minutes here, and 0 on dated futures. */
function parseHours(minutes: unknown): number | undefined {
  const interval = positive(minutes);
  return interval === undefined ? undefined : interval / 60;
}
