import type { Listing } from '../../market/listing.js';
import { Decimal, ZERO } from '../engine/decimals.js';
import type { EngineRules } from '../engine/rules.js';
import { amountOf, priceOf, type Terms } from '../engine/terms.js';

/** Tiers as the public list shows them; no deductions are published. */
const TIERS = [
  { until: 150_000, rate: '0.004', leverage: 1 },
  { until: 900_000, rate: '0.005', leverage: 0.8 },
  { until: 3_000_000, rate: '0.01', leverage: 0.4 },
  { until: 12_000_000, rate: '0.025', leverage: 0.2 },
  { until: 60_000_000, rate: '0.1', leverage: 0.05 },
] as const;

const known = new WeakMap<Listing, Terms>();

function termsOf(listing: Listing): Terms {
  const found = known.get(listing);
  if (found) return found;
  const lot = amountOf(listing.lot, listing);
  const terms: Terms = {
    tick: priceOf(listing.tick, listing),
    lot,
    minAmount: lot,
    maxLimit: new Decimal(120_000),
    maxMarket: new Decimal(22_000),
    minValue: new Decimal(5),
    tiers: TIERS.map(({ until, rate, leverage }) => ({
      until: new Decimal(until),
      rate: new Decimal(rate),
      deduction: ZERO,
      maxLeverage: new Decimal(Math.max(1, Math.floor(listing.maxLeverage * leverage))),
    })),
  };
  known.set(listing, terms);
  return terms;
}

const FIRST_ORDER = 1_391_234_567_890_000_000n;
const FIRST_TRADE = 1_391_234_600_000_000_000n;

/** https://www.bitget.com/api-doc/contract/trade/Place-Order and …/uta/trade/Place-Order */
export const RULES: EngineRules = {
  termsOf,
  orderId: (sequence) => String(FIRST_ORDER + BigInt(sequence)),
  tradeId: (sequence) => String(FIRST_TRADE + BigInt(sequence)),
  clientId: (sequence) => String(FIRST_ORDER + BigInt(sequence)),
  clientIdForm: /^[.A-Z:/a-z0-9_-]{1,32}$/,
  clientIdsAreUnique: 'while-open',
  mostOrders: { count: 400, isPerSymbol: false },
  band: new Decimal('0.05'),
  movesIntoBand: false,
  reduceOnlyExcess: 'cancel-older',
  closesOccupy: true,
  splitsLargeCloses: false,
};
