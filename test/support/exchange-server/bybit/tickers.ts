import { plainText } from '../market/decimals.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import { priceText, sizeText, turnoverText } from './numbers.js';

/** Returns the fields of a ticker by the names that WebSocket and REST share. */
export function tickerFields(symbol: SymbolMarket, now: number): Record<string, string> {
  return symbol.listing.market === 'spot' ? spotFields(symbol, now) : contractFields(symbol, now);
}

/** No bid and ask here: the REST ticker adds them. */
function spotFields(symbol: SymbolMarket, now: number): Record<string, string> {
  const { listing } = symbol;
  const quote = symbol.quote(now);
  const price = (units: number): string => priceText(units, listing);
  return {
    symbol: listing.symbol,
    lastPrice: price(quote.last),
    highPrice24h: price(quote.high),
    lowPrice24h: price(quote.low),
    prevPrice24h: price(quote.open),
    volume24h: sizeText(quote.volume, listing),
    turnover24h: turnoverText(quote.turnover, listing),
    price24hPcnt: plainText(Math.round(((quote.last - quote.open) / quote.open) * 1e4), 4),
    usdIndexPrice: price(quote.index),
  };
}

/** `openInterest` counts both sides. */
function contractFields(symbol: SymbolMarket, now: number): Record<string, string> {
  const { listing } = symbol;
  const quote = symbol.quote(now);
  const price = (units: number): string => priceText(units, listing);
  const isFuture = listing.kind === 'future';
  const worth = (size: number): string =>
    (
      (size / 10 ** listing.sizeDecimals) *
      (listing.countsQuote ? 10 ** listing.priceDecimals / quote.mark : quote.mark / 10 ** listing.priceDecimals)
    ).toFixed(2);
  return {
    symbol: listing.symbol,
    tickDirection: quote.isUptick ? 'ZeroPlusTick' : 'MinusTick',
    price24hPcnt: plainText(Math.round(((quote.last - quote.open) / quote.open) * 1e6), 6),
    lastPrice: price(quote.last),
    prevPrice24h: price(quote.open),
    highPrice24h: price(quote.high),
    lowPrice24h: price(quote.low),
    prevPrice1h: price(quote.open),
    markPrice: price(quote.mark),
    indexPrice: price(quote.index),
    openInterest: sizeText(2 * quote.openInterest, listing),
    openInterestValue: worth(2 * quote.openInterest),
    turnover24h: turnoverText(quote.turnover, listing),
    volume24h: sizeText(quote.volume, listing),
    fundingIntervalHour: isFuture ? '' : String(listing.fundingHours),
    fundingCap: isFuture ? '' : '0.005',
    singleOpenInterest: sizeText(quote.openInterest, listing),
    singleOpenInterestValue: worth(quote.openInterest),
    nextFundingTime: isFuture ? '' : String(quote.nextFunding),
    fundingRate: isFuture ? '' : plainText(quote.rate, 6),
    bid1Price: price(quote.bid[0]),
    bid1Size: sizeText(quote.bid[1], listing),
    ask1Price: price(quote.ask[0]),
    ask1Size: sizeText(quote.ask[1], listing),
    ...(isFuture && { deliveryTime: new Date(listing.expires ?? 0).toISOString().replace('.000', '') }),
    preOpenPrice: '',
    preQty: '',
    curPreListingPhase: '',
  };
}
