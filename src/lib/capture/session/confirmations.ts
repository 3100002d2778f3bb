import type { Exchange, Frame } from '../../exchanges/exchange.js';
import type { SentRequest, TopicFeed } from '../../exchanges/live-protocol.js';
import type { Market } from '../../model/records.js';

/** Maximum of unanswered requests remembered: a tape may hold thousands of subscriptions and no confirmation. */
const MAX_OPEN = 1_000;

/**
 * The feeds that an exchange has confirmed on one connection, read from the requests sent and their answers. Without them
 * a thin symbol that has not traded yet would look like one that was never subscribed, and its loss would leave no gap.
 */
export class Confirmations {
  readonly #exchange: Exchange;
  readonly #url: string;
  readonly #symbolsOf: (market: Market) => readonly string[];
  readonly #open = new Map<string, SentRequest>();
  readonly #unsubscribed = new Set<string>();

  /** `symbolsOf` returns the symbols of a topic that names none (Bitget liquidations). */
  constructor(exchange: Exchange, url: string, symbolsOf: (market: Market) => readonly string[]) {
    this.#exchange = exchange;
    this.#url = url;
    this.#symbolsOf = symbolsOf;
  }

  /** Registers a message to the exchange. Returns the feeds that it unsubscribes. */
  sent(text: string): readonly TopicFeed[] {
    const request = this.#exchange.live.readRequest(text);
    if (!request) return [];
    if (request.request !== undefined && this.#open.size < MAX_OPEN) this.#open.set(request.request, request);
    if (request.operation === 'subscribe') return [];
    const feeds = this.#feedsOf(request.topics);
    for (const feed of feeds) this.#unsubscribed.add(keyOf(feed));
    return feeds;
  }

  /** Returns the feeds that an answer confirms. */
  confirmed({ topic, request }: Extract<Frame, { kind: 'acknowledged' }>): readonly TopicFeed[] {
    const open = request === undefined ? undefined : this.#open.get(request);
    if (request !== undefined) this.#open.delete(request);
    const topics = topic === undefined ? (open?.operation === 'subscribe' ? open.topics : []) : [topic];
    const feeds = this.#feedsOf(topics);
    for (const feed of feeds) this.#unsubscribed.delete(keyOf(feed));
    return feeds;
  }

  /** Whether we unsubscribed a feed: its messages that still arrive were on their way. */
  isUnsubscribed(feed: Omit<TopicFeed, 'interval'>): boolean {
    return this.#unsubscribed.size > 0 && this.#unsubscribed.has(keyOf(feed));
  }

  #feedsOf(topics: readonly string[]): readonly TopicFeed[] {
    const feeds = topics.flatMap((topic) => this.#exchange.live.feedsOf(topic, this.#url));
    return feeds.flatMap((feed) =>
      feed.symbol === '' ? this.#symbolsOf(feed.market).map((symbol) => ({ ...feed, symbol })) : [feed],
    );
  }
}

function keyOf({ market, channel, symbol }: Omit<TopicFeed, 'interval'>): string {
  return `${market} ${channel} ${symbol}`;
}
