import { RecordQueue } from '../../capture/live/record-queue.js';
import { channelOf } from '../../capture/selection.js';
import type { Channel } from '../../exchanges/exchange.js';
import { encodeRecord } from '../../model/ndjson.js';
import type { AnyRecord, Market } from '../../model/records.js';
import type { RedisMessage } from '../../sinks/redis-publisher.js';
import type { Sink } from '../../sinks/sink.js';
import { channelName, FEED_NAMES, MOST_WAITING, publisherOf, type RedisContext } from './redis-target.js';

/**
 * Returns a sink that publishes records, `gap` and `clock` among them, on the channel of their feed. It never holds up the
 * other outputs: a Redis that is gone is waited for with a bounded buffer, overflow becomes a `gap` (`overflow`).
 */
export async function createRedisSink(context: RedisContext): Promise<Sink> {
  const publisher = await publisherOf(context);
  const queue = new RecordQueue(MOST_WAITING, () =>
    context.notice('redis is too slow or gone: records are dropped (gap overflow)'),
  );
  let published = 0;
  let unsent = 0;
  const pump = (async () => {
    for await (const records of queue.batches()) {
      const messages = records.map((record) => messageOf(record, context.flags['redis-prefix']));
      const rest = await publisher.publish(messages);
      unsent += rest;
      published += messages.length - rest;
    }
  })();
  let failure: unknown;
  pump.catch((error) => {
    failure = error;
  });
  const close = async () => {
    await publisher.closing();
    queue.close();
    await pump.catch(() => {});
    await publisher.close();
  };
  return {
    output: context.output,
    async write(records) {
      if (failure) throw failure;
      queue.push(records);
    },
    async close() {
      await close();
      if (failure) throw failure;
      const lost = queue.dropped + unsent;
      if (lost > 0) context.incomplete(`${lost} records were not published: Redis was gone for too long`);
      return { output: context.output, records: published, skipped: {} };
    },
    abort: close,
  };
}

function messageOf(record: AnyRecord, prefix: string): RedisMessage {
  const { exchange = '', market = 'spot' } = record as { exchange?: string; market?: Market };
  return { channel: channelName(prefix, exchange, market, feedName(record)), payload: encodeRecord(record) };
}

function feedName(record: AnyRecord): string {
  if (record.type === 'clock') return 'clock';
  if (record.type === 'gap') return FEED_NAMES[record.channel as Channel] ?? record.channel;
  if (record.type === 'book_snapshot' || record.type === 'book_delta') return FEED_NAMES.book;
  const channel = channelOf(record.type);
  return channel ? FEED_NAMES[channel] : record.type;
}
