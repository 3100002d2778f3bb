import type { Candle, Funding, Market, MarkPrice, OpenInterest, Trade } from '../model/records.js';
import type { Span } from '../model/span.js';
import type { HttpRequest } from './requests.js';

/** What an exchange answers questions about its past with, by record type. */
export const HISTORY_TYPES = ['trade', 'candle', 'funding', 'open_interest', 'mark_price'] as const;
export type HistoryType = (typeof HISTORY_TYPES)[number];

/** Fetched records have no `localTimestamp`: nobody saw them arrive. */
export type HistoryRecord = Trade | Candle | Funding | OpenInterest | MarkPrice;

/** A stretch of one symbol's past, `[from, until)` in microseconds. */
export type HistoryQuery = {
  readonly type: HistoryType;
  readonly market: Market;
  readonly symbol: string;
  /** Our name of the interval, with `candle` only. */
  readonly interval?: string | undefined;
  readonly from: number;
  readonly until: number;
};

/**
 * How much history an endpoint serves: everything since a time (0 for the launch), the newest N records, or nothing.
 * `note` explains the limit to the user.
 */
export type Reach =
  | { readonly kind: 'since'; readonly from: number; readonly note: string }
  | { readonly kind: 'newest'; readonly records: number; readonly note: string }
  | { readonly kind: 'none'; readonly note: string };

/** What one page is asked with: one request, or two where mark and index prices have endpoints of their own. */
export type PageRequest = readonly HttpRequest[];

/**
 * One page of history: the records inside of the query, in ascending order. Where the endpoint has whole seconds, the
 * seconds that the query touches are whole. A candle that may still change has `closed: false`. Two pages may repeat a
 * record.
 */
export type HistoryPage = {
  readonly records: readonly HistoryRecord[];
  /** Rows that could not be mapped, one reason each. */
  readonly rejected: readonly string[];
  /**
   * The stretch of the query for which this page, and those of its chain before it, hold everything that the exchange has;
   * never beyond the moment of the first answer. Undefined while nothing is proven.
   */
  readonly covered?: Span | undefined;
  readonly next?: PageRequest | undefined;
  /** Whether `next` starts a new chain: it is another list, which may lag behind this one. */
  readonly startsChain?: boolean | undefined;
  /** Whether the answer has no rows. An endpoint that lags or fails answers so too: it is no proof that nothing happened. */
  readonly isEmpty?: boolean | undefined;
  /** Whether the page has fewer rows than were asked for: where `next` skips them all the same, some may be missing. */
  readonly isShort?: boolean | undefined;
  /** Of bars, the time from which on the page lacks some at its end: an endpoint that lags answers so, too. */
  readonly lackingSince?: number | undefined;
  /** Whether the page is full and the exchange serves nothing older, however often it is asked. */
  readonly isExhausted?: boolean | undefined;
};

type Cost = { readonly requests: number; readonly atLeast: boolean };

/** What is known when a page is parsed: the time (microseconds), and what the pages of its chain before it cover. */
export type PageContext = { readonly now: number; readonly covered?: Span | undefined };

/** The past of one record type, as requests and mappers; no clock: `now` (microseconds) is passed. */
type HistoryChannel = {
  /** Where the exchange has it; absent for every market. */
  readonly markets?: readonly Market[] | undefined;
  /** Returns our names of the candle intervals that can be fetched; with `candle` only. */
  intervals?(market: Market): readonly string[];
  reach(market: Market, now: number): Reach;
  /** Returns the minimum number of requests after the first pages, where pages lead on to others. */
  furtherRequests?(query: HistoryQuery, now: number): number;
  /** Returns the first page of each chain that together answer the query. */
  pages(query: HistoryQuery, now: number): readonly PageRequest[];
  /** Maps the bodies of one page, in the order of its requests. Throws a `FailureError` when the exchange refused. */
  parse(query: HistoryQuery, page: PageRequest, bodies: readonly string[], before: PageContext): HistoryPage;
};

/** The past of an exchange: its channels behind one set of questions. */
export type History = {
  /** Returns our names of the candle intervals that can be fetched. */
  intervals(market: Market): readonly string[];
  /** Returns how far back a type can be fetched on a market; `interval` with `candle` only. */
  reach(type: HistoryType, market: Market, interval: string | undefined, now: number): Reach;
  /** Returns how many requests a query will take, `atLeast` where that depends on the answers. */
  cost(query: HistoryQuery, now: number): Cost;
  /** Returns the first page of each chain that together answer the query, none where there is no such history. */
  pages(query: HistoryQuery, now: number): readonly PageRequest[];
  /** Maps the bodies of one page, in the order of its requests. Throws a `FailureError` when the exchange refused. */
  parse(query: HistoryQuery, page: PageRequest, bodies: readonly string[], before: PageContext): HistoryPage;
};

/** Builds the history of the exchange `name`. A channel that is missing is named when somebody asks for it. */
export function buildHistory(name: string, channels: Readonly<Partial<Record<HistoryType, HistoryChannel>>>): History {
  const channelFor = (type: HistoryType, market: Market) => {
    const channel = channels[type];
    return channel?.markets?.includes(market) === false ? undefined : channel;
  };
  const intervals = (market: Market) => channelFor('candle', market)?.intervals?.(market) ?? [];
  return {
    intervals,
    reach(type, market, interval, now) {
      const channel = channelFor(type, market);
      if (!channel) return { kind: 'none', note: absenceOf(name, type, market) };
      if (type === 'candle' && !intervals(market).includes(interval ?? ''))
        return { kind: 'none', note: `${name} has no ${interval} candles; it has ${intervals(market).join(', ')}` };
      return channel.reach(market, now);
    },
    cost(query, now) {
      const channel = channelFor(query.type, query.market);
      const requests = channel?.pages(query, now).flat().length ?? 0;
      const further = channel?.furtherRequests?.(query, now);
      return { requests: requests + (further ?? 0), atLeast: further !== undefined };
    },
    pages: (query, now) => channelFor(query.type, query.market)?.pages(query, now) ?? [],
    parse: (query, page, bodies, before) =>
      channelFor(query.type, query.market)?.parse(query, page, bodies, before) ?? { records: [], rejected: [] },
  };
}

function absenceOf(name: string, type: HistoryType, market: Market): string {
  const what = `${name} has no ${type} history on ${market}`;
  return CAPTURED.has(type) && market !== 'spot' ? `${what}: capture it with stream --channels ticker` : what;
}

/** What the ticker channel carries of the present. */
const CAPTURED: ReadonlySet<HistoryType> = new Set(['funding', 'open_interest', 'mark_price']);

/** Returns the history of an exchange; one without any has no channel, and says so. */
export function historyOf({ name, history }: { readonly name: string; readonly history?: History | undefined }): History {
  return history ?? buildHistory(name, {});
}
