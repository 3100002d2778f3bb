import type { Market } from '../model/records.js';
import type { Channel } from './channels.js';
import type { OriginsOf, OutgoingMessage } from './requests.js';

/** How one market of an exchange wants to be treated; times are milliseconds. Defaults, each of them a setting. */
export type Pacing = {
  /** Connects in progress at the same time, over all connections of the exchange. */
  readonly connectsAtOnce: number;
  /** Between two connects, and what is added to it evenly from 0. */
  readonly connectPause: number;
  readonly connectJitter: number;
  /** Connects within five minutes, over all connections of the exchange. */
  readonly connectsPerFiveMinutes: number;
  /** The same when one of the two is a reconnect after a loss. */
  readonly reconnectPause: number;
  readonly reconnectJitter: number;
  readonly connectTimeout: number;
  /** Between an open connection and its first subscription, and what is added to it evenly from 0. */
  readonly subscribeDelay: number;
  readonly subscribeDelayJitter: number;
  /** Between two messages of one connection. */
  readonly messagePause: number;
  readonly heartbeatEvery: number;
  /** A connection that receives nothing for this long, not even an answer to a heartbeat, is dead. */
  readonly silenceLimit: number;
  /** A connection is replaced after this, before the exchange cuts it; 0 for never. */
  readonly rotateAfter: number;
  /** The first pause before a connect that follows a failure, doubled each time up to the longest. */
  readonly reconnectFirst: number;
  readonly reconnectLongest: number;
  /** A subscription that nothing answers is reported. */
  readonly acknowledgeWithin: number;
  /** So is a subscription that is silent for this long although it should not be: no snapshot, or its ticker shows trades. */
  readonly staleAfter: number;
};

export type Operation = 'subscribe' | 'unsubscribe';

/** A request that was sent. `request` is the id that its answer carries, where the exchange uses ids. */
export type SentRequest = {
  readonly operation: Operation;
  readonly topics: readonly string[];
  readonly request?: string | undefined;
};

/** What a topic delivers: one entry per channel it serves. `symbol` is empty for a topic of many symbols. */
export type TopicFeed = {
  readonly market: Market;
  readonly channel: Channel;
  readonly symbol: string;
  readonly interval?: string | undefined;
};

/** What keeping connections to an exchange takes beside reading their frames. */
export type LiveProtocol = {
  pacing(market: Market): Pacing;
  /** Text sent as a heartbeat; absent where the exchange wants none: then a ping frame of the protocol is sent. */
  readonly heartbeat?: string | undefined;
  /** Where to practise with the same protocol, by name: `testnet`, `demo`. */
  readonly places: Readonly<Record<string, OriginsOf>>;
  /** Returns the messages that subscribe or unsubscribe topics on a connection to `url`, within the exchange's limits. */
  messages(
    operation: Operation,
    topics: readonly string[],
    url: string,
    argumentsPerMessage?: number,
  ): readonly OutgoingMessage[];
  /** Returns what a message that was sent on a connection asks for, undefined where it is no subscription. */
  readRequest(text: string): SentRequest | undefined;
  /** Channels that answer a subscription with their state at once: there silence means that something is wrong. */
  readonly snapshotOnSubscribe: readonly Channel[];
  /** Returns what a topic of a connection to `url` delivers, nothing where it is none of ours. */
  feedsOf(topic: string, url: string): readonly TopicFeed[];
  /** Whether a refusal says that the topic is subscribed already: then it is none. */
  isSubscribedAlready(reason: string): boolean;
};
