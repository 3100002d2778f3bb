import type { Market } from '../../model/records.js';
import { formatDate } from '../../model/time.js';
import { COIN_FUTURES, PRODUCTS, type Product, productsOf, SPOT, USDC_FUTURES, USDT_FUTURES } from './products.js';

/**
 * Contracts are spelled base + quote + delivery: `BTCUSDT`, `BTCPERP` (USDC perpetuals), `BTCUSD` (coin-margined),
 * `BTCUSDH26` (delivery March 2026); `ETHUSD_231229` is the spelling of deliveries in older documentation.
 */
const CONTRACT = /^(.+?)(USDT|USDC|PERP|USD)([FGHJKMNQUVXZ]\d{2}|_\d{6})?$/;
const CONTRACT_PRODUCTS: Readonly<Record<string, Product>> = {
  USDT: USDT_FUTURES,
  USDC: USDC_FUTURES,
  PERP: USDC_FUTURES,
  USD: COIN_FUTURES,
};

const NATIVE = /^[^\s:/,_-]+(?:_\d{6})?$/;
const LEGACY = /^(.+)_([A-Z]+)$/;
const CCXT = /^([^\s:/,]+)\/([^\s:/,-]+)(?::([^\s:/,-]+)(?:-(\d{6}))?)?$/;
/** The letters of futures months, January first. */
const MONTHS = 'FGHJKMNQUVXZ';

/** Returns the product line that a contract's spelling shows, undefined where it shows none. */
function shapeOf(symbol: string): Product | undefined {
  return CONTRACT_PRODUCTS[CONTRACT.exec(symbol)?.[2] ?? ''];
}

/** Returns the product line of a native symbol; one whose spelling shows none belongs to the market's largest. */
export function productOfSymbol(symbol: string, market: Market): Product {
  if (market === 'spot') return SPOT;
  const product = shapeOf(symbol);
  return product?.market === market ? product : (productsOf(market)[0] as Product);
}

/** Returns whether a contract's spelling names a delivery date. */
export function isDated(symbol: string): boolean {
  return CONTRACT.exec(symbol)?.[3] !== undefined;
}

type NamedContract = {
  readonly product: Product;
  readonly symbol: string;
  readonly base: string;
  readonly quote: string;
  readonly settle: string;
  /** Microseconds, on dated futures only. */
  readonly expiry?: number | undefined;
};

type Names = { readonly canonical: string; readonly ccxt: string; readonly legacy?: string | undefined };

/** Returns an instrument's names elsewhere. Dated futures have no `legacy` name: how v1 spelled them is not documented. */
export function buildNames({ product, symbol, base, quote, settle, expiry }: NamedContract): Names {
  const canonical = `bitget:${product.market}:${symbol}`;
  const pair = `${base}/${quote}`;
  if (expiry !== undefined) return { canonical, ccxt: `${pair}:${settle}-${formatDate(expiry).slice(2).replaceAll('-', '')}` };
  const legacy = `${symbol}_${product.legacySuffix}`;
  return { canonical, ccxt: product.market === 'spot' ? pair : `${pair}:${settle}`, legacy };
}

/**
 * Returns the native symbol of a spelling in either case (`BTCUSDT`, `bitget:linear:BTCUSDT`, `BTC/USDT:USDT`,
 * `BTCUSDT_UMCBL`), undefined where it is none or belongs to another exchange or market.
 */
export function nativeSymbol(spelling: string, market: Market): string | undefined {
  const text = spelling.trim().toUpperCase();
  if (text.includes('/')) return fromCcxt(text, market);
  if (text.includes(':')) return fromCanonical(text, market);
  return fromLegacy(text, market) ?? fromNative(text, market);
}

function fromNative(text: string, market: Market): string | undefined {
  if (!NATIVE.test(text)) return undefined;
  const shape = market === 'spot' ? undefined : shapeOf(text);
  return shape && shape.market !== market ? undefined : text;
}

function fromLegacy(text: string, market: Market): string | undefined {
  const [, symbol, suffix] = LEGACY.exec(text) ?? [];
  const product = PRODUCTS.find(({ legacySuffix }) => legacySuffix === suffix);
  return symbol !== undefined && product?.market === market ? fromNative(symbol, market) : undefined;
}

function fromCanonical(text: string, market: Market): string | undefined {
  const [exchange, itsMarket, symbol = '', ...rest] = text.split(':');
  if (exchange !== 'BITGET' || itsMarket !== market.toUpperCase() || rest.length > 0) return undefined;
  return fromNative(symbol, market);
}

function fromCcxt(text: string, market: Market): string | undefined {
  const [, base = '', quote = '', settle, date] = CCXT.exec(text) ?? [];
  if (base === '') return undefined;
  if (market === 'spot') return settle === undefined ? base + quote : undefined;
  const delivery = date === undefined ? '' : deliveryCode(date);
  if (delivery === undefined) return undefined;
  if (market === 'inverse') return settle === base && quote === 'USD' ? `${base}USD${delivery}` : undefined;
  if (settle !== quote) return undefined;
  if (quote === 'USDC') return delivery === '' ? `${base}PERP` : undefined;
  return quote === 'USDT' ? `${base}USDT${delivery}` : undefined;
}

/** `260327` → `H26`. */
function deliveryCode(date: string): string | undefined {
  const letter = MONTHS[Number(date.slice(2, 4)) - 1];
  return letter && letter + date.slice(0, 2);
}
