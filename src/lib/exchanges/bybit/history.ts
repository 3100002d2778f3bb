import { HOUR, MINUTE } from '../../model/time.js';
import { buildHistory, type HistoryQuery, type Reach } from '../history.js';
import { candlePages, markPages, parseCandles, parseMarks } from './history-candles.js';
import { fundingPages, openInterestPages, parseFundings, parseOpenInterest } from './history-rates.js';
import { parseTrades, tradePages, tradeReach } from './history-trades.js';
import { CANDLE_INTERVALS } from './intervals.js';

const sinceLaunch = (what: string) => (): Reach => ({ kind: 'since', from: 0, note: `Bybit serves ${what} since the launch` });

/** Returns the pages of 200 rows after the first, with one row each `every` microseconds. */
const rowsOver =
  (every: number) =>
  ({ from, until }: HistoryQuery): number =>
    Math.floor((until - from) / (200 * every));

/** Bybit's past by REST v5. */
export const HISTORY = buildHistory('Bybit', {
  trade: { reach: tradeReach, pages: tradePages, parse: parseTrades },
  candle: { intervals: () => CANDLE_INTERVALS, reach: sinceLaunch('candles'), pages: candlePages, parse: parseCandles },
  funding: {
    markets: ['linear', 'inverse'],
    reach: sinceLaunch('the rates paid'),
    furtherRequests: rowsOver(8 * HOUR),
    pages: fundingPages,
    parse: parseFundings,
  },
  open_interest: {
    markets: ['linear', 'inverse'],
    reach: sinceLaunch('open interest every 5 minutes'),
    furtherRequests: rowsOver(5 * MINUTE),
    pages: openInterestPages,
    parse: parseOpenInterest,
  },
  mark_price: {
    markets: ['linear', 'inverse'],
    reach: sinceLaunch('mark and index prices as candles of a minute'),
    pages: markPages,
    parse: parseMarks,
  },
});
