import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { systemReason } from '../../disk/system-reason.js';
import { counted } from '../../model/counted.js';
import { FailureError } from '../../model/errors.js';
import type { Market } from '../../model/records.js';
import type { QueuedJob } from '../../redis/job-queue.js';
import { queuePlain } from '../../redis/plain-data.js';
import { fingerprint } from './fingerprint.js';
import type { LoadedMarket } from './market-reader.js';
import type { Task } from './pool.js';
import type { MarketSource } from './source.js';

/** What all jobs of a sweep share: where the data is, and the hashes that a worker compares. */
export type SweepSetting = {
  /** Version of mdtool: another one may fill orders differently. */
  readonly version: string;
  readonly source: MarketSource;
  /** Directory to which relative paths of the source refer. */
  readonly base: string;
  readonly series: { readonly exchange: string; readonly market: Market; readonly symbol: string };
  readonly fingerprint: string;
  /** Notes of the market; part of the rows. */
  readonly notes: readonly string[];
  /** A strategy of the user's: its code stays here, a worker finds it by its hash. */
  readonly module?: { readonly path: string; readonly hash: string } | undefined;
};

/** Some tasks of a sweep as plain data. */
export type SweepJob = SweepSetting & { readonly tasks: readonly Task[] };

/** Answer of a worker: for each task the NDJSON line of its run, or why it failed. */
export type SweepAnswer = { readonly runs: readonly ({ readonly run: string } | { readonly error: string })[] };

/** Returns what the jobs of a sweep share. */
export function buildSweepSetting(
  version: string,
  market: LoadedMarket,
  { source, module }: { readonly source: MarketSource; readonly module: string | undefined },
): SweepSetting {
  const { exchange, market: name, symbol } = market.data;
  return {
    ...{ version, source, base: process.cwd(), series: { exchange, market: name, symbol } },
    fingerprint: fingerprint(market),
    notes: market.notes,
    module: module === undefined ? undefined : { path: module, hash: hashOfFile(module) },
  };
}

/** Returns a job for the queue. The same tasks on the same data are the same job. */
export function queueSweepJob(job: SweepJob): QueuedJob {
  return queuePlain('sweep', `${job.series.symbol}, ${counted(job.tasks.length, 'run')}`, job);
}

/** Returns the hash of a file's content. */
export function hashOfFile(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch (error) {
    throw new FailureError(`cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
}
