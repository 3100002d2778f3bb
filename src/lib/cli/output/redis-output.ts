import type { WireTap } from '../../capture/live/wire.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord, Market } from '../../model/records.js';
import { isRedis } from '../../redis/url.js';
import type { SinkReport } from '../../sinks/sink.js';
import { redact } from '../redaction.js';
import type { RedisFlags } from './redis-target.js';

type RedisOutputOptions = {
  readonly flags: RedisFlags & { readonly output?: readonly string[] | undefined };
  /** Captured markets; undefined for a replay, which has no frames to publish. */
  readonly markets: readonly Market[] | undefined;
  readonly notice: (message: string) => void;
  readonly incomplete: (reason: string) => void;
};

/** The Redis output of a step, beside its other outputs. */
export type RedisOutput = {
  /** The other outputs; `none` if there are none. */
  readonly output: readonly string[] | undefined;
  readonly tap: WireTap | undefined;
  /** Passes the records on, and publishes them if the payload is records. Flushes at their end. */
  tee(records: AsyncIterable<readonly AnyRecord[]>): AsyncIterable<readonly AnyRecord[]>;
  /** Facts for the summary. */
  facts(): Readonly<Record<string, number>>;
  /** What was published, for the summary; undefined without a Redis. */
  report(): SinkReport | undefined;
  /** Closes the connection of a run without records. */
  close(): Promise<void>;
};

/** Opens the Redis of `-o`, if any. Throws a `UsageError`, or a `FailureError` if it cannot be reached. */
export async function openRedisOutput(options: RedisOutputOptions): Promise<RedisOutput> {
  const { flags, markets } = options;
  const [output, second] = flags.output?.filter(isRedis) ?? [];
  if (output === undefined)
    return {
      output: flags.output,
      tap: undefined,
      tee: (records) => records,
      facts: () => ({}),
      report: () => undefined,
      async close() {},
    };
  if (second !== undefined) throw new UsageError('-o: only one Redis output is supported, found two');
  const others = flags.output?.filter((other) => !isRedis(other)) ?? [];
  const rest = others.length > 0 ? others : ['none'];
  const context = { ...options, output };
  if (flags['redis-payload'] === 'record') {
    const { createRedisSink } = await import('./redis-records.js');
    const sink = await createRedisSink(context);
    let published = 0;
    const close = once(async () => {
      published = (await sink.close()).records;
    });
    return {
      output: rest,
      tap: undefined,
      tee: (records) => tee(records, (batch) => sink.write(batch), close),
      facts: () => ({ redis_published: published }),
      report: () => ({ output: redact(output), records: published, skipped: {} }),
      close,
    };
  }
  if (!markets) throw new UsageError(`-o ${output}: a replay can only publish records; add --redis-payload record`);
  const { RedisFrames } = await import('./redis-frames.js');
  const frames = await RedisFrames.open(context, markets);
  const close = once(() => frames.close());
  return {
    output: rest,
    tap: frames,
    tee: (records) => tee(records, async () => {}, close),
    facts: () => frames.facts,
    report: () => ({ output: redact(output), records: frames.facts.redis_published ?? 0, skipped: {} }),
    close,
  };
}

async function* tee(
  records: AsyncIterable<readonly AnyRecord[]>,
  take: (batch: readonly AnyRecord[]) => Promise<void>,
  end: () => Promise<void>,
): AsyncGenerator<readonly AnyRecord[]> {
  try {
    for await (const batch of records) {
      await take(batch);
      yield batch;
    }
  } finally {
    await end();
  }
}

/** Returns the work as a function that runs it once, however often it is called. */
function once(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
