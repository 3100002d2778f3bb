import { HOUR } from '../../model/time.js';
import { buildHistory, type Reach } from '../history.js';
import { candleIntervals, candlePages, markPages, parseCandles, parseMarks } from './history-candles.js';
import { fundingPages, parseFundings } from './history-funding.js';
import { furtherTradePages, parseTrades, tradePages, tradeReach } from './history-trades.js';

const sinceLaunch = (note: string) => (): Reach => ({ kind: 'since', from: 0, note });

/** Bitget's past by REST v2. Open interest is served for the present alone. */
export const HISTORY = buildHistory('Bitget', {
  trade: { reach: (_market, now) => tradeReach(now), furtherRequests: furtherTradePages, pages: tradePages, parse: parseTrades },
  candle: {
    intervals: candleIntervals,
    reach: sinceLaunch('Bitget serves candles since the launch'),
    pages: candlePages,
    parse: parseCandles,
  },
  funding: {
    markets: ['linear', 'inverse'],
    reach: sinceLaunch('Bitget serves the rates paid, as far back as its pages go'),
    furtherRequests: ({ from }, now) => Math.floor((now - from) / (100 * 8 * HOUR)) + 1,
    pages: fundingPages,
    parse: parseFundings,
  },
  mark_price: {
    markets: ['linear', 'inverse'],
    reach: sinceLaunch('Bitget serves mark and index prices as candles of a minute'),
    pages: markPages,
    parse: parseMarks,
  },
});
