import type { RestCall } from '../engine/rest.js';
import { fixedText, plainText } from '../market/decimals.js';
import type { Listing, Market } from '../market/listing.js';
import { levelsText, priceText, sizeText } from './numbers.js';
import { marketFor, numberFor, pageOf, symbolFor } from './rest-query.js';
import { tickerFields } from './tickers.js';

const STATUS = { trading: 'Trading', prelisting: 'PreLaunch', halted: 'Trading', settling: 'Delivering', closed: 'Closed' };

/** Trading ones only unless `status` says otherwise; 500 a page unless `limit` does. Spot comes whole. */
export function instruments(call: RestCall): unknown {
  const market = marketFor(call);
  const status = call.query.get('status') || 'Trading';
  const symbol = call.query.get('symbol');
  const rows = call.venue.market.symbols
    .map(({ listing }) => listing)
    .filter((listing) => listing.market === market && STATUS[listing.status] === status)
    .filter((listing) => !symbol || listing.symbol === symbol)
    .sort((a, b) => (a.symbol < b.symbol ? -1 : 1))
    .map((listing, at) => (market === 'spot' ? spotRow(listing, at) : contractRow(listing, at)));
  if (market === 'spot') return { category: market, list: rows };
  return { category: market, ...pageOf(call, rows, numberFor(call, 'limit', 500, 1_000)) };
}

function contractRow(listing: Listing, at: number): object {
  const { priceDecimals, sizeDecimals } = listing;
  const tick = plainText(listing.tick, priceDecimals);
  const lot = plainText(listing.lot, sizeDecimals);
  const upTo = (units: number): string => fixedText(units, sizeDecimals);
  return {
    symbol: listing.symbol,
    contractType: `${listing.market === 'inverse' ? 'Inverse' : 'Linear'}${listing.kind === 'future' ? 'Futures' : 'Perpetual'}`,
    status: STATUS[listing.status],
    baseCoin: listing.base,
    quoteCoin: listing.quote,
    launchTime: String(listing.launched),
    deliveryTime: String(listing.expires ?? 0),
    deliveryFeeRate: listing.expires === undefined ? '' : '0.0005',
    priceScale: String(priceDecimals),
    leverageFilter: { minLeverage: '1', maxLeverage: listing.maxLeverage.toFixed(2), leverageStep: '0.01' },
    priceFilter: { minPrice: tick, maxPrice: fixedText(10 ** (priceDecimals + 6), priceDecimals), tickSize: tick },
    lotSizeFilter: {
      maxOrderQty: upTo(1e9),
      minOrderQty: lot,
      qtyStep: lot,
      postOnlyMaxOrderQty: upTo(1e9),
      maxMktOrderQty: upTo(2e8),
      minNotionalValue: '5',
    },
    unifiedMarginTrade: true,
    fundingInterval: listing.fundingHours * 60,
    settleCoin: listing.settle,
    copyTrading: 'both',
    upperFundingRate: '0.005',
    lowerFundingRate: '-0.005',
    isPreListing: listing.status === 'prelisting',
    preListingInfo: null,
    riskParameters: { priceLimitRatioX: '0.15', priceLimitRatioY: '0.3' },
    displayName: '',
    symbolType: '',
    forbidUplWithdrawal: false,
    symbolId: at + 1,
  };
}

function spotRow(listing: Listing, at: number): object {
  const lot = plainText(listing.lot, listing.sizeDecimals);
  return {
    symbolId: at + 1,
    symbol: listing.symbol,
    baseCoin: listing.base,
    quoteCoin: listing.quote,
    innovation: '0',
    status: STATUS[listing.status],
    marginTrading: 'utaOnly',
    stTag: '0',
    lotSizeFilter: {
      basePrecision: lot,
      quotePrecision: '0.0000001',
      minOrderQty: lot,
      maxOrderQty: '2300000',
      minOrderAmt: '5',
      maxOrderAmt: '8000000',
      maxLimitOrderQty: '2300000',
      maxMarketOrderQty: '1200000',
      postOnlyMaxLimitOrderSize: '11500000',
    },
    priceFilter: { tickSize: plainText(listing.tick, listing.priceDecimals) },
    riskParameters: { priceLimitRatioX: '0.005', priceLimitRatioY: '0.01' },
    symbolType: '',
    xstockMultiplier: '1',
  };
}

/** All symbols of a category, or one; spot has bid and ask here that its WebSocket lacks. */
export function tickers(call: RestCall): unknown {
  const market = marketFor(call);
  const wanted = call.query.has('symbol') ? [symbolFor(call)] : call.venue.market.symbols;
  const list = wanted
    .filter(({ listing }) => listing.market === market && listing.status === 'trading')
    .map((symbol) => {
      const { bid, ask } = symbol.quote(call.now);
      const { listing } = symbol;
      const best = {
        bid1Price: priceText(bid[0], listing),
        bid1Size: sizeText(bid[1], listing),
        ask1Price: priceText(ask[0], listing),
        ask1Size: sizeText(ask[1], listing),
      };
      return market === 'spot' ? { ...tickerFields(symbol, call.now), ...best } : tickerFields(symbol, call.now);
    });
  return { category: market, list };
}

const DEPTH: Readonly<Record<Market, readonly [fallback: number, most: number]>> = {
  spot: [1, 1_000],
  linear: [25, 1_000],
  inverse: [25, 1_000],
};

export function orderbook(call: RestCall): unknown {
  const { book, listing } = symbolFor(call);
  const [fallback, most] = DEPTH[listing.market];
  const limit = numberFor(call, 'limit', fallback, most);
  return {
    s: listing.symbol,
    b: JSON.parse(levelsText(book.bids.slice(0, limit), listing)) as unknown,
    a: JSON.parse(levelsText(book.asks.slice(0, limit), listing)) as unknown,
    ts: call.now,
    u: 1,
    seq: 1,
    cts: call.now,
  };
}
