import { openReplay } from '../../lib/capture/replay/replay.js';
import { summarize } from '../../lib/cli/live/summary.js';
import { openRedisOutput } from '../../lib/cli/output/redis-output.js';
import type { RedisFlags } from '../../lib/cli/output/redis-target.js';
import type { Summary } from '../../lib/cli/summary.js';
import type { Channel, Exchange } from '../../lib/exchanges/exchange.js';
import type { PolledType } from '../../lib/exchanges/polling.js';
import { afterInput, sleep } from '../../lib/input/closing.js';
import { expandPaths } from '../../lib/input/paths.js';
import type { Shard } from '../../lib/instruments/shard.js';
import type { AnyRecord, Market } from '../../lib/model/records.js';

/** The parsed flags of a replay; durations are microseconds. */
type ReplayStreamFlags = RedisFlags & {
  readonly output?: readonly string[] | undefined;
  readonly replay: readonly string[];
  readonly exchange?: readonly Exchange[] | undefined;
  readonly market?: readonly Market[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly channels: readonly Channel[];
  readonly interval?: readonly string[] | undefined;
  readonly poll?: readonly PolledType[] | undefined;
  readonly depth: number;
  readonly 'book-interval': number;
  readonly speed?: number | undefined;
  readonly shard?: Shard | undefined;
  readonly 'allow-gaps': boolean;
};

type ReplayStream = {
  readonly records: AsyncIterable<readonly AnyRecord[]>;
  /** The outputs that are left to the caller. */
  readonly output: readonly string[] | undefined;
  readonly claims?: undefined;
  readonly close: () => Promise<unknown>;
  summarize(summary: Summary): void;
};

/** Opens the tapes that the flags name. Throws a `FailureError` for one that cannot be read or is of another exchange. */
export async function openReplayStream(
  flags: ReplayStreamFlags,
  stopped: AbortSignal,
  warn: (message: string) => void,
  incomplete: (reason: string) => void,
): Promise<ReplayStream> {
  const redis = await openRedisOutput({ flags, markets: undefined, notice: warn, incomplete });
  const paths = await expandPaths(flags.replay);
  const signal = paths.includes('-') ? afterInput(stopped) : stopped;
  const { records, statistics } = await openReplay({
    paths,
    exchanges: flags.exchange ?? [],
    markets: flags.market,
    symbols: flags.symbols,
    channels: flags.channels,
    intervals: flags.interval,
    polled: flags.poll,
    shard: flags.shard,
    depth: flags.depth,
    bookInterval: flags['book-interval'],
    warn,
    pacing: { speed: flags.speed, elapsed: () => performance.now(), sleep: (ms) => sleep(ms, signal), signal },
  });
  return {
    records: redis.tee(records),
    output: redis.output,
    close: () => redis.close(),
    summarize(summary) {
      summarize(statistics, summary, flags['allow-gaps']);
      summary.note(redis.facts());
      summary.addOutput(redis.report());
    },
  };
}
