import type { Exchange, Frame } from '../../exchanges/exchange.js';
import type { Pacing } from '../../exchanges/live-protocol.js';
import type { Timing } from '../../transport/timing.js';
import type { Connection } from './connection.js';
import { Subscriptions } from './subscriptions.js';

type SubscribedConnectionOptions = {
  readonly exchange: Exchange;
  readonly pacing: Pacing;
  readonly timing: Timing;
  readonly argumentsPerMessage: number | undefined;
  /** Called with topics that are refused for good; with an empty list for a refusal that names no topic. */
  readonly onRefused: (topics: readonly string[], reason: string) => void;
};

/**
 * One connection with its subscriptions. An exchange can refuse a whole request because of one topic in it: the others are
 * then requested again.
 */
export class SubscribedConnection {
  readonly id: string;
  readonly connection: Connection;
  readonly subscriptions: Subscriptions;
  readonly #options: SubscribedConnectionOptions;
  #hasBegun = false;

  constructor(id: string, connection: Connection, options: SubscribedConnectionOptions) {
    this.id = id;
    this.connection = connection;
    this.subscriptions = new Subscriptions(options.pacing);
    this.#options = options;
  }

  /** Subscribes the first topics. Before it, `subscribe` does nothing: the topics are among the first ones. */
  begin(topics: readonly string[]): void {
    this.#hasBegun = true;
    this.subscribe(topics);
  }

  subscribe(topics: readonly string[]): void {
    const { exchange, argumentsPerMessage, timing } = this.#options;
    if (!this.#hasBegun || topics.length === 0) return;
    const messages = exchange.live.messages('subscribe', topics, this.connection.url, argumentsPerMessage);
    for (const { topics: requested, request } of messages) this.subscriptions.requested(requested, request, timing.now());
    this.connection.send(messages);
  }

  unsubscribe(topics: readonly string[]): void {
    const { exchange, argumentsPerMessage } = this.#options;
    const { subscriptions, connection } = this;
    const subscribed = topics.filter((topic) => subscriptions.has(topic) && subscriptions.state(topic) !== 'refused');
    subscriptions.ended(topics);
    if (subscribed.length > 0)
      connection.send(exchange.live.messages('unsubscribe', subscribed, connection.url, argumentsPerMessage));
  }

  /** Resubscribes a topic, so that the exchange sends a new snapshot. Does nothing while a request for it is pending. */
  resubscribe(topic: string): void {
    const { subscriptions } = this;
    if (!subscriptions.has(topic) || subscriptions.state(topic) === 'pending') return;
    // Some refusals name no topic: what was never answered may not be subscribed, and an exchange may take that for an error.
    if (subscriptions.isAnswered(topic)) this.unsubscribe([topic]);
    this.subscribe([topic]);
  }

  onAnswer(frame: Frame): void {
    const now = this.#options.timing.now();
    if (frame.kind === 'acknowledged') this.subscriptions.acknowledged(frame, now);
    else if (frame.kind === 'refused') this.#onRefusal(frame, now);
  }

  onData(topic: string): void {
    this.subscriptions.onData(topic, this.connection.heardAt);
  }

  #onRefusal(frame: Extract<Frame, { kind: 'refused' }>, now: number): void {
    const { exchange, onRefused } = this.#options;
    const { refused, retry } = this.subscriptions.refused(frame, now);
    if (exchange.live.isSubscribedAlready(frame.reason)) for (const topic of refused) this.onData(topic);
    else if (refused.length > 0 || retry.length === 0) onRefused(refused, frame.reason);
    for (const topics of retry) this.subscribe(topics);
  }
}
