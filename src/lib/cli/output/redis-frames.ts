import type { WireTap } from '../../capture/live/wire.js';
import { channelOf } from '../../capture/selection.js';
import type { DataFrame } from '../../capture/session/capture.js';
import type { Exchange } from '../../exchanges/exchange.js';
import { UsageError } from '../../model/errors.js';
import { buildGap } from '../../model/gap.js';
import { encodeRecord } from '../../model/ndjson.js';
import type { Gap, Market } from '../../model/records.js';
import type { RedisMessage, RedisPublisher } from '../../sinks/redis-publisher.js';
import { type FrameBytes, textOf } from '../../tape/tape.js';
import { BoundedQueue } from '../../transport/bounded-queue.js';
import { channelName, FEED_NAMES, MARKET, MOST_WAITING, publisherOf, type RedisContext } from './redis-target.js';

type Waiting = RedisMessage & {
  readonly feed: Pick<Gap, 'exchange' | 'market' | 'symbol' | 'channel'>;
  readonly timestamp: number;
};

/**
 * Publishes the exchanges' frames unchanged. While Redis is unreachable, frames wait in a bounded buffer. Frames that do not
 * fit are dropped and reported as a `gap` record on `<exchange>_gaps`: the channels of the frames carry only frames.
 */
export class RedisFrames implements WireTap {
  readonly #context: RedisContext;
  readonly #publisher: RedisPublisher;
  readonly #queue = new BoundedQueue<Waiting>(MOST_WAITING);
  readonly #lostSince = new Map<string, number>();
  readonly #done: Promise<void>;
  #published = 0;
  #dropped = 0;
  #unsent = 0;

  private constructor(context: RedisContext, publisher: RedisPublisher) {
    this.#context = context;
    this.#publisher = publisher;
    this.#done = this.#pump();
    this.#done.catch((error: Error) => context.incomplete(error.message));
  }

  /**
   * Throws a `UsageError` when frames of two markets would share a channel, where they cannot be distinguished, and a
   * `FailureError` when Redis cannot be reached.
   */
  static async open(context: RedisContext, markets: readonly Market[]): Promise<RedisFrames> {
    const prefix = context.flags['redis-prefix'];
    if (markets.length > 1 && !prefix.includes(MARKET))
      throw new UsageError(
        `frames of ${markets.join(' and ')} cannot be distinguished; use --redis-prefix '${prefix}${MARKET}:' or --redis-payload record`,
      );
    return new RedisFrames(context, await publisherOf(context));
  }

  get facts(): Readonly<Record<string, number>> {
    return { redis_published: this.#published, redis_dropped: this.#dropped };
  }

  event(): void {}

  data(exchange: Exchange, frame: DataFrame, content: string | FrameBytes): void {
    const [event] = frame.events;
    const channel = event && (event.type === 'book_message' ? 'book' : channelOf(event.type));
    if (!event || !channel || channel === 'candle') return;
    const { market, symbol, timestamp } = event;
    const feed = { exchange: exchange.id, market, symbol, channel };
    this.#add({ channel: this.#nameOf(feed, FEED_NAMES[channel]), payload: textOf(content), feed, timestamp });
  }

  async close(): Promise<void> {
    await this.#publisher.closing();
    this.#queue.close();
    await this.#done.catch(() => {});
    await this.#publisher.close();
    const lost = this.#dropped + this.#unsent;
    if (lost > 0) this.#context.incomplete(`${lost} frames were not published: Redis was gone for too long`);
  }

  #add(message: Waiting): void {
    const key = JSON.stringify(message.feed);
    if (this.#queue.isFull) {
      this.#dropped += 1;
      if (!this.#lostSince.has(key)) this.#lostSince.set(key, message.timestamp);
      return;
    }
    const from = this.#lostSince.size > 0 ? this.#lostSince.get(key) : undefined;
    if (from !== undefined) {
      this.#lostSince.delete(key);
      this.#queue.push(this.#gap(message, from), true);
    }
    this.#queue.push(message, true);
  }

  #gap({ feed, timestamp }: Waiting, from: number): Waiting {
    const gap = buildGap(feed, { from, until: timestamp, reason: 'overflow' });
    return { channel: this.#nameOf(feed, 'gaps'), payload: encodeRecord(gap), feed, timestamp: gap.timestamp };
  }

  #nameOf({ exchange, market }: Waiting['feed'], name: string): string {
    return channelName(this.#context.flags['redis-prefix'], exchange, market, name);
  }

  async #pump(): Promise<void> {
    for await (const messages of this.#queue.batches()) {
      const unsent = await this.#publisher.publish(messages);
      this.#unsent += unsent;
      this.#published += messages.length - unsent;
    }
  }
}
