import type { InstrumentKind, Market } from '../../model/records.js';
import { formatDate } from '../../model/time.js';

/** What a spelling is made of. */
type Naming = {
  readonly kind: InstrumentKind;
  readonly base: string;
  readonly quote: string;
  readonly settle: string;
  /** Microseconds; needed for dated futures. */
  readonly expiry?: number | undefined;
};

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
/** The month codes of futures exchanges, January first; Bybit uses them on dated inverse contracts (`BTCUSDZ25`). */
const MONTH_CODES = 'FGHJKMNQUVXZ';

/** Bybit lists names outside of A–Z and 0–9 (`龙虾USDT`). */
const NATIVE = /^[^\s:/,_-]+(?:-[^\s:/,_-]+)*$/;
const CCXT = /^([^\s:/,]+)\/([^\s:/,-]+)(?::([^\s:/,-]+)(?:-(\d{2})(\d{2})(\d{2}))?)?$/;

/** Returns `BTC/USDT` on spot, `BTC/USDT:USDT` for a perpetual, `BTC/USDT:USDT-251226` for a dated future. */
export function buildCcxtName({ kind, base, quote, settle, expiry }: Naming): string {
  if (kind === 'spot') return `${base}/${quote}`;
  const perpetual = `${base}/${quote}:${settle}`;
  return expiry === undefined ? perpetual : `${perpetual}-${formatDate(expiry).slice(2).replaceAll('-', '')}`;
}

/**
 * Returns Bybit's symbol of a native, canonical or ccxt spelling, in any case; undefined where it is none of these or of
 * another exchange or market. Whether the symbol is listed is not known here. Bybit has no older spelling.
 */
export function nativeSymbol(spelling: string, market: Market): string | undefined {
  const text = spelling.trim().toUpperCase();
  const ccxt = CCXT.exec(text);
  if (ccxt) return nativeOf(ccxt, market);
  const prefix = `BYBIT:${market.toUpperCase()}:`;
  const native = text.startsWith(prefix) ? text.slice(prefix.length) : text;
  return NATIVE.test(native) ? native : undefined;
}

/**
 * USDC contracts are `BTCPERP` and `BTC-26DEC25`, USDT ones `BTCUSDT` and `BTCUSDT-26DEC25`, inverse ones `BTCUSD` and
 * `BTCUSDZ25`, which name the month alone, since a month has one delivery.
 */
function nativeOf(ccxt: RegExpExecArray, market: Market): string | undefined {
  const [, base, quote, settle, year, month, day] = ccxt;
  if (market === 'spot') return settle === undefined ? `${base}${quote}` : undefined;
  const index = month === undefined ? undefined : Number(month) - 1;
  if (index !== undefined && MONTHS[index] === undefined) return undefined;
  if (market === 'inverse') {
    if (settle !== base) return undefined;
    return index === undefined ? `${base}${quote}` : `${base}${quote}${MONTH_CODES[index]}${year}`;
  }
  if (settle !== quote) return undefined;
  const usdc = quote === 'USDC';
  if (index === undefined) return usdc ? `${base}PERP` : `${base}${quote}`;
  return `${usdc ? base : `${base}${quote}`}-${day}${MONTHS[index]}${year}`;
}
