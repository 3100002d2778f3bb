import { crc32 } from 'node:zlib';
import type { BookPush } from '../engine/book-feed.js';
import type { ExchangeOptions, FrameWriter, Topic } from '../engine/exchange.js';
import { plainText } from '../market/decimals.js';
import type { Listing } from '../market/listing.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import { barFields, changeText, levelsText, priceText, sizeText, tradeId, turnoverText } from './numbers.js';

/** Returns a book's `seq`: 19 digits, written without quotes, above what a double can tell apart. */
export function sequenceText(cross: number): string {
  return cross === 0 ? '0' : `13${String(cross).padStart(17, '0')}`;
}

/** Frames of v2: https://www.bitget.com/api-doc, shapes as recorded in `fixtures/bitget`. */
export function writerV2({ checksum }: ExchangeOptions): FrameWriter {
  return {
    trades(topic, symbol, fills, now, isHistory) {
      const { listing } = symbol;
      const row = (_: unknown, at: number): string => {
        const fill = fills[fills.length - 1 - at] as (typeof fills)[number];
        const side = fill.isBuy ? 'buy' : 'sell';
        return `{"ts":"${fill.time}","price":"${priceText(fill.price, listing)}","size":"${sizeText(fill.size, listing)}","side":"${side}","tradeId":"${tradeId(symbol, fill.index)}"}`;
      };
      return frame(topic, isHistory ? 'snapshot' : 'update', fills.map(row).join(','), now);
    },
    ticker: (topic, symbol, now) => frame(topic, 'snapshot', JSON.stringify(tickerRow(symbol, now)), now),
    book(topic, { listing }, push, now) {
      const hasSum = checksum && topic.hasDeltas === true;
      const sum = hasSum ? `"checksum":${push.isSnapshot ? 0 : checksumOf(push, listing)},` : '';
      const previous = topic.hasDeltas ? sequenceText(push.previous) : '0';
      const sides = `"asks":${levelsText(push.asks, listing)},"bids":${levelsText(push.bids, listing)}`;
      const row = `{${sides},${sum}"ts":"${push.time}","seq":${sequenceText(push.cross)},"pseq":${previous}}`;
      return frame(topic, push.isSnapshot ? 'snapshot' : 'update', row, now);
    },
    candles(topic, { listing }, bars, now, isHistory) {
      const rows = bars.map((bar) => {
        const fields = barFields(bar, listing);
        return JSON.stringify([...fields, fields[6]]);
      });
      return frame(topic, isHistory ? 'snapshot' : 'update', rows.join(','), now);
    },
    liquidation() {
      throw new Error('v2 has no liquidations');
    },
    sequence: (push) => sequenceText(push.cross),
  };
}

function frame({ wire }: Topic, action: string, rows: string, now: number): string {
  return `{"action":"${action}","arg":${String(wire)},"data":[${rows}],"ts":${now}}`;
}

/**
 * CRC32, signed, of the first 25 levels of both sides, interleaved, as they are written. A spoilt push has the wrong one.
 */
function checksumOf({ state, isSpoilt }: BookPush, { priceDecimals, sizeDecimals }: Listing): number {
  const parts: string[] = [];
  for (let level = 0; level < 25; level++) {
    for (const side of [state.bids, state.asks]) {
      const [price, size] = side[level] ?? [];
      if (price !== undefined && size !== undefined)
        parts.push(`${plainText(price, priceDecimals)}:${plainText(size, sizeDecimals)}`);
    }
  }
  return (crc32(parts.join(':')) ^ (isSpoilt ? 1 : 0)) | 0;
}

function tickerRow(symbol: SymbolMarket, now: number): Record<string, string> {
  const { listing } = symbol;
  const quote = symbol.quote(now);
  const price = (units: number): string => priceText(units, listing);
  const row = {
    instId: listing.symbol,
    lastPr: price(quote.last),
    bidPr: price(quote.bid[0]),
    askPr: price(quote.ask[0]),
    bidSz: sizeText(quote.bid[1], listing),
    askSz: sizeText(quote.ask[1], listing),
    open24h: price(quote.open),
    high24h: price(quote.high),
    low24h: price(quote.low),
    change24h: changeText(quote),
  };
  const volume = { baseVolume: sizeText(quote.volume, listing), quoteVolume: turnoverText(quote.turnover, listing) };
  if (listing.market === 'spot')
    return { ...row, ...volume, openUtc: price(quote.open), changeUtc24h: changeText(quote), ts: String(now) };
  const isPerpetual = listing.kind === 'perpetual';
  return {
    ...row,
    fundingRate: isPerpetual ? plainText(quote.rate, 6) : '0',
    nextFundingTime: isPerpetual ? String(quote.nextFunding) : '0',
    markPrice: price(quote.mark),
    indexPrice: price(quote.index),
    holdingAmount: sizeText(quote.openInterest, listing),
    ...volume,
    openUtc: price(quote.open),
    symbolType: isPerpetual ? '1' : '2',
    symbol: listing.symbol,
    deliveryPrice: '0',
    ts: String(now),
  };
}
