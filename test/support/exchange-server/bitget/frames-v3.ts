import type { FrameWriter, Topic } from '../engine/exchange.js';
import { plainText } from '../market/decimals.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import { sequenceText } from './frames-v2.js';
import { barFields, changeText, levelsText, priceText, sizeText, tradeId, turnoverText } from './numbers.js';

/** Frames of v3 (unified account), shapes as recorded in `fixtures/bitget`. */
export const writerV3: FrameWriter = {
  trades(topic, symbol, fills, now, isHistory) {
    const { listing } = symbol;
    const rows = [...fills].reverse().map(({ index, time, price, size, isBuy }) => {
      const id = tradeId(symbol, index);
      return `{"i":"${id}","p":"${priceText(price, listing)}","v":"${sizeText(size, listing)}","S":"${isBuy ? 'buy' : 'sell'}","T":"${time}","L":"${id.slice(0, -1)}7","isRPI":"no"}`;
    });
    return frame(topic, isHistory ? 'snapshot' : 'update', rows.join(','), now);
  },
  ticker: (topic, symbol, now, _, isFirst) =>
    frame(topic, isFirst ? 'snapshot' : 'update', JSON.stringify(tickerRow(symbol, now)), now),
  book(topic, { listing }, push, now) {
    const previous = topic.hasDeltas ? sequenceText(push.previous) : '0';
    const sides = `"a":${levelsText(push.asks, listing)},"b":${levelsText(push.bids, listing)}`;
    const row = `{${sides},"checksum":0,"seq":${sequenceText(push.cross)},"pseq":${previous},"ts":"${push.time}"}`;
    return frame(topic, push.isSnapshot ? 'snapshot' : 'update', row, now);
  },
  candles(topic, { listing }, bars, now, isHistory) {
    const rows = bars.map((bar) => {
      const [start, open, high, low, close, volume, turnover] = barFields(bar, listing);
      return JSON.stringify({ start, open, high, low, close, volume, turnover });
    });
    return frame(topic, isHistory ? 'snapshot' : 'update', rows.join(','), now);
  },
  liquidation(topic, { listing }, { time, price, size, isBuy }, now) {
    // `side` is the position's: a forced sell closes a long, which is called buy.
    const side = isBuy ? 'sell' : 'buy';
    const row = {
      symbol: listing.symbol,
      side,
      price: priceText(price, listing),
      amount: sizeText(size, listing),
      ts: String(time),
    };
    return frame(topic, 'update', JSON.stringify(row), now);
  },
  sequence: (push) => sequenceText(push.cross),
};

function frame({ wire }: Topic, action: string, rows: string, now: number): string {
  return `{"action":"${action}","arg":${String(wire)},"data":[${rows}],"ts":${now}}`;
}

/** The row names neither its symbol nor its time. */
function tickerRow(symbol: SymbolMarket, now: number): Record<string, string> {
  const { listing } = symbol;
  const quote = symbol.quote(now);
  const price = (units: number): string => priceText(units, listing);
  const row = {
    lastPrice: price(quote.last),
    openPrice24h: price(quote.open),
    highPrice24h: price(quote.high),
    lowPrice24h: price(quote.low),
    bid1Price: price(quote.bid[0]),
    bid1Size: sizeText(quote.bid[1], listing),
    ask1Price: price(quote.ask[0]),
    ask1Size: sizeText(quote.ask[1], listing),
    price24hPcnt: changeText(quote),
    volume24h: sizeText(quote.volume, listing),
    turnover24h: turnoverText(quote.turnover, listing),
  };
  if (listing.market === 'spot') return row;
  return {
    ...row,
    indexPrice: price(quote.index),
    markPrice: price(quote.mark),
    fundingRate: plainText(quote.rate, 6),
    nextFundingTime: String(quote.nextFunding),
    openInterest: sizeText(quote.openInterest, listing),
    deliveryTime: listing.expires === undefined ? '' : String(listing.expires),
    deliveryStartTime: '',
    deliveryStatus: '',
  };
}
