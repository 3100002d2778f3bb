import type { Market } from '../../model/records.js';

/** One product line of Bitget, what its own pages call `productType`, `category` or `instType`. */
export type Product = {
  /** As REST and the v2 socket spell it; the v3 socket uses lower case. */
  readonly instType: 'SPOT' | 'USDT-FUTURES' | 'USDC-FUTURES' | 'COIN-FUTURES';
  readonly market: Market;
  /** What v1 appended to symbols: `BTCUSDT_UMCBL`. */
  readonly legacySuffix: 'SPBL' | 'UMCBL' | 'CMCBL' | 'DMCBL';
};

export const SPOT: Product = { instType: 'SPOT', market: 'spot', legacySuffix: 'SPBL' };
export const USDT_FUTURES: Product = { instType: 'USDT-FUTURES', market: 'linear', legacySuffix: 'UMCBL' };
export const USDC_FUTURES: Product = { instType: 'USDC-FUTURES', market: 'linear', legacySuffix: 'CMCBL' };
export const COIN_FUTURES: Product = { instType: 'COIN-FUTURES', market: 'inverse', legacySuffix: 'DMCBL' };

export const PRODUCTS: readonly Product[] = [SPOT, USDT_FUTURES, USDC_FUTURES, COIN_FUTURES];

const BY_INST_TYPE = new Map<unknown, Product>(
  PRODUCTS.flatMap((product) => [
    [product.instType, product],
    [product.instType.toLowerCase(), product],
  ]),
);

/** Returns the product line of an `instType`, `productType` or `category` in either case, undefined where it is none of ours. */
export function productOf(instType: unknown): Product | undefined {
  return BY_INST_TYPE.get(instType);
}

/** Returns the product lines that make up a market, the largest first. */
export function productsOf(market: Market): readonly Product[] {
  return PRODUCTS.filter((product) => product.market === market);
}
