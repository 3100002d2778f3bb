import type { RestCall } from '../engine/rest.js';
import { plainText } from '../market/decimals.js';
import type { Listing } from '../market/listing.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import { changeText, levelsText, priceText, sizeText, turnoverText } from './numbers.js';
import { productFor, symbolFor, symbolsFor } from './rest-query.js';

const CONTRACT_STATUS = { trading: 'normal', prelisting: 'listed', halted: 'maintain', settling: 'limit_open', closed: 'off' };
const SPOT_STATUS = { trading: 'online', prelisting: 'gray', halted: 'halt', settling: 'halt', closed: 'offline' };
const UNIFIED_STATUS = {
  trading: 'online',
  prelisting: 'listed',
  halted: 'restrictedAPI',
  settling: 'limit_open',
  closed: 'offline',
};

export function spotSymbols(call: RestCall): unknown {
  return symbolsFor(call).map(({ listing }) => ({
    symbol: listing.symbol,
    baseCoin: listing.base,
    quoteCoin: listing.quote,
    minTradeAmount: '0',
    maxTradeAmount: '900000000000000000000',
    takerFeeRate: '0.002',
    makerFeeRate: '0.002',
    pricePrecision: String(listing.priceDecimals),
    quantityPrecision: String(listing.sizeDecimals),
    quotePrecision: '8',
    status: SPOT_STATUS[listing.status],
    minTradeUSDT: '1',
    buyLimitPriceRatio: '0.02',
    sellLimitPriceRatio: '0.02',
    areaSymbol: 'no',
    orderQuantity: '200',
    openTime: String(listing.launched),
    offTime: '',
    maxLimitOrderValue: '20000000',
    maxMarketOrderValue: '1000000',
  }));
}

export function contracts(call: RestCall): unknown {
  return symbolsFor(call).map(({ listing }) => contractRow(listing));
}

function contractRow(listing: Listing): object {
  const lot = plainText(listing.lot, listing.sizeDecimals);
  return {
    symbol: listing.symbol,
    baseCoin: listing.base,
    quoteCoin: listing.quote,
    buyLimitPriceRatio: '0.05',
    sellLimitPriceRatio: '0.05',
    feeRateUpRatio: '0.005',
    makerFeeRate: '0.0002',
    takerFeeRate: '0.0006',
    openCostUpRatio: '0.01',
    supportMarginCoins: [listing.settle],
    minTradeNum: lot,
    priceEndStep: String(listing.tick),
    volumePlace: String(listing.sizeDecimals),
    pricePlace: String(listing.priceDecimals),
    sizeMultiplier: lot,
    symbolType: listing.kind === 'future' ? 'delivery' : 'perpetual',
    minTradeUSDT: '5',
    maxSymbolOrderNum: '200',
    maxProductOrderNum: '1000',
    maxPositionNum: '200',
    symbolStatus: CONTRACT_STATUS[listing.status],
    offTime: '-1',
    limitOpenTime: '-1',
    deliveryTime: listing.expires === undefined ? '' : String(listing.expires),
    deliveryStartTime: '',
    deliveryPeriod: listing.kind === 'future' ? 'this_quarter' : '',
    launchTime: listing.status === 'prelisting' ? String(listing.launched) : '',
    fundInterval: String(listing.fundingHours),
    minLever: '1',
    maxLever: String(listing.maxLeverage),
    posLimit: '0.2',
    maintainTime: '',
    openTime: '',
    maxMarketOrderQty: '22000',
    maxOrderQty: '120000',
    isRwa: 'NO',
  };
}

export function instruments(call: RestCall): unknown {
  return symbolsFor(call).map(({ listing }) => ({
    symbol: listing.symbol,
    category: productFor(call),
    baseCoin: listing.base,
    quoteCoin: listing.quote,
    buyLimitPriceRatio: '0.05',
    sellLimitPriceRatio: '0.05',
    feeRateUpRatio: '0.005',
    makerFeeRate: '0.0002',
    takerFeeRate: '0.0006',
    openCostUpRatio: '0.01',
    minOrderQty: plainText(listing.lot, listing.sizeDecimals),
    maxOrderQty: '120000',
    pricePrecision: String(listing.priceDecimals),
    quantityPrecision: String(listing.sizeDecimals),
    quotePrecision: '8',
    priceMultiplier: plainText(listing.tick, listing.priceDecimals),
    quantityMultiplier: plainText(listing.lot, listing.sizeDecimals),
    type: listing.kind === 'future' ? 'delivery' : 'perpetual',
    minOrderAmount: '5',
    maxSymbolOrderNum: '200',
    maxProductOrderNum: '1000',
    maxPositionNum: '200',
    status: UNIFIED_STATUS[listing.status],
    offTime: '-1',
    limitOpenTime: '-1',
    deliveryTime: listing.expires === undefined ? '' : String(listing.expires),
    deliveryStartTime: '',
    deliveryPeriod: '',
    launchTime: String(listing.launched),
    fundInterval: String(listing.fundingHours),
    minLeverage: '1',
    maxLeverage: String(listing.maxLeverage),
    maintainTime: '',
    maxMarketOrderQty: '22000',
  }));
}

export function spotTickers(call: RestCall): unknown {
  return symbolsFor(call).map((symbol) => {
    const { listing } = symbol;
    const quote = symbol.quote(call.now);
    return {
      open: priceText(quote.open, listing),
      ...sharedTicker(symbol, call.now),
      quoteVolume: turnoverText(quote.turnover, listing),
    };
  });
}

/** No status, no tick sizes, no time of the next funding. */
export function contractTickers(call: RestCall): unknown {
  return symbolsFor(call).map((symbol) => contractTicker(symbol, call.now));
}

/** A list of one. */
export function oneContractTicker(call: RestCall): unknown {
  return [contractTicker(symbolFor(call), call.now)];
}

function contractTicker(symbol: SymbolMarket, now: number): object {
  const { listing } = symbol;
  const quote = symbol.quote(now);
  return {
    ...sharedTicker(symbol, now),
    quoteVolume: turnoverText(quote.turnover, listing),
    indexPrice: priceText(quote.index, listing),
    fundingRate: plainText(quote.rate, 6),
    holdingAmount: sizeText(quote.openInterest, listing),
    deliveryStartTime: null,
    deliveryTime: listing.expires === undefined ? null : String(listing.expires),
    deliveryStatus: '',
    open24h: priceText(quote.open, listing),
    markPrice: priceText(quote.mark, listing),
  };
}

function sharedTicker(symbol: SymbolMarket, now: number): Record<string, string> {
  const { listing } = symbol;
  const quote = symbol.quote(now);
  const price = (units: number): string => priceText(units, listing);
  return {
    symbol: listing.symbol,
    lastPr: price(quote.last),
    askPr: price(quote.ask[0]),
    bidPr: price(quote.bid[0]),
    bidSz: sizeText(quote.bid[1], listing),
    askSz: sizeText(quote.ask[1], listing),
    high24h: price(quote.high),
    low24h: price(quote.low),
    ts: String(now),
    change24h: changeText(quote),
    baseVolume: sizeText(quote.volume, listing),
    usdtVolume: turnoverText(quote.turnover, listing),
    openUtc: price(quote.open),
    changeUtc24h: changeText(quote),
  };
}

export function unifiedTickers(call: RestCall): unknown {
  return symbolsFor(call).map((symbol) => {
    const { listing } = symbol;
    const quote = symbol.quote(call.now);
    const price = (units: number): string => priceText(units, listing);
    return {
      category: productFor(call),
      symbol: listing.symbol,
      ts: String(call.now),
      lastPrice: price(quote.last),
      openPrice24h: price(quote.open),
      highPrice24h: price(quote.high),
      lowPrice24h: price(quote.low),
      ask1Price: price(quote.ask[0]),
      bid1Price: price(quote.bid[0]),
      bid1Size: sizeText(quote.bid[1], listing),
      ask1Size: sizeText(quote.ask[1], listing),
      price24hPcnt: changeText(quote),
      volume24h: sizeText(quote.volume, listing),
      turnover24h: turnoverText(quote.turnover, listing),
      indexPrice: price(quote.index),
      markPrice: price(quote.mark),
      fundingRate: plainText(quote.rate, 6),
      openInterest: sizeText(quote.openInterest, listing),
    };
  });
}

/** v2 contracts write levels as JSON numbers, spot and v3 as text; no sequence anywhere. */
export function depth(names: readonly [bids: string, asks: string], isNumeric: boolean): (call: RestCall) => unknown {
  return (call) => {
    const { book, listing } = symbolFor(call);
    const text = (side: 'bids' | 'asks'): unknown => {
      const rows = JSON.parse(levelsText(book[side].slice(0, 50), listing)) as string[][];
      return isNumeric ? rows.map((row) => row.map(Number)) : rows;
    };
    return { [names[1]]: text('asks'), [names[0]]: text('bids'), ts: String(call.now) };
  };
}
