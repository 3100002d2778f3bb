import { UsageError } from '../../model/errors.js';
import { MARKETS, type Market } from '../../model/records.js';
import type { Channel, ConnectionPlan, PlanOptions, Subscription } from '../exchange.js';
import { BOOK_DEPTHS } from './book.js';
import { CANDLE_INTERVALS, intervalTo } from './intervals.js';
import { buildMessages } from './messages.js';

/** All `args` of one public connection together (v5 page "Connect", "Public channel - Args limits"). */
const CHARACTERS_PER_CONNECTION = 21_000;

/** Two quotes and a comma around every topic, and its share of the brackets of its message: never less than is sent. */
const PUNCTUATION = 4;

const DERIVATIVE_CHANNELS: readonly Channel[] = ['trade', 'ticker', 'book', 'book_delta', 'liquidation', 'candle'];
const SPOT_CHANNELS: readonly Channel[] = DERIVATIVE_CHANNELS.filter((channel) => channel !== 'liquidation');

/** Returns what can be subscribed on a market. */
export function channels(market: Market): readonly Channel[] {
  return market === 'spot' ? SPOT_CHANNELS : DERIVATIVE_CHANNELS;
}

/**
 * Returns connections that carry every subscription once, each topic once, markets apart, within Bybit's limits. `book`
 * and `book_delta` of a symbol share one topic. Throws a `UsageError` for what the exchange does not publish.
 */
export function plan(subscriptions: readonly Subscription[], options: PlanOptions): readonly ConnectionPlan[] {
  const { api, channelsPerConnection } = options;
  if (api !== 'v5') throw new UsageError(`api: expected v5 on bybit, was "${api}"`);
  if (channelsPerConnection !== undefined && !(Number.isInteger(channelsPerConnection) && channelsPerConnection > 0))
    throw new UsageError(`channels per connection: expected a whole number above 0, was ${channelsPerConnection}`);
  return MARKETS.flatMap((market) => {
    const wanted = subscriptions.filter((subscription) => subscription.market === market);
    const topics = byTopic(wanted, options.depth);
    return connections([...topics.keys()], channelsPerConnection, options.charactersPerConnection).map((carried) => ({
      market,
      path: `/v5/public/${market}`,
      subscriptions: carried.flatMap((topic) => topics.get(topic) ?? []),
      messages: buildMessages('subscribe', carried, market, options.argumentsPerMessage),
    }));
  });
}

function byTopic(subscriptions: readonly Subscription[], depth: number): Map<string, Subscription[]> {
  const deltas = new Set(subscriptions.filter(({ channel }) => channel === 'book_delta').map(({ symbol }) => symbol));
  const topics = new Map<string, Subscription[]>();
  for (const subscription of subscriptions) {
    const topic = topicOf(subscription, depth, deltas.has(subscription.symbol));
    const sharing = topics.get(topic);
    if (sharing) sharing.push(subscription);
    else topics.set(topic, [subscription]);
  }
  return topics;
}

function topicOf({ market, channel, symbol, interval }: Subscription, depth: number, deltas: boolean): string {
  switch (channel) {
    case 'trade':
      return `publicTrade.${symbol}`;
    case 'ticker':
      return `tickers.${symbol}`;
    case 'book':
    case 'book_delta':
      return `orderbook.${bookTopicDepth(depth, deltas)}.${symbol}`;
    case 'candle':
      return `kline.${klineInterval(interval)}.${symbol}`;
    case 'liquidation':
      if (market === 'spot') throw new UsageError('bybit spot has no liquidations: use linear or inverse');
      return `allLiquidation.${symbol}`;
  }
}

/** Level 1 sends no deltas. */
function bookTopicDepth(levels: number, deltas: boolean): number {
  const depth = BOOK_DEPTHS.find((offered) => offered >= levels && (offered > 1 || !deltas));
  if (depth === undefined) throw new UsageError(`bybit publishes books of at most 1000 levels, asked for ${levels}`);
  return depth;
}

function klineInterval(interval: string | undefined): string {
  const kline = interval === undefined ? undefined : intervalTo(interval);
  if (kline === undefined)
    throw new UsageError(`bybit publishes candles of ${CANDLE_INTERVALS.join(', ')}, asked for ${interval ?? 'no interval'}`);
  return kline;
}

function connections(
  topics: readonly string[],
  most = Number.POSITIVE_INFINITY,
  mostCharacters = CHARACTERS_PER_CONNECTION,
): string[][] {
  const carried: string[][] = [];
  let current: string[] = [];
  let characters = 0;
  for (const topic of topics) {
    const cost = JSON.stringify(topic).length - 2 + PUNCTUATION;
    if (current.length > 0 && (characters + cost > mostCharacters || current.length >= most)) {
      carried.push(current);
      current = [];
      characters = 0;
    }
    current.push(topic);
    characters += cost;
  }
  return current.length > 0 ? [...carried, current] : carried;
}
