import type { FrameWriter } from '../engine/exchange.js';
import { plainText } from '../market/decimals.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import type { Fill } from '../market/trade-log.js';
import { barPrices, levelsText, priceText, sizeText, tickDirection, tradeId, tradeSequence, turnoverText } from './numbers.js';
import { tickerFields } from './tickers.js';

/** Fields that a ticker delta repeats together, as recorded: a price comes with its size. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['bid1Price', 'bid1Size'],
  ['ask1Price', 'ask1Size'],
];

/** Frames of v5: https://bybit-exchange.github.io/docs/v5/websocket/public, shapes as recorded in `fixtures/bybit`. */
export const writer: FrameWriter = {
  trades(topic, symbol, fills, now) {
    const isSpot = topic.market === 'spot';
    const rows = fills.map((fill) => (isSpot ? spotRow(symbol, fill) : contractRow(symbol, fill))).join(',');
    const head = isSpot ? `"ts":${now},"type":"snapshot"` : `"type":"snapshot","ts":${now}`;
    return `{"topic":"${topic.key}",${head},"data":[${rows}]}`;
  },
  ticker(topic, symbol, now, memory, isFirst) {
    const fields = tickerFields(symbol, now);
    const cs = 753_843_000_000 + symbol.trades.length;
    if (topic.market === 'spot') return JSON.stringify({ topic: topic.key, ts: now, type: 'snapshot', cs, data: fields });
    const before = memory.ticker;
    // Who comes later is sent what the others know already, so that the deltas that follow fit both.
    if (isFirst) {
      memory.ticker = before ?? fields;
      return JSON.stringify({ topic: topic.key, type: 'snapshot', data: memory.ticker, cs, ts: now });
    }
    memory.ticker = fields;
    const data = before ? changed(before, fields) : fields;
    if (Object.keys(data).length === 1) return undefined;
    return JSON.stringify({ topic: topic.key, type: before ? 'delta' : 'snapshot', data, cs, ts: now });
  },
  book(topic, { listing }, push, now) {
    const data = `"data":{"s":"${listing.symbol}","b":${levelsText(push.bids, listing)},"a":${levelsText(push.asks, listing)},"u":${push.update},"seq":${push.cross}}`;
    const type = push.isSnapshot ? 'snapshot' : 'delta';
    const head = topic.market === 'spot' ? `"ts":${now},"type":"${type}"` : `"type":"${type}","ts":${now}`;
    return `{"topic":"${topic.key}",${head},${data},"cts":${push.time}}`;
  },
  candles(topic, { listing }, bars, now) {
    const data = bars.map((bar) => {
      const [open, high, low, close] = barPrices(bar, listing);
      const volume = plainText(bar.volume, listing.sizeDecimals);
      const turnover = turnoverText(bar.turnover, listing);
      const interval = topic.key.split('.')[1];
      const confirm = bar.end < now;
      return { start: bar.start, end: bar.end, interval, open, close, high, low, volume, turnover, confirm, timestamp: now };
    });
    return JSON.stringify({ topic: topic.key, data, ts: now, type: 'snapshot' });
  },
  liquidation(topic, { listing }, { time, price, size, isBuy }, now) {
    // `S` is the position's side: a forced sell closes a long, which is called Buy.
    const row = {
      T: time,
      s: listing.symbol,
      S: isBuy ? 'Sell' : 'Buy',
      v: sizeText(size, listing),
      p: priceText(price, listing),
    };
    return JSON.stringify({ topic: topic.key, type: 'snapshot', ts: now, data: [row] });
  },
  sequence: (push) => String(push.update),
};

function contractRow(symbol: SymbolMarket, { index, time, price, size, isBuy }: Fill): string {
  const { listing } = symbol;
  return `{"T":${time},"s":"${listing.symbol}","S":"${isBuy ? 'Buy' : 'Sell'}","v":"${sizeText(size, listing)}","p":"${priceText(price, listing)}","L":"${tickDirection(symbol, index)}","i":"${tradeId(symbol, index)}","BT":false,"RPI":false,"seq":${tradeSequence(index)}}`;
}

function spotRow(symbol: SymbolMarket, { index, time, price, size, isBuy }: Fill): string {
  const { listing } = symbol;
  return `{"i":"${tradeId(symbol, index)}","T":${time},"p":"${priceText(price, listing)}","v":"${sizeText(size, listing)}","S":"${isBuy ? 'Buy' : 'Sell'}","seq":${tradeSequence(index)},"s":"${listing.symbol}","BT":false,"RPI":false}`;
}

function changed(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): Record<string, string> {
  const names = new Set(Object.keys(after).filter((name) => before[name] !== after[name]));
  for (const pair of PAIRS) if (pair.some((name) => names.has(name))) for (const name of pair) names.add(name);
  return Object.fromEntries(Object.entries(after).filter(([name]) => name === 'symbol' || names.has(name)));
}
