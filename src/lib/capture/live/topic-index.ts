import type { Channel, FeedEvent } from '../../exchanges/exchange.js';
import type { TopicFeed } from '../../exchanges/live-protocol.js';
import { channelOf } from '../selection.js';

/** Finds the topic that an event came by; asked for every frame, so that no text is made on the way. */
export class TopicIndex {
  /** By channel and by symbol, of candles with their interval. */
  readonly #topics = new Map<Channel, Map<string, string>>();

  add(topic: string, feeds: readonly TopicFeed[]): void {
    for (const { channel, symbol, interval } of feeds) {
      const topics = this.#topics.get(channel) ?? new Map<string, string>();
      this.#topics.set(channel, topics.set(keyOf(symbol, interval), topic));
    }
  }

  /** Returns the topic of the event's symbol, else the one that is of all symbols. */
  find(event: FeedEvent): string | undefined {
    const channel = event.type === 'book_message' ? 'book' : channelOf(event.type);
    const interval = event.type === 'candle' ? event.interval : undefined;
    const topics = channel && this.#topics.get(channel);
    return topics?.get(keyOf(event.symbol, interval)) ?? topics?.get(keyOf('', interval));
  }
}

function keyOf(symbol: string, interval: string | undefined): string {
  return interval === undefined ? symbol : `${symbol} ${interval}`;
}
