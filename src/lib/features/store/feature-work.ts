import { JobRefusal } from '../../redis/job-worker.js';
import { withDatabase } from '../../storage/database/duckdb.js';
import { packRows } from '../../storage/database/packed-rows.js';
import { TableAppender } from '../../storage/database/table-appender.js';
import { openSnapshot } from '../../storage/reading/store-snapshot.js';
import type { EngineCounts } from '../options.js';
import { type FeatureAnswer, type FeatureJob, firstOpenTime, JOB_TYPES, marketDigest } from './feature-job.js';
import { groupRows, ROWS, type RowType } from './group-rows.js';

/**
 * Makes the rows of a job from the store in `directory`. Throws a `JobRefusal` when the store has other records than that of
 * the sender, or records that are not sealed. A store only grows: if it is that of the sender before and afterwards, it was so
 * meanwhile.
 */
export async function runFeatureJob(job: FeatureJob, directory: string): Promise<FeatureAnswer> {
  await requireSameMarket(job, directory);
  const answer = await makeRows(job, directory);
  await requireSameMarket(job, directory);
  return answer;
}

async function requireSameMarket({ group, until, fingerprint }: FeatureJob, directory: string): Promise<void> {
  const { exchange, market } = group;
  const selection = { types: JOB_TYPES, exchanges: [exchange], markets: [market] };
  const snapshot = await openSnapshot(directory, selection).catch((error: Error) => {
    throw new JobRefusal(`cannot read the store ${directory}: ${error.message}`);
  });
  try {
    if (marketDigest(snapshot, group, until) !== fingerprint)
      throw new JobRefusal(`${directory} has other records of ${exchange} ${market} than the store of the sender`);
    if (firstOpenTime(snapshot, group) < (until ?? Number.POSITIVE_INFINITY))
      throw new JobRefusal(`${directory} has records of ${exchange} ${market} that are not sealed`);
  } finally {
    await snapshot.close();
  }
}

async function makeRows(job: FeatureJob, directory: string): Promise<FeatureAnswer> {
  const { grace, windows } = job;
  let facts: { counts: EngineCounts; seen: string[] } | undefined;
  const options = {
    engine: { grace, windows: new Map(windows) },
    onCounts: (counts: EngineCounts, seen: ReadonlySet<string>) => {
      facts = { counts, seen: [...seen] };
    },
    stopped: new AbortController().signal,
  };
  return await withDatabase({}, async (database) => {
    const appenders = new Map<RowType, TableAppender>();
    for (const type of ROWS) appenders.set(type, await TableAppender.create(database, type));
    for await (const records of groupRows(directory, job, options))
      for (const [type, appender] of appenders) await appender.append(records.filter((record) => record.type === type));
    for (const appender of appenders.values()) await appender.flush();
    const [micro, features] = [await packRows(database, 'micro', 'micro'), await packRows(database, 'features', 'features')];
    if (facts === undefined) throw new Error('the rows ended early');
    return { rows: { micro, features }, ...facts };
  });
}
