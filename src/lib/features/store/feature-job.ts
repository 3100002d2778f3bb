import { createHash } from 'node:crypto';
import type { MarketName } from '../../model/series.js';
import type { QueuedJob } from '../../redis/job-queue.js';
import { queuePlain } from '../../redis/plain-data.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import type { EngineCounts } from '../options.js';
import { type GroupTask, ROWS, type RowType } from './group-rows.js';
import { progressOf } from './progress.js';
import { INPUT_TYPES } from './stale-symbols.js';

/** The rows of one symbol as plain data. */
export type FeatureJob = GroupTask & {
  /** Version of mdtool: another one may compute in another way. */
  readonly version: string;
  /** The store as the sender names it, absolute. */
  readonly store: string;
  readonly grace: number;
  /** Windows in seconds that differ from the default, by feature. */
  readonly windows: readonly (readonly [name: string, seconds: number])[];
  /** Names all that rows depend on (see `marketDigest`). */
  readonly fingerprint: string;
};

/** The rows of a job by type, as `packRows` makes them, and the facts about them. */
export type FeatureAnswer = {
  readonly rows: Readonly<Record<RowType, string>>;
  readonly counts: EngineCounts;
  readonly seen: readonly string[];
};

/** The types that a job reads: inputs, and the rows that it goes on from. */
export const JOB_TYPES = [...INPUT_TYPES, ...ROWS] as const;

/** Returns a job for the queue. */
export function queueFeatureJob(job: FeatureJob): QueuedJob {
  const { exchange, market, symbols } = job.group;
  return queuePlain('features', `${exchange} ${market} ${symbols.join(', ')}`, job);
}

/**
 * Returns a hash that names the sealed records of a market before `until` (all without it) that rows depend on. Merging files
 * does not change it.
 */
export function marketDigest(
  { state }: StoreSnapshot,
  { exchange, market }: MarketName,
  until = Number.POSITIVE_INFINITY,
): string {
  const types = JOB_TYPES.map((type) => {
    const parts = [...state.partitions(new Set([type]))].filter(({ partition }) => {
      return partition.exchange === exchange && partition.market === market;
    });
    return [
      type,
      progressOf(
        0,
        parts.flatMap(({ files }) => files.filter(({ min }) => min < until)),
      ).files,
    ];
  });
  return createHash('sha256').update(JSON.stringify(types)).digest('hex');
}

/** Returns the time of the first record of a market that is in a journal, which workers do not read; Infinity without one. */
export function firstOpenTime(snapshot: StoreSnapshot, { exchange, market }: MarketName): number {
  const open = JOB_TYPES.flatMap((type) => snapshot.open(type)).filter(({ partition }) => {
    return partition.exchange === exchange && partition.market === market;
  });
  return Math.min(...open.map(({ min }) => min));
}
