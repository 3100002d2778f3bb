import type { Market } from '../model/records.js';
import type { Exchange } from './exchange.js';

/**
 * Returns the native names that a spelling can mean on a market: upper case first, since users type `btcusdt`, then the
 * name as typed, since an exchange may list lower-case letters. None where it is no spelling of the exchange.
 */
export function nativeNames(exchange: Exchange, spelling: string, market: Market): string[] {
  const native = exchange.nativeSymbol(spelling, market);
  if (native === undefined) return [];
  const typed = spelling.trim().slice(spelling.trim().lastIndexOf(':') + 1);
  return typed !== native && nameKey(typed) === nameKey(native) ? [native, typed] : [native];
}

/** Returns a key that is equal for names that differ only in case or in the composition of their characters. */
export function nameKey(name: string): string {
  return name.normalize('NFC').toUpperCase();
}
