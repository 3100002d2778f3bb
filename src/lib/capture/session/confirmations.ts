import type { Exchange, Frame } from '../../exchanges/exchange.js';
import type { SentRequest, TopicFeed } from '../../exchanges/live-protocol.js';
import type { Market } from '../../model/records.js';

/** Requests without an answer that are remembered: a tape may hold thousands of subscriptions and no confirmation. */
const MOST_OPEN = 1_000;

/**
 * Which feeds an exchange has confirmed on one connection, read from what was sent and what was answered: a thin symbol
 * that has said nothing yet is received all the same, and its loss is a hole.
 */
export class Confirmations {
  readonly #exchange: Exchange;
  readonly #url: string;
  readonly #symbolsOf: (market: Market) => readonly string[];
  readonly #open = new Map<string, SentRequest>();
  readonly #ended = new Set<string>();

  /** `symbolsOf` gives the symbols that a topic without one (Bitget liquidations) is of. */
  constructor(exchange: Exchange, url: string, symbolsOf: (market: Market) => readonly string[]) {
    this.#exchange = exchange;
    this.#url = url;
    this.#symbolsOf = symbolsOf;
  }

  /** Takes note of a message to the exchange; returns the feeds that it ends. */
  sent(text: string): readonly TopicFeed[] {
    const request = this.#exchange.live.readRequest(text);
    if (!request) return [];
    if (request.request !== undefined && this.#open.size < MOST_OPEN) this.#open.set(request.request, request);
    if (request.operation === 'subscribe') return [];
    const feeds = this.#feedsOf(request.topics);
    for (const feed of feeds) this.#ended.add(keyOf(feed));
    return feeds;
  }

  /** Returns the feeds that an answer confirms. */
  confirmed({ topic, request }: Extract<Frame, { kind: 'acknowledged' }>): readonly TopicFeed[] {
    const open = request === undefined ? undefined : this.#open.get(request);
    if (request !== undefined) this.#open.delete(request);
    const topics = topic === undefined ? (open?.operation === 'subscribe' ? open.topics : []) : [topic];
    const feeds = this.#feedsOf(topics);
    for (const feed of feeds) this.#ended.delete(keyOf(feed));
    return feeds;
  }

  /** Whether a feed was ended by us: what still arrives of it was under way. */
  hasEnded(feed: Omit<TopicFeed, 'interval'>): boolean {
    return this.#ended.size > 0 && this.#ended.has(keyOf(feed));
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
