import type { Market } from '../../model/records.js';
import { HOUR } from '../../model/time.js';
import type { History, HistoryPage, HistoryQuery, HistoryType, PageContext, PageRequest, Reach } from '../history.js';
import { candleIntervals, candlePages, markPages, parseCandles, parseMarks } from './history-candles.js';
import { fundingPages, parseFundings } from './history-funding.js';
import { furtherTradePages, parseTrades, tradePages, tradeReach } from './history-trades.js';

type Chapter = {
  reach(now: number): Reach;
  /** Requests after the first pages, at least, where pages lead on to others. */
  further?(query: HistoryQuery, now: number): number;
  pages(query: HistoryQuery, now: number): PageRequest[];
  parse(query: HistoryQuery, page: PageRequest, bodies: readonly string[], before: PageContext): HistoryPage;
};

const SINCE_LAUNCH = (note: string) => (): Reach => ({ kind: 'since', from: 0, note });

const CHAPTERS: Readonly<Partial<Record<HistoryType, Chapter>>> = {
  trade: { reach: tradeReach, further: furtherTradePages, pages: tradePages, parse: parseTrades },
  candle: { reach: SINCE_LAUNCH('Bitget gives candles since the launch'), pages: candlePages, parse: parseCandles },
  funding: {
    reach: SINCE_LAUNCH('Bitget gives the rates paid, as far back as its pages go'),
    further: ({ from }, now) => Math.floor((now - from) / (100 * 8 * HOUR)) + 1,
    pages: fundingPages,
    parse: parseFundings,
  },
  mark_price: {
    reach: SINCE_LAUNCH('Bitget gives mark and index prices as candles of a minute'),
    pages: markPages,
    parse: parseMarks,
  },
};

function chapterOf(type: HistoryType, market: Market): Chapter | undefined {
  return market === 'spot' && type !== 'trade' && type !== 'candle' ? undefined : CHAPTERS[type];
}

/** Bitget's past by REST v2. */
export const HISTORY: History = {
  intervals: candleIntervals,
  reach(type, market, interval, now) {
    if (type === 'candle' && !candleIntervals(market).includes(interval ?? ''))
      return { kind: 'none', note: `Bitget has no ${interval} candles; it has ${candleIntervals(market).join(', ')}` };
    return chapterOf(type, market)?.reach(now) ?? { kind: 'none', note: absence(type, market) };
  },
  cost(query, now) {
    const chapter = chapterOf(query.type, query.market);
    const requests = chapter?.pages(query, now).flat().length ?? 0;
    return { requests: requests + (chapter?.further?.(query, now) ?? 0), atLeast: chapter?.further !== undefined };
  },
  pages: (query, now) => chapterOf(query.type, query.market)?.pages(query, now) ?? [],
  parse(query, page, bodies, before) {
    const chapter = chapterOf(query.type, query.market);
    return chapter ? chapter.parse(query, page, bodies, before) : { records: [], rejected: [] };
  },
};

function absence(type: HistoryType, market: Market): string {
  if (market === 'spot') return `spot has no ${type}`;
  return 'Bitget tells only the current open interest, which its ticker carries: capture it with stream --channels ticker';
}
