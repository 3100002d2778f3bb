import { TapeWriter } from '../../lib/capture/live/tape-writer.js';
import { openRedisOutput, type RedisOutput } from '../../lib/cli/output/redis-output.js';
import type { Exchange } from '../../lib/exchanges/exchange.js';
import { UsageError } from '../../lib/model/errors.js';
import type { Market } from '../../lib/model/records.js';
import { createHttpClient, type HttpClient, type HttpSender } from '../../lib/transport/http.js';
import type { LiveStreamContext, LiveStreamFlags } from './live-context.js';
import { MetricsServer } from './metrics-server.js';

/** What a capture works with beside the exchanges; `close` ends all of it, the latest first. */
export type LiveTools = {
  readonly userAgent: string;
  readonly limit: TimeLimit;
  readonly client: HttpClient & HttpSender;
  readonly tape: TapeWriter | undefined;
  readonly redis: RedisOutput;
  readonly metrics: MetricsServer | undefined;
  close(): Promise<void>;
};

/** Opens what the flags ask for. Throws a `UsageError` or `FailureError`; then nothing stays open. */
export async function openTools(
  context: LiveStreamContext,
  exchanges: readonly Exchange[],
  markets: readonly Market[],
): Promise<LiveTools> {
  const { flags, stderr, summary, version, notice } = context;
  const limit = new TimeLimit(flags, context.stopped);
  const userAgent = `mdtool/${version}`;
  const steps: (() => unknown)[] = [() => limit.end()];
  const opened = <Part>(part: Part, close: (part: Part) => unknown): Part => {
    steps.unshift(() => close(part));
    return part;
  };
  const close = async () => {
    for (const step of steps.splice(0)) await step();
  };
  const incomplete = (reason: string) => summary.incomplete(reason);
  const onRetry = (reason: string, pause: number) => stderr.log.debug(`${reason}; next attempt in ${Math.round(pause)} ms`);
  try {
    const client = opened(await createHttpClient({ userAgent, signal: limit.signal, onRetry }), (part) => part.close());
    const tape = opened(openTape(context, exchanges), (part) => part?.close());
    const redis = opened(await openRedisOutput({ flags, markets, notice, incomplete }), (part) => part.close());
    const listening = flags.metrics && (await MetricsServer.listen(flags.metrics, version));
    const metrics = opened(listening, (part) => part?.close());
    return { userAgent, limit, client, tape, redis, metrics, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openTape({ flags, notice, summary }: LiveStreamContext, exchanges: readonly Exchange[]) {
  if (flags.tape === undefined) return undefined;
  const onFailure = (reason: string) => {
    notice(reason);
    summary.incomplete(reason);
  };
  const rotation = flags['tape-rotate'];
  return new TapeWriter({ path: flags.tape, exchanges, rotation, force: flags.force, onFailure });
}

/** Ends a run when it is stopped or its time is up. */
export class TimeLimit {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor({ duration, until }: LiveStreamFlags, stopped: AbortSignal) {
    const now = Date.now();
    const ends = [duration === undefined ? [] : now + duration / 1000, until === undefined ? [] : until / 1000].flat();
    const end = Math.min(...ends);
    if (end <= now) throw new UsageError('--until must be in the future');
    const over = new AbortController();
    this.signal = AbortSignal.any([stopped, over.signal]);
    this.#timer = Number.isFinite(end) ? this.#wake(end, over) : undefined;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** A timer of its own for weeks: `setTimeout` ends at 24 days. */
  #wake(end: number, over: AbortController): NodeJS.Timeout {
    return setInterval(() => Date.now() >= end && over.abort(), Math.min(1_000, Math.max(10, (end - Date.now()) / 20)));
  }
}
