import { counted } from '../../lib/model/counted.js';
import { formatCount } from '../../lib/model/number-format.js';
import type { RedisConnection } from '../../lib/redis/client.js';
import { JobQueue, type QueueCounts } from '../../lib/redis/job-queue.js';

/** A running job and who runs it; of a capture, a shard and who captures it. */
type RunningJob = { readonly worker: string; readonly job: string; readonly seconds: number };

/** One queue: that of the workers, or the shards of a capture. */
type QueueStatus = QueueCounts & {
  /** What is captured; undefined for the workers. */
  readonly capture?: string | undefined;
  readonly workers: readonly string[];
  readonly running: readonly RunningJob[];
};

/** Asks Redis for the workers and their jobs, then for the captures and who holds their shards. */
export async function readStatus(connection: RedisConnection): Promise<QueueStatus[]> {
  const work = await JobQueue.open(connection);
  try {
    const all = [await statusOf(work, undefined)];
    for (const [name, capture] of await work.announced()) {
      const queue = await JobQueue.open(connection, name);
      all.push(await statusOf(queue, capture).finally(() => queue.close()));
    }
    return all;
  } finally {
    await work.close();
  }
}

async function statusOf(queue: JobQueue, capture: string | undefined): Promise<QueueStatus> {
  const [counts, workers, running] = await Promise.all([queue.counts(), queue.workers(), queue.running()]);
  const now = Date.now();
  const jobs = running.map(({ kind, worker, since, data }): RunningJob => {
    const { name = '' } = data as { readonly name?: string };
    return {
      worker,
      job: capture === undefined ? `${kind} ${name}` : name,
      seconds: Math.max(0, Math.round((now - since) / 1000)),
    };
  });
  return { ...counts, capture, workers: [...workers].sort(), running: jobs.sort((a, b) => (a.job < b.job ? -1 : 1)) };
}

/** Returns the status as text. */
export function statusLines(all: readonly QueueStatus[]): string[] {
  return all.flatMap((status) => {
    const { workers, running } = status;
    const jobs = running.map(({ worker, job, seconds }) => `  ${worker}  ${job}  ${formatCount(seconds)} s`);
    const idle = workers.filter((name) => !running.some(({ worker }) => worker === name));
    return [totalsOf(status), ...jobs, ...idle.map((name) => `  ${name}  ${status.capture === undefined ? 'idle' : 'standby'}`)];
  });
}

function totalsOf({ capture, workers, running, waiting, failed }: QueueStatus): string {
  const [held, free] = [running.length, waiting].map(formatCount);
  return capture === undefined
    ? `${counted(workers.length, 'worker')}, ${counted(running.length, 'job')} running, ${free} waiting, ${formatCount(failed)} failed`
    : `capture of ${capture}: ${counted(workers.length, 'process', 'processes')}, ${held} held, ${free} free`;
}
