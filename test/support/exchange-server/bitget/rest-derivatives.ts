import type { RestCall } from '../engine/rest.js';
import { plainText } from '../market/decimals.js';
import type { Listing } from '../market/listing.js';
import { fundingRate, nextFunding } from '../market/reference.js';
import { priceText, sizeText } from './numbers.js';
import { badParameter, numberFor, symbolFor, symbolsFor } from './rest-query.js';

const HOUR = 3_600_000;

/** Upper bounds of the position's value in quote units, share of the margin, greatest leverage relative to the listing's. */
const TIERS = [
  { until: 150_000, rate: '0.004', leverage: 1 },
  { until: 900_000, rate: '0.005', leverage: 0.8 },
  { until: 3_000_000, rate: '0.01', leverage: 0.4 },
  { until: 12_000_000, rate: '0.025', leverage: 0.2 },
  { until: 60_000_000, rate: '0.1', leverage: 0.05 },
] as const;

export function openInterest(call: RestCall): unknown {
  const symbol = symbolFor(call);
  const size = sizeText(symbol.quote(call.now).openInterest, symbol.listing);
  return { openInterestList: [{ symbol: symbol.listing.symbol, size }], ts: String(call.now) };
}

export function unifiedOpenInterest(call: RestCall): unknown {
  const list = symbolsFor(call).map((symbol) => ({
    symbol: symbol.listing.symbol,
    openInterest: sizeText(symbol.quote(call.now).openInterest, symbol.listing),
  }));
  return { list, ts: String(call.now) };
}

export function currentFunding(call: RestCall): unknown {
  const funded = symbolsFor(call).filter(({ listing }) => listing.kind === 'perpetual');
  return funded.map((symbol) => {
    const quote = symbol.quote(call.now);
    return {
      symbol: symbol.listing.symbol,
      fundingRate: plainText(quote.rate, 6),
      fundingRateInterval: String(symbol.listing.fundingHours),
      nextUpdate: String(quote.nextFunding),
      minFundingRate: '-0.003',
      maxFundingRate: '0.003',
    };
  });
}

export function fundingTime(call: RestCall): unknown {
  const { listing } = symbolFor(call);
  return [
    { symbol: listing.symbol, nextFundingTime: String(nextFunding(listing, call.now)), ratePeriod: String(listing.fundingHours) },
  ];
}

/** Newest first, page by page from 1. */
export function fundingHistory(call: RestCall): unknown {
  const { listing } = symbolFor(call);
  const size = numberFor(call, 'pageSize', 20, 100);
  const page = Math.max(1, numberFor(call, 'pageNo', 1));
  return paidTimes(listing, call.now, (page - 1) * size, size).map((time) => ({
    symbol: listing.symbol,
    fundingRate: plainText(fundingRate(listing, time), 6),
    fundingTime: String(time),
  }));
}

/** v3: `cursor` is the page, from 1. */
export function unifiedFundingHistory(call: RestCall): unknown {
  const { listing } = symbolFor(call);
  const size = numberFor(call, 'limit', 100, 100);
  const page = Math.max(1, numberFor(call, 'cursor', 1));
  const resultList = paidTimes(listing, call.now, (page - 1) * size, size).map((time) => ({
    symbol: listing.symbol,
    fundingRate: plainText(fundingRate(listing, time), 6),
    fundingRateTimestamp: String(time),
  }));
  return { resultList };
}

function paidTimes(listing: Listing, now: number, skipped: number, count: number): number[] {
  const every = listing.fundingHours * HOUR;
  const last = nextFunding(listing, now) - every * (1 + skipped);
  const times = Array.from({ length: count }, (_, at) => last - at * every);
  return listing.kind === 'perpetual' ? times.filter((time) => time >= listing.launched) : [];
}

export function symbolPrice(call: RestCall): unknown {
  const symbol = symbolFor(call);
  const quote = symbol.quote(call.now);
  return [
    {
      symbol: symbol.listing.symbol,
      price: priceText(quote.last, symbol.listing),
      indexPrice: priceText(quote.index, symbol.listing),
      markPrice: priceText(quote.mark, symbol.listing),
      ts: String(call.now),
    },
  ];
}

export function positionTiers(call: RestCall): unknown {
  const { listing } = symbolFor(call);
  if (listing.kind === 'spot') throw badParameter();
  return TIERS.map(({ until, rate, leverage }, at) => ({
    symbol: listing.symbol,
    level: String(at + 1),
    startUnit: String(TIERS[at - 1]?.until ?? 0),
    endUnit: String(until),
    leverage: String(Math.max(1, Math.floor(listing.maxLeverage * leverage))),
    keepMarginRate: rate,
  }));
}

export function unifiedTiers(call: RestCall): unknown {
  const { listing } = symbolFor(call);
  if (listing.kind === 'spot') throw badParameter();
  return TIERS.map(({ until, rate, leverage }, at) => ({
    tier: String(at + 1),
    minTierValue: String(TIERS[at - 1]?.until ?? 0),
    maxTierValue: String(until),
    leverage: String(Math.max(1, Math.floor(listing.maxLeverage * leverage))),
    mmr: rate,
  }));
}
