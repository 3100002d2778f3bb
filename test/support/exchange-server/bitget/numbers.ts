import type { Bar } from '../market/bars.js';
import { turnoverDecimals } from '../market/bars.js';
import { plainText } from '../market/decimals.js';
import type { Level } from '../market/ladder.js';
import type { Listing } from '../market/listing.js';
import { noise } from '../market/reference.js';
import type { Quote, SymbolMarket } from '../market/symbol-market.js';

const FIRST_ID = 438_024_184_414_208;
const ID_STEP = 4_194_304;

/** Returns a 19-digit id: growing, above 2^53, never the one before plus one. */
export function tradeId({ listing }: SymbolMarket, index: number): string {
  const serial = FIRST_ID + index * ID_STEP + Math.floor(noise(listing.symbol, index) * (ID_STEP - 1));
  return `1487${String(serial).padStart(15, '0')}`;
}

/** Returns the index of the first trade whose id is not below `id`. */
export function indexOfId(symbol: SymbolMarket, id: string): number {
  let low = 0;
  let high = symbol.trades.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (BigInt(tradeId(symbol, middle)) < BigInt(id)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function priceText(units: number, { priceDecimals }: Listing): string {
  return plainText(units, priceDecimals);
}

export function sizeText(units: number, { sizeDecimals }: Listing): string {
  return plainText(units, sizeDecimals);
}

/** Returns levels as `[["price","size"],…]`. */
export function levelsText(levels: readonly Level[], { priceDecimals, sizeDecimals }: Listing): string {
  const rows = levels.map(([price, size]) => `["${plainText(price, priceDecimals)}","${plainText(size, sizeDecimals)}"]`);
  return `[${rows.join(',')}]`;
}

export function turnoverText(turnover: bigint, listing: Listing): string {
  return plainText(turnover, turnoverDecimals(listing));
}

/** Returns start, open, high, low, close, base volume and quote volume of a bar. */
export function barFields(bar: Bar, listing: Listing): string[] {
  const prices = [bar.open, bar.high, bar.low, bar.close].map((price) => priceText(price, listing));
  return [String(bar.start), ...prices, sizeText(bar.volume, listing), turnoverText(bar.turnover, listing)];
}

/** Returns the change since `open` as a fraction of five decimals. */
export function changeText({ last, open }: Quote): string {
  return plainText(Math.round(((last - open) / open) * 1e5), 5);
}
