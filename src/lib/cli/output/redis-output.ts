import type { WireTap } from '../../capture/live/wire.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord, Market } from '../../model/records.js';
import { isRedis, type RedisFlags } from './redis-target.js';

export type RedisOutputOptions = {
  readonly flags: RedisFlags & { readonly output?: readonly string[] | undefined };
  /** Markets captured; undefined for a replay, which has no frames to publish. */
  readonly markets: readonly Market[] | undefined;
  readonly notice: (message: string) => void;
  readonly incomplete: (reason: string) => void;
};

/** The Redis among the outputs of a step, beside its other outputs. */
export type RedisOutput = {
  /** What remains for the others; `none` where there is nothing else. */
  readonly output: readonly string[] | undefined;
  readonly tap: WireTap | undefined;
  /** Gives the records on, and to Redis where records are wanted there; at their end everything is published that can be. */
  tee(records: AsyncIterable<readonly AnyRecord[]>): AsyncIterable<readonly AnyRecord[]>;
  /** What was published, for the summary. */
  facts(): Readonly<Record<string, number>>;
  /** Ends it, where no records have been read. */
  close(): Promise<void>;
};

/** Opens the Redis that `-o` names, if any. Throws a `UsageError`, or a `FailureError` when it cannot be reached. */
export async function openRedisOutput(options: RedisOutputOptions): Promise<RedisOutput> {
  const { flags, markets } = options;
  const [output, second] = flags.output?.filter(isRedis) ?? [];
  if (output === undefined)
    return { output: flags.output, tap: undefined, tee: (records) => records, facts: () => ({}), async close() {} };
  if (second !== undefined) throw new UsageError('-o: expected one Redis, found two');
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
      close,
    };
  }
  if (!markets) throw new UsageError(`-o ${output}: a replay publishes records: add --redis-payload record`);
  const { RedisFrames } = await import('./redis-frames.js');
  const frames = await RedisFrames.open(context, markets);
  const close = once(() => frames.close());
  return { output: rest, tap: frames, tee: (records) => tee(records, async () => {}, close), facts: () => frames.facts, close };
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

/** Returns the work as something that several ends may ask for and that happens once. */
function once(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
