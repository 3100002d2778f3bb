import { type Bar, turnoverDecimals } from '../market/bars.js';
import { fixedText, plainText } from '../market/decimals.js';
import type { Level } from '../market/ladder.js';
import type { Listing } from '../market/listing.js';
import { noise } from '../market/reference.js';
import type { SymbolMarket } from '../market/symbol-market.js';

/** Returns a trade's id: digits on spot, a UUID on contracts. */
export function tradeId({ listing, key }: SymbolMarket, index: number): string {
  if (listing.market === 'spot') return `22900000${String(11_890_481 + index).padStart(11, '0')}`;
  const hex = (salt: number): string =>
    Math.floor(noise(key, index * 4 + salt) * 4_294_967_296)
      .toString(16)
      .padStart(8, '0');
  const [a, b, c, d] = [hex(0), hex(1), hex(2), hex(3)] as [string, string, string, string];
  return `${a}-${b.slice(0, 4)}-5${b.slice(5)}-b${c.slice(1, 4)}-${c.slice(4)}${d}`;
}

/** Returns a trade's place in the symbol's cross sequence. */
export function tradeSequence(index: number): number {
  return 753_843_000_000 + index * 37;
}

/** Contracts write every decimal (`65114.20`), spot none too many (`65140.4`). */
export function priceText(units: number, { market, priceDecimals }: Listing): string {
  return market === 'spot' ? plainText(units, priceDecimals) : fixedText(units, priceDecimals);
}

export function sizeText(units: number, { market, sizeDecimals }: Listing): string {
  return market === 'spot' ? plainText(units, sizeDecimals) : fixedText(units, sizeDecimals);
}

export function turnoverText(turnover: bigint, listing: Listing): string {
  return plainText(turnover, turnoverDecimals(listing));
}

/** Returns levels as `[["price","size"],…]`; a removed level has size `"0"`. */
export function levelsText(levels: readonly Level[], listing: Listing): string {
  const rows = levels.map(([price, size]) => `["${priceText(price, listing)}","${size === 0 ? '0' : sizeText(size, listing)}"]`);
  return `[${rows.join(',')}]`;
}

/** Returns open, high, low, close as klines write them. */
export function barPrices({ open, high, low, close }: Pick<Bar, 'open' | 'high' | 'low' | 'close'>, listing: Listing): string[] {
  return [open, high, low, close].map((price) => plainText(price, listing.priceDecimals));
}

/** Returns how a trade's price moved against the one before. */
export function tickDirection({ trades }: SymbolMarket, index: number): string {
  const { price } = trades.at(index);
  for (let before = index - 1; before >= Math.max(0, index - 20); before--) {
    const other = trades.at(before).price;
    if (other === price) continue;
    const sign = price > other ? 'Plus' : 'Minus';
    return before === index - 1 ? `${sign}Tick` : `Zero${sign}Tick`;
  }
  return 'ZeroPlusTick';
}
