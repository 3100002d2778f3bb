import { fromMilliseconds } from '../../model/time.js';
import type { CandleValues } from './candle-rows.js';
import { type Fields, isFields } from './fields.js';
import type { TickerValues } from './ticker-rows.js';

type TickerField = Exclude<keyof TickerValues, 'timestamp' | 'action' | 'isFunded'>;

/** The field names of one protocol generation: all in which its frames differ from those of the other. */
export type WireFields = {
  /** In `arg`. */
  readonly channel: string;
  readonly symbol: string;
  /** The channel of trades, and its rows; others of their fields are ignored. */
  readonly trades: string;
  readonly trade: Readonly<Record<'time' | 'price' | 'amount' | 'side' | 'id', string>>;
  readonly ignoredInTrades: readonly string[];
  /** In the rows of books; sequences and checksum have the same names in both. */
  readonly book: { readonly bids: string; readonly asks: string };
  readonly ticker: Readonly<Record<TickerField, string>>;
  /** Whether a ticker push holds changes alone: then `action` says so, and the rows have no time of their own. */
  readonly hasTickerDeltas: boolean;
  /** Returns the exchange's name of the interval of a candle channel, undefined for another channel. */
  candleInterval(channel: string, argument: Fields): unknown;
  candle(row: unknown): CandleValues;
};

const CANDLE = 'candle';

/** `/v2/ws/public`: `{action, arg: {instType, channel, instId}, data, ts}`. */
export const V2_FIELDS: WireFields = {
  channel: 'channel',
  symbol: 'instId',
  trades: 'trade',
  trade: { time: 'ts', price: 'price', amount: 'size', side: 'side', id: 'tradeId' },
  ignoredInTrades: [],
  book: { bids: 'bids', asks: 'asks' },
  ticker: {
    last: 'lastPr',
    bid: 'bidPr',
    bidAmount: 'bidSz',
    ask: 'askPr',
    askAmount: 'askSz',
    volume24h: 'baseVolume',
    turnover24h: 'quoteVolume',
    mark: 'markPrice',
    index: 'indexPrice',
    openInterest: 'holdingAmount',
    fundingRate: 'fundingRate',
    nextFundingTimestamp: 'nextFundingTime',
  },
  hasTickerDeltas: false,
  candleInterval: (channel) => (channel.startsWith(CANDLE) ? channel.slice(CANDLE.length) : undefined),
  /** `[start, open, high, low, close, base volume, quote volume, USDT volume]`; older rows end earlier. */
  candle(row) {
    const [start, open, high, low, close, volume, turnover] = Array.isArray(row) ? row : [];
    return { start, open, high, low, close, volume, turnover };
  },
};

/** `/v3/ws/public`: `{action, arg: {instType, topic, symbol?, interval?}, data, ts}`. */
export const V3_FIELDS: WireFields = {
  channel: 'topic',
  symbol: 'symbol',
  trades: 'publicTrade',
  trade: { time: 'T', price: 'p', amount: 'v', side: 'S', id: 'i' },
  ignoredInTrades: ['L', 'isRPI'],
  book: { bids: 'b', asks: 'a' },
  ticker: {
    last: 'lastPrice',
    bid: 'bid1Price',
    bidAmount: 'bid1Size',
    ask: 'ask1Price',
    askAmount: 'ask1Size',
    volume24h: 'volume24h',
    turnover24h: 'turnover24h',
    mark: 'markPrice',
    index: 'indexPrice',
    openInterest: 'openInterest',
    fundingRate: 'fundingRate',
    nextFundingTimestamp: 'nextFundingTime',
  },
  hasTickerDeltas: true,
  candleInterval: (channel, argument) => (channel === 'kline' ? (argument.interval ?? null) : undefined),
  candle(row) {
    const { start, open, high, low, close, volume, turnover } = isFields(row) ? row : ({} as Fields);
    return { start, open, high, low, close, volume, turnover };
  },
};

/** Returns the raw values of a ticker row, whatever the protocol calls them. */
export function tickerValues(
  row: Fields,
  { ticker, hasTickerDeltas }: WireFields,
  action: string,
  isFunded: boolean,
): TickerValues {
  const values = Object.fromEntries(Object.entries(ticker).map(([ours, theirs]) => [ours, row[theirs]]));
  return {
    ...(values as Record<TickerField, unknown>),
    action: hasTickerDeltas && action !== 'snapshot' ? 'delta' : 'snapshot',
    timestamp: hasTickerDeltas ? undefined : fromMilliseconds(row.ts),
    isFunded,
  };
}
