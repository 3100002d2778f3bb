import type { Listing } from '../../market/listing.js';
import { Decimal } from '../engine/decimals.js';
import type { EngineRules } from '../engine/rules.js';
import { amountOf, priceOf, type Terms } from '../engine/terms.js';

/** Tiers as the public list shows them: leverage is a share of the listing's, maintenance half of the initial margin. */
const TIERS = [
  { until: '2000000', share: 1, deduction: 0 },
  { until: '10000000', share: 0.5, deduction: 10_000 },
  { until: '40000000', share: 0.2, deduction: 160_000 },
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
    maxLimit: amountOf(1e9, listing),
    maxMarket: amountOf(2e8, listing),
    minValue: new Decimal(5),
    tiers: TIERS.map(({ until, share, deduction }) => ({
      until: new Decimal(until),
      rate: new Decimal(1).div(new Decimal(listing.maxLeverage).mul(share)).div(2).toSignificantDigits(6),
      deduction: new Decimal(deduction).mul(100).div(listing.maxLeverage).toSignificantDigits(6),
      maxLeverage: new Decimal(listing.maxLeverage).mul(share),
    })),
  };
  known.set(listing, terms);
  return terms;
}

/** Returns a text that looks like a UUID and follows from a number. */
function uuid(sequence: number, kind: string): string {
  const hex = ((sequence * 2_654_435_761) % 4_294_967_296).toString(16).padStart(8, '0');
  return `${hex}-${kind}-4e0b-b947-${sequence.toString(16).padStart(12, '0')}`;
}

/** https://bybit-exchange.github.io/docs/v5/order/create-order */
export const RULES: EngineRules = {
  termsOf,
  orderId: (sequence) => uuid(sequence, '7847'),
  tradeId: (sequence) => uuid(sequence, '5c21'),
  clientId: () => '',
  clientIdForm: /^[0-9A-Za-z_-]{1,36}$/,
  clientIdsAreUnique: 'always',
  mostOrders: { count: 500, isPerSymbol: true },
  band: new Decimal('0.15'),
  movesIntoBand: true,
  reduceOnlyExcess: 'stays',
  closesOccupy: false,
  splitsLargeCloses: true,
};
