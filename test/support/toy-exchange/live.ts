import type { Channel, Exchange, OutgoingMessage, Subscription } from '../../../src/lib/exchanges/exchange.js';
import type { LiveProtocol, Operation, TopicFeed } from '../../../src/lib/exchanges/live-protocol.js';
import { UsageError } from '../../../src/lib/model/errors.js';

export const PATH = '/public';
export const CHANNELS: readonly Channel[] = ['trade', 'book', 'book_delta'];
const TOPICS_PER_CONNECTION = 50;

/** Returns one connection per 50 topics; both book channels of a symbol share a topic. */
export const plan: Exchange['plan'] = (subscriptions, { channelsPerConnection: most = TOPICS_PER_CONNECTION }) => {
  const byTopic = new Map<string, Subscription[]>();
  for (const each of subscriptions) byTopic.set(topicOf(each), [...(byTopic.get(topicOf(each)) ?? []), each]);
  const topics = [...byTopic.keys()];
  const chunks = Array.from({ length: Math.ceil(topics.length / most) }, (_, at) => topics.slice(at * most, (at + 1) * most));
  return chunks.map((chunk) => ({
    market: 'linear',
    path: PATH,
    subscriptions: chunk.flatMap((topic) => byTopic.get(topic) ?? []),
    messages: buildMessages('subscribe', chunk),
  }));
};

function topicOf({ channel, symbol }: Subscription): string {
  if (!CHANNELS.includes(channel)) throw new UsageError(`toy has no ${channel}: it has ${CHANNELS.join(', ')}`);
  return `${channel === 'trade' ? 'trades' : 'book'}.${symbol}`;
}

function buildMessages(operation: Operation, topics: readonly string[]): OutgoingMessage[] {
  return [{ text: JSON.stringify({ op: operation, args: topics }), topics }];
}

export const LIVE: LiveProtocol = {
  pacing: () => ({
    connectsAtOnce: 1,
    connectPause: 500,
    connectJitter: 100,
    reconnectPause: 500,
    reconnectJitter: 100,
    connectsPerFiveMinutes: 100,
    connectTimeout: 10_000,
    subscribeDelay: 0,
    subscribeDelayJitter: 0,
    messagePause: 100,
    heartbeatEvery: 15_000,
    silenceLimit: 60_000,
    rotateAfter: 0,
    reconnectFirst: 2_000,
    reconnectLongest: 60_000,
    acknowledgeWithin: 10_000,
    staleAfter: 60_000,
  }),
  places: {},
  messages: (operation, topics) => buildMessages(operation, topics),
  readRequest(text) {
    const { op, args } = JSON.parse(text) as { op: Operation; args: string[] };
    return { operation: op, topics: args };
  },
  snapshotOnSubscribe: [],
  feedsOf(topic): TopicFeed[] {
    const [kind, symbol = ''] = topic.split('.');
    const channels: readonly Channel[] = kind === 'trades' ? ['trade'] : ['book', 'book_delta'];
    return channels.map((channel) => ({ market: 'linear', channel, symbol }));
  },
  isSubscribedAlready: () => false,
};
