import { FailureError } from '../../model/errors.js';
import type { Instrument, InstrumentKind, InstrumentStatus, Market } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import type { HttpRequest, InstrumentPage } from '../exchange.js';
import { type Fields, isFields, mapRows, unexpected } from './fields.js';
import { CONTRACT_LAYOUT, type Layout, SPOT_LAYOUT, UNIFIED_LAYOUT } from './instrument-rows.js';
import { buildNames } from './names.js';
import { type Product, productOf, productsOf, SPOT } from './products.js';
import { describe, parseRows } from './rest-answers.js';

const SPOT_PATH = '/api/v2/spot/public/symbols';
const CONTRACTS_PATH = '/api/v2/mix/market/contracts';
const UNIFIED_PATH = '/api/v3/market/instruments';

/**
 * `gray` and `listed` are announced and not open to everyone. `restrictedAPI` trades, but refuses every order of a
 * program, which is what the users of this toolkit send. `limit_open` and `limit_close` only let positions be closed on
 * the way to delisting or delivery.
 */
const STATUSES: Readonly<Record<string, InstrumentStatus>> = {
  online: 'trading',
  normal: 'trading',
  gray: 'prelisting',
  listed: 'prelisting',
  halt: 'halted',
  maintain: 'halted',
  restrictedAPI: 'halted',
  limit_open: 'settling',
  limit_close: 'settling',
  offline: 'closed',
  off: 'closed',
};

/** In `symbolType`; v3 has it in `type`, beside a `symbolType` that may name a kind of asset. */
const CONTRACT_KINDS: ReadonlyMap<unknown, InstrumentKind> = new Map([
  ['perpetual', 'perpetual'],
  ['delivery', 'future'],
]);

/** Returns the lists that make up a market; each is one page. */
export function instrumentRequests(market: Market): readonly HttpRequest[] {
  if (market === 'spot') return [{ path: SPOT_PATH, query: {} }];
  return productsOf(market).map(({ instType }) => ({ path: CONTRACTS_PATH, query: { productType: instType } }));
}

/** Returns the list of v3 that holds the same instruments. */
export function instrumentFallbacks({ path, query }: HttpRequest): readonly HttpRequest[] {
  const category = path === SPOT_PATH ? SPOT.instType : path === CONTRACTS_PATH ? query.productType : undefined;
  return category === undefined ? [] : [{ path: UNIFIED_PATH, query: { category } }];
}

/**
 * Maps one body of the lists above, or of v3 (`/api/v3/market/instruments?category=`), with `at` as the timestamp.
 * Throws a `FailureError` when the exchange refused or sent something else.
 */
export function parseInstruments(request: HttpRequest, body: string, at: number): InstrumentPage {
  const what = describe(request);
  const { product, layout } = listOf(request, what);
  const { items, rejected } = mapRows(parseRows(body, what), (row) => parseInstrument(row, product, layout, at));
  return { instruments: items, rejected };
}

function listOf({ path, query }: HttpRequest, what: string): { product: Product; layout: Layout } {
  if (path === SPOT_PATH) return { product: SPOT, layout: SPOT_LAYOUT };
  const product = productOf(path === CONTRACTS_PATH ? query.productType : query.category);
  if (product && path === CONTRACTS_PATH && product !== SPOT) return { product, layout: CONTRACT_LAYOUT };
  if (product && path === UNIFIED_PATH) return { product, layout: UNIFIED_LAYOUT };
  throw new FailureError(`${what}: expected an instrument list of spot, linear or inverse`);
}

function parseInstrument(row: unknown, product: Product, layout: Layout, at: number): Instrument | string {
  if (!isFields(row)) return unexpected('instrument', 'row', 'an object', row);
  const { symbol, baseCoin: base, quoteCoin: quote } = row;
  if (!isName(symbol)) return unexpected('instrument', 'symbol', 'text', symbol);
  if (!isName(base)) return unexpected(symbol, 'baseCoin', 'text', base);
  if (!isName(quote)) return unexpected(symbol, 'quoteCoin', 'text', quote);
  const kind = product === SPOT ? 'spot' : (CONTRACT_KINDS.get(row.type) ?? CONTRACT_KINDS.get(row.symbolType));
  if (kind === undefined) return unexpected(symbol, 'symbolType', 'perpetual or delivery', row.type ?? row.symbolType);
  const status = parseStatus(row[layout.statusField]);
  if (status === undefined)
    return unexpected(symbol, layout.statusField, `one of ${Object.keys(STATUSES).join(', ')}`, row[layout.statusField]);
  const expiry = kind === 'future' ? fromMilliseconds(row.deliveryTime) : undefined;
  if (kind === 'future' && expiry === undefined) return unexpected(symbol, 'deliveryTime', 'milliseconds', row.deliveryTime);
  const settle = product.market === 'inverse' ? base : quote;
  return {
    type: 'instrument',
    exchange: 'bitget',
    market: product.market,
    symbol,
    timestamp: at,
    base,
    quote,
    settle,
    kind,
    status,
    ...termsOf(row, layout, kind === 'perpetual'),
    // Coin-margined sizes count coins, not dollars: in recorded tickers of BTCUSDZ24 quoteVolume / baseVolume is its price.
    amountUnit: 'base',
    launchTimestamp: fromMilliseconds(row[layout.launchField]),
    expiryTimestamp: expiry,
    ...buildNames({ product, symbol, base, quote, settle, expiry }),
  };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function parseStatus(value: unknown): InstrumentStatus | undefined {
  return typeof value === 'string' && Object.hasOwn(STATUSES, value) ? STATUSES[value] : undefined;
}

/** Only perpetuals are funded, whatever a dated future's row says. */
function termsOf(row: Fields, layout: Layout, funded: boolean) {
  const terms = layout.termsOf(row);
  return funded ? terms : { ...terms, fundingIntervalHours: undefined };
}
