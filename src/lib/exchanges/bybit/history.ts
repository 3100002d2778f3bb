import type { Market } from '../../model/records.js';
import { HOUR, MINUTE } from '../../model/time.js';
import type { History, HistoryPage, HistoryQuery, HistoryType, PageContext, PageRequest, Reach } from '../history.js';
import { candlePages, markPages, parseCandles, parseMarks } from './history-candles.js';
import { fundingPages, openInterestPages, parseFundings, parseOpenInterest } from './history-rates.js';
import { parseTrades, tradePages, tradeReach } from './history-trades.js';
import { CANDLE_INTERVALS } from './intervals.js';

type Chapter = {
  reach(market: Market): Reach;
  /** Requests after the first pages, at least, where pages lead on to others. */
  further?(query: HistoryQuery): number;
  pages(query: HistoryQuery): PageRequest[];
  parse(query: HistoryQuery, page: PageRequest, bodies: readonly string[], before: PageContext): HistoryPage;
};

const sinceLaunch = (what: string) => (): Reach => ({ kind: 'since', from: 0, note: `Bybit gives ${what} since the launch` });

/** Pages of 200 rows, one row each `every` microseconds, after the first page. */
const rowsOver =
  (every: number) =>
  ({ from, until }: HistoryQuery): number =>
    Math.floor((until - from) / (200 * every));

const CHAPTERS: Readonly<Record<HistoryType, Chapter>> = {
  trade: { reach: tradeReach, pages: tradePages, parse: parseTrades },
  candle: { reach: sinceLaunch('candles'), pages: candlePages, parse: parseCandles },
  funding: { reach: sinceLaunch('the rates paid'), further: rowsOver(8 * HOUR), pages: fundingPages, parse: parseFundings },
  open_interest: {
    reach: sinceLaunch('open interest every 5 minutes'),
    further: rowsOver(5 * MINUTE),
    pages: openInterestPages,
    parse: parseOpenInterest,
  },
  mark_price: { reach: sinceLaunch('mark and index prices as candles of a minute'), pages: markPages, parse: parseMarks },
};

function chapterOf(type: HistoryType, market: Market): Chapter | undefined {
  return market === 'spot' && type !== 'trade' && type !== 'candle' ? undefined : CHAPTERS[type];
}

/** Bybit's past by REST v5. */
export const HISTORY: History = {
  intervals: () => CANDLE_INTERVALS,
  reach(type, market, interval) {
    if (type === 'candle' && !CANDLE_INTERVALS.includes(interval ?? ''))
      return { kind: 'none', note: `Bybit has no ${interval} candles; it has ${CANDLE_INTERVALS.join(', ')}` };
    return chapterOf(type, market)?.reach(market) ?? { kind: 'none', note: `spot has no ${type}` };
  },
  cost(query) {
    const chapter = chapterOf(query.type, query.market);
    const requests = chapter?.pages(query).flat().length ?? 0;
    return { requests: requests + (chapter?.further?.(query) ?? 0), atLeast: chapter?.further !== undefined };
  },
  pages: (query) => chapterOf(query.type, query.market)?.pages(query) ?? [],
  parse(query, page, bodies, before) {
    const chapter = chapterOf(query.type, query.market);
    return chapter ? chapter.parse(query, page, bodies, before) : { records: [], rejected: [] };
  },
};
