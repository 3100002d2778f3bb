import { counted } from '../../lib/model/counted.js';
import { formatCount } from '../../lib/model/number-format.js';
import type { RedisConnection } from '../../lib/redis/client.js';
import { JobQueue, type QueueCounts } from '../../lib/redis/job-queue.js';

/** A running job and who runs it. */
type RunningJob = { readonly worker: string; readonly job: string; readonly seconds: number };

type QueueStatus = QueueCounts & {
  readonly workers: readonly string[];
  readonly running: readonly RunningJob[];
};

/** Asks Redis for the workers and their jobs. */
export async function readStatus(connection: RedisConnection): Promise<QueueStatus> {
  const queue = await JobQueue.open(connection);
  try {
    const [counts, workers, running] = await Promise.all([queue.counts(), queue.workers(), queue.running()]);
    const now = Date.now();
    return {
      ...counts,
      workers: [...workers].sort(),
      running: running.map(({ kind, worker, since, data }) => ({
        ...{
          worker,
          job: `${kind} ${(data as { readonly name?: string }).name ?? ''}`.trim(),
          seconds: Math.max(0, Math.round((now - since) / 1000)),
        },
      })),
    };
  } finally {
    await queue.close();
  }
}

/** Returns the status as text. */
export function statusLines({ workers, running, waiting, failed }: QueueStatus): string[] {
  const jobs = running.map(({ worker, job, seconds }) => `  ${worker}  ${job}  ${formatCount(seconds)} s`);
  const idle = workers.filter((name) => !running.some(({ worker }) => worker === name)).map((name) => `  ${name}  idle`);
  const totals = `${counted(workers.length, 'worker')}, ${counted(running.length, 'job')} running, ${formatCount(waiting)} waiting, ${formatCount(failed)} failed`;
  return [totals, ...jobs, ...idle];
}
