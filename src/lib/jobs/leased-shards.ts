import { setTimeout as pause } from 'node:timers/promises';
import type { Shard } from '../instruments/shard.js';
import { EXIT } from '../model/errors.js';
import type { RedisConnection } from '../redis/client.js';
import { JobQueue, type QueuedJob } from '../redis/job-queue.js';
import { JobReturned, JobWorker } from '../redis/job-worker.js';
import { WORKER_NAME } from './worker-run.js';

/** A process that captures one shard. */
export type ShardProcess = {
  /** Asks it to flush and end, or ends it at once. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Its exit code; undefined when a signal ended it. */
  readonly ended: Promise<number | undefined>;
};

type LeaseOptions = {
  readonly connection: RedisConnection;
  /** Name of the queue: the same for all processes of one capture. */
  readonly queue: string;
  /** What is captured, for `worker --status`. */
  readonly description: string;
  readonly shards: number;
  /** Most shards that this process captures. */
  readonly most: number;
  /** Milliseconds after which the shards of a silent process are taken over. */
  readonly lock: number;
  readonly start: (shard: Shard) => ShardProcess;
  readonly notice: (text: string) => void;
};

/** Milliseconds that a capture has to end when its lease is lost. */
const GRACE = 2_000;
/** Milliseconds before a capture that ended is started again, and one that the writer before it still keeps out. */
const RESTART_PAUSE = 5_000;
const OVERLAP_PAUSE = 1_000;
/** Milliseconds, beside the lock, after which refusals are no longer those of a writer that is about to end. */
const OVERLAP_PATIENCE = 60_000;

/**
 * The shards that this process captures. Each is a job without an end, whose lock is the lease: the process that renews it
 * captures the shard. The jobs that no process runs wait, and so does a standby.
 */
export class LeasedShards {
  readonly #options: LeaseOptions;
  readonly #queue: JobQueue;
  readonly #held = new Set<number>();
  readonly #stopping = new AbortController();
  readonly #failed = new AbortController();
  #worker: JobWorker | undefined;
  #code: number = EXIT.done;

  private constructor(options: LeaseOptions, queue: JobQueue) {
    this.#options = options;
    this.#queue = queue;
  }

  /** Begins to lease. Throws a `UsageError` without BullMQ, a `FailureError` if Redis cannot be reached. */
  static async start(options: LeaseOptions): Promise<LeasedShards> {
    const { connection, queue: name, description, shards, most, lock } = options;
    const queue = await JobQueue.open({ ...connection, onTrouble: () => {} }, name);
    const leased = new LeasedShards(options, queue);
    await queue.announce(description);
    await queue.add(Array.from({ length: shards }, (_, index) => jobOf({ index: index + 1, count: shards })));
    leased.#worker = await JobWorker.open({
      ...{ connection, queue: name, name: WORKER_NAME, concurrency: most, lock },
      mostTakeovers: Number.MAX_SAFE_INTEGER,
      run: async ({ data }, lost) => await leased.#hold(data as Shard, lost),
    });
    return leased;
  }

  /** Numbers of the shards that this process captures. */
  get held(): readonly number[] {
    return [...this.#held].sort((a, b) => a - b);
  }

  /** Aborted when a shard cannot be captured at all: its flags do not fit. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Ends all captures and gives the leases back. Returns the worst exit code of the captures that ended so. */
  async close(): Promise<number> {
    this.#stopping.abort();
    await this.#worker?.close();
    await this.#queue.close();
    return this.#code;
  }

  async #hold(shard: Shard, lost: AbortSignal): Promise<void> {
    const { index, count } = shard;
    const name = `shard ${index}/${count}`;
    this.#held.add(index);
    this.#options.notice(`${name}: captured here`);
    try {
      await this.#capture(shard, name, lost);
    } finally {
      this.#held.delete(index);
    }
    if (this.#stopping.signal.aborted) throw new JobReturned();
    this.#options.notice(`${name}: the lease was lost, the capture has stopped`);
    throw new Error('the lease was lost');
  }

  /** Captures until the lease is lost or the process stops. */
  async #capture(shard: Shard, name: string, lost: AbortSignal): Promise<void> {
    const over = AbortSignal.any([lost, this.#stopping.signal]);
    let refusedSince: number | undefined;
    while (!over.aborted) {
      const code = await this.#runOnce(shard, lost);
      if (over.aborted) break;
      // The capture before this one may still write: its process is slow to end, or does not know yet that it has lost the lease.
      refusedSince = code === EXIT.usage ? (refusedSince ?? performance.now()) : undefined;
      if (refusedSince !== undefined && performance.now() - refusedSince > this.#options.lock + OVERLAP_PATIENCE) {
        this.#code = EXIT.usage;
        this.#failed.abort();
      }
      if (code !== EXIT.usage) this.#options.notice(`${name}: the capture ended (${code ?? 'killed'}) and is started again`);
      await pause(code === EXIT.usage ? OVERLAP_PAUSE : RESTART_PAUSE, undefined, { signal: over }).catch(() => {});
    }
  }

  async #runOnce(shard: Shard, lost: AbortSignal): Promise<number | undefined> {
    const capture = this.#options.start(shard);
    let timer: NodeJS.Timeout | undefined;
    const stop = () => capture.stop('SIGTERM');
    const drop = () => {
      capture.stop('SIGTERM');
      timer = setTimeout(() => capture.stop('SIGKILL'), GRACE);
    };
    this.#stopping.signal.addEventListener('abort', stop, { once: true });
    lost.addEventListener('abort', drop, { once: true });
    const code = await capture.ended;
    clearTimeout(timer);
    this.#stopping.signal.removeEventListener('abort', stop);
    lost.removeEventListener('abort', drop);
    // Refused: the writer before it had not ended yet, and stores what this one would have.
    if (this.#stopping.signal.aborted && !lost.aborted && code !== EXIT.usage)
      this.#code = Math.max(this.#code, code ?? EXIT.failure);
    return code;
  }
}

function jobOf(shard: Shard): QueuedJob {
  return { id: `shard-${shard.index}`, kind: 'capture', data: { ...shard, name: `shard ${shard.index}/${shard.count}` } };
}
