// The library at work: the volume-weighted average price of every symbol in a store, and its candles of 15 seconds.
//
//   node examples/vwap.js data

import { CandleAggregator, parseIntervals, readStore } from 'mdtool';

const [directory = 'data'] = process.argv.slice(2);
const sums = new Map();
const candles = new CandleAggregator({ intervals: parseIntervals(['15s']) });
let closed = 0;
const count = (records) => {
  for (const { type } of records) if (type === 'candle') closed += 1;
};

// Batches of records in order of time, all days of the store or those of a selection, in bounded memory.
for await (const trades of readStore(directory, { types: ['trade'], exchanges: ['bybit'], markets: ['linear'] })) {
  for (const trade of trades) {
    const sum = sums.get(trade.symbol) ?? { turnover: 0, volume: 0 };
    sums.set(trade.symbol, sum);
    sum.turnover += trade.price * trade.amount;
    sum.volume += trade.amount;
    count(candles.add(trade));
  }
}
count(candles.finish());
for (const [symbol, { turnover, volume }] of [...sums].sort()) console.log(symbol, (turnover / volume).toFixed(2));
console.log(closed, 'candles');
