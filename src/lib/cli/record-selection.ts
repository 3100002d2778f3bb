import type { Exchange } from '../exchanges/exchange.js';
import { EXCHANGES } from '../exchanges/index.js';
import { nativeNames } from '../exchanges/native-names.js';
import { UsageError } from '../model/errors.js';
import { MARKETS, type Market } from '../model/records.js';
import type { RecordSelection } from '../model/selection.js';

export type SelectionFlags = {
  readonly exchange?: readonly Exchange[] | undefined;
  readonly market?: readonly Market[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
};

/** Returns the selection of the flags, with symbols in the exchanges' own spelling. */
export function selectionOf({ exchange, market, symbols, since, until }: SelectionFlags): RecordSelection {
  if (since !== undefined && until !== undefined && since >= until) throw new UsageError('--since must be before --until');
  return {
    exchanges: exchange?.map(({ id }) => id),
    markets: market,
    symbols: symbols && nativeSymbols(symbols, exchange ?? EXCHANGES, market),
    since,
    until,
  };
}

/** Returns the native spellings of symbols on any of the exchanges and markets; unknown ones stay unchanged. */
export function nativeSymbols(
  symbols: readonly string[],
  exchanges: readonly Exchange[],
  markets: readonly Market[] = MARKETS,
): string[] {
  return symbols.flatMap((spelling) => {
    const native = exchanges.flatMap((exchange) => markets.flatMap((market) => nativeNames(exchange, spelling, market)));
    const known = [...new Set(native)];
    return known.length > 0 ? known : [spelling];
  });
}

/** Returns what the amounts of an exchange's market count; an unknown exchange counts the base asset. */
export function amountUnit(id: string, market: Market): 'base' | 'quote' {
  return EXCHANGES.find((exchange) => exchange.id === id)?.amountUnit(market) ?? 'base';
}
