import type { Exchange, Frame } from '../../exchanges/exchange.js';
import type { Pacing } from '../../exchanges/live-protocol.js';
import type { Timing } from '../../transport/timing.js';
import type { Connection } from './connection.js';
import { Subscriptions } from './subscriptions.js';

export type SubscribedConnectionOptions = {
  readonly exchange: Exchange;
  readonly pacing: Pacing;
  readonly timing: Timing;
  readonly argumentsPerMessage: number | undefined;
  /** Told of topics that are refused for good; of a refusal that names nothing with an empty list. */
  readonly onRefused: (topics: readonly string[], reason: string) => void;
};

/** One connection with its subscriptions: asks, takes the answers, asks again what was refused for a neighbour's sake. */
export class SubscribedConnection {
  readonly id: string;
  readonly link: Connection;
  readonly subscriptions: Subscriptions;
  readonly #options: SubscribedConnectionOptions;
  #hasBegun = false;

  constructor(id: string, link: Connection, options: SubscribedConnectionOptions) {
    this.id = id;
    this.link = link;
    this.subscriptions = new Subscriptions(options.pacing);
    this.#options = options;
  }

  /** Asks for the first topics; what is asked for before is left to this. */
  begin(topics: readonly string[]): void {
    this.#hasBegun = true;
    this.ask(topics);
  }

  ask(topics: readonly string[]): void {
    const { exchange, argumentsPerMessage, timing } = this.#options;
    if (!this.#hasBegun || topics.length === 0) return;
    const messages = exchange.live.messages('subscribe', topics, this.link.url, argumentsPerMessage);
    for (const { topics: asked, request } of messages) this.subscriptions.asked(asked, request, timing.now());
    this.link.send(messages);
  }

  release(topics: readonly string[]): void {
    const { exchange, argumentsPerMessage } = this.#options;
    const { subscriptions, link } = this;
    const subscribed = topics.filter((topic) => subscriptions.has(topic) && subscriptions.state(topic) !== 'refused');
    subscriptions.ended(topics);
    if (subscribed.length > 0) link.send(exchange.live.messages('unsubscribe', subscribed, link.url, argumentsPerMessage));
  }

  /** Asks for a topic anew, unless that has just been asked for: the exchange answers with a snapshot. */
  renew(topic: string): void {
    if (!this.subscriptions.has(topic) || this.subscriptions.state(topic) === 'pending') return;
    this.release([topic]);
    this.ask([topic]);
  }

  answered(frame: Frame): void {
    const now = this.#options.timing.now();
    if (frame.kind === 'acknowledged') this.subscriptions.acknowledged(frame, now);
    else if (frame.kind === 'refused') this.#refusal(frame, now);
  }

  heard(topic: string): void {
    this.subscriptions.heard(topic, this.link.heardAt);
  }

  #refusal(frame: Extract<Frame, { kind: 'refused' }>, now: number): void {
    const { exchange, onRefused } = this.#options;
    const { refused, retry } = this.subscriptions.refused(frame, now);
    if (exchange.live.isSubscribedAlready(frame.reason)) for (const topic of refused) this.heard(topic);
    else if (refused.length > 0 || retry.length === 0) onRefused(refused, frame.reason);
    for (const topics of retry) this.ask(topics);
  }
}
