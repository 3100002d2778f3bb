import * as Flags from '@oclif/core/flags';
import { UsageError } from '../model/errors.js';
import { HOUR, SECOND } from '../model/time.js';
import type { Workers } from '../redis/remote-jobs.js';
import { isRedis, redisUrl } from '../redis/url.js';
import { durationFlag } from './flags.js';

/** The Redis of the queue, complete with the password of the environment. */
export const queueFlag = Flags.custom<string>({
  summary:
    'Redis that holds the jobs: redis://host:port, or rediss:// for TLS. The password may come from MDTOOL_REDIS_PASSWORD.',
  helpValue: 'URL',
  parse: async (text) => redisUrl(text, process.env, '--queue'),
});

/** Returns the flag of how long a worker may be silent before its jobs are taken over, microseconds. */
export function lockFlag(summary: string, helpGroup?: string) {
  return durationFlag({
    ...{ summary, helpValue: 'DURATION', least: SECOND, most: HOUR },
    ...(helpGroup !== undefined && { helpGroup }),
    default: async () => 30 * SECOND,
    defaultHelp: async () => '30s',
  });
}

/** Threads of this process, or the Redis whose workers do the work. */
export const workersFlag = Flags.custom<number | string>({
  summary: 'Worker threads, or the Redis of mdtool worker processes (redis://host). The result does not depend on it.',
  defaultHelp: async () => '1',
  helpValue: 'N|URL',
  parse: async (text) => workersOf(text),
});

/** The same for steps over a store: a number, as a variable may have it for `backtest`, leaves the work here. */
export const storeWorkersFlag = Flags.custom<number | string>({
  summary: 'Let mdtool worker processes do the work over a store: their Redis (redis://host). The result does not depend on it.',
  helpValue: 'URL',
  parse: async (text) => workersOf(text),
});

function workersOf(text: string): number | string {
  if (isRedis(text)) return redisUrl(text, process.env, '--workers');
  const count = /^\d+$/.test(text.trim()) ? Number(text) : 0;
  if (count < 1 || count > 1024) throw new UsageError(`expected a number of threads or redis://host, was "${text}"`);
  return count;
}

/** Returns the workers that `--workers` names; undefined for this process. */
export function storeWorkers(
  workers: number | string | undefined,
  version: string,
  notice: Workers['notice'],
): Workers | undefined {
  return typeof workers === 'string' ? { url: workers, version, notice } : undefined;
}
