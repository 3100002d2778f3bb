import { finite, positive } from '../../model/numbers.js';
import type { Instrument } from '../../model/records.js';
import type { Fields } from './fields.js';

/** What a row says of trading, apart from names, kind and status, which all three layouts map alike. */
export type Terms = Partial<
  Pick<
    Instrument,
    | 'category'
    | 'tickSize'
    | 'lotSize'
    | 'minAmount'
    | 'maxAmount'
    | 'minNotional'
    | 'maxLeverage'
    | 'makerFee'
    | 'takerFee'
    | 'priceBandUp'
    | 'priceBandDown'
    | 'maxOrders'
    | 'fundingIntervalHours'
  >
>;

/** How one endpoint lays out its rows. */
export type Layout = {
  readonly statusField: string;
  readonly launchField: string;
  termsOf(row: Fields): Terms;
};

/** Spot has no real maximum: the obsolete field carries 9 × 10^20. */
const NO_LIMIT = 1e18;
/** Minimum orders count USDT; they are quote units only where the quote coin is a dollar. */
const DOLLARS: ReadonlySet<unknown> = new Set(['USDT', 'USDC', 'USD']);

/** Returns `digits` × 10^-`places`, read as one decimal text so that 1 × 10^-1 is 0.1 and not a sum of roundings. */
function scaled(digits: unknown, places: unknown): number | undefined {
  const power = finite(places);
  return power === undefined || !Number.isInteger(power) || finite(digits) === undefined
    ? undefined
    : positive(`${digits}e${-power}`);
}

function limit(value: unknown): number | undefined {
  const amount = positive(value);
  return amount !== undefined && amount < NO_LIMIT ? amount : undefined;
}

function wholeCount(value: unknown): number | undefined {
  const count = positive(value);
  return Number.isSafeInteger(count) ? count : undefined;
}

function minNotional(row: Fields, value: unknown): number | undefined {
  return DOLLARS.has(row.quoteCoin) ? positive(value) : undefined;
}

function feesAndBands(row: Fields): Terms {
  return {
    makerFee: finite(row.makerFeeRate),
    takerFee: finite(row.takerFeeRate),
    priceBandUp: positive(row.buyLimitPriceRatio),
    priceBandDown: positive(row.sellLimitPriceRatio),
    category: row.isRwa === 'YES' ? 'rwa' : undefined,
  };
}

/** `GET /api/v2/spot/public/symbols`. `openTime` is deprecated, and still the only launch time that spot has. */
export const SPOT_LAYOUT: Layout = {
  statusField: 'status',
  launchField: 'openTime',
  termsOf: (row) => ({
    ...feesAndBands(row),
    tickSize: scaled(1, row.pricePrecision),
    lotSize: scaled(1, row.quantityPrecision),
    minAmount: positive(row.minTradeAmount),
    maxAmount: limit(row.maxTradeAmount),
    minNotional: minNotional(row, row.minTradeUSDT),
    maxOrders: wholeCount(row.orderQuantity),
  }),
};

/** `GET /api/v2/mix/market/contracts`. The tick is `priceEndStep` × 10^-`pricePlace`. */
export const CONTRACT_LAYOUT: Layout = {
  statusField: 'symbolStatus',
  launchField: 'launchTime',
  termsOf: (row) => ({
    ...feesAndBands(row),
    tickSize: scaled(row.priceEndStep, row.pricePlace),
    lotSize: positive(row.sizeMultiplier),
    minAmount: positive(row.minTradeNum),
    maxAmount: limit(row.maxOrderQty),
    minNotional: minNotional(row, row.minTradeUSDT),
    maxLeverage: positive(row.maxLever),
    maxOrders: wholeCount(row.maxSymbolOrderNum),
    fundingIntervalHours: positive(row.fundInterval),
  }),
};

/**
 * `GET /api/v3/market/instruments`. `priceMultiplier` and `quantityMultiplier` are the steps themselves ("0.1" beside a
 * `pricePrecision` of 1); spot rows have the precisions alone.
 */
export const UNIFIED_LAYOUT: Layout = {
  statusField: 'status',
  launchField: 'launchTime',
  termsOf: (row) => ({
    ...feesAndBands(row),
    tickSize: positive(row.priceMultiplier) ?? scaled(1, row.pricePrecision),
    lotSize: positive(row.quantityMultiplier) ?? scaled(1, row.quantityPrecision),
    minAmount: positive(row.minOrderQty),
    maxAmount: limit(row.maxOrderQty),
    minNotional: minNotional(row, row.minOrderAmount),
    maxLeverage: positive(row.maxLeverage),
    maxOrders: wholeCount(row.maxSymbolOrderNum),
    fundingIntervalHours: positive(row.fundInterval),
  }),
};
