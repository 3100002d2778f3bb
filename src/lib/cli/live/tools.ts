import { TapeWriter } from '../../capture/live/tape-writer.js';
import type { Exchange } from '../../exchanges/exchange.js';
import { UsageError } from '../../model/errors.js';
import type { Market } from '../../model/records.js';
import type { RestBudget } from '../../redis/rest-budget.js';
import { createHttpClient, type HttpClient, type HttpSender } from '../../transport/http.js';
import { openBudget } from '../budget.js';
import { openRedisOutput, type RedisOutput } from '../output/redis-output.js';
import type { LiveStreamContext, LiveStreamFlags } from './context.js';
import { MetricsServer } from './metrics-server.js';

/** What a capture works with beside the exchanges; `close` ends all of it, the latest first. */
export type LiveTools = {
  readonly userAgent: string;
  readonly limit: TimeLimit;
  readonly budget: RestBudget | undefined;
  readonly client: HttpClient & HttpSender;
  readonly tape: TapeWriter | undefined;
  readonly redis: RedisOutput;
  readonly metrics: MetricsServer | undefined;
  /** Adds what `close` ends before the rest. */
  alsoClose(step: () => unknown): void;
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
    limit.endRequests();
    for (const step of steps.splice(0)) await step();
  };
  const incomplete = (reason: string) => summary.incomplete(reason);
  const onRetry = (reason: string, pause: number) => stderr.log.debug(`${reason}; next attempt in ${Math.round(pause)} ms`);
  try {
    const budget = opened(await openBudget(flags.queue, notice), (part) => part?.close());
    const client = opened(await createHttpClient({ userAgent, signal: limit.requests, onRetry }), (part) => part.close());
    const tape = opened(openTape(context, exchanges), (part) => part?.close());
    const redis = opened(await openRedisOutput({ flags, markets, notice, incomplete }), (part) => part.close());
    const listening = flags.metrics && (await MetricsServer.listen(flags.metrics, version, storeOf(flags)));
    const metrics = opened(listening, (part) => part?.close());
    const alsoClose = (step: () => unknown) => void steps.unshift(step);
    return { userAgent, limit, budget, client, tape, redis, metrics, alsoClose, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The store that a run writes to; undefined if its outputs do not have it. */
export function storeOf({ output, store }: LiveStreamFlags): string | undefined {
  return output === undefined || output.includes('store') ? store : undefined;
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

/** Milliseconds between two looks for the first confirmation. */
const LOOK_EVERY = 20;

/**
 * Ends a run when it is stopped or its time is up. `--duration` counts from the first confirmed subscription or answered
 * poll: connecting can take longer than a short duration, and the run would end before anything was captured. An exchange that
 * never confirms must not make the run endless: after `latest` the duration counts all the same.
 */
export class TimeLimit {
  readonly signal: AbortSignal;
  readonly #requests = new AbortController();
  readonly #duration: number | undefined;
  readonly #until: number | undefined;
  readonly #over = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor({ duration, until }: Pick<LiveStreamFlags, 'duration' | 'until'>, stopped: AbortSignal) {
    this.#duration = duration;
    this.#until = until;
    if (until !== undefined && until / 1000 <= Date.now()) throw new UsageError('--until must be in the future');
    this.signal = AbortSignal.any([stopped, this.#over.signal]);
    if (until !== undefined) this.#endAt(until / 1000);
  }

  /** Counts the duration from when `isUp` first returns true, or from `latest` milliseconds on. */
  countFrom(isUp: () => boolean, latest: number): void {
    if (this.#duration === undefined) return;
    const { signal } = this;
    const last = performance.now() + latest;
    const timer = setInterval(() => {
      if (!isUp() && !signal.aborted && performance.now() < last) return;
      clearInterval(timer);
      this.#begin();
    }, LOOK_EVERY);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** Ends requests. Later than the run is stopped: its last silences are still compared with the exchange. */
  get requests(): AbortSignal {
    return this.#requests.signal;
  }

  endRequests(): void {
    this.#requests.abort();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #begin(): void {
    if (this.signal.aborted || this.#duration === undefined) return;
    this.#endAt(Math.min(Date.now() + this.#duration / 1000, (this.#until ?? Number.POSITIVE_INFINITY) / 1000));
  }

  /** A timer of its own for weeks: `setTimeout` ends at 24 days. */
  #endAt(end: number): void {
    clearInterval(this.#timer);
    const pause = Math.min(1_000, Math.max(10, (end - Date.now()) / 20));
    this.#timer = setInterval(() => Date.now() >= end && this.#over.abort(), pause);
  }
}
