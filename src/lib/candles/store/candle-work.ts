import { parseInterval } from '../../model/interval.js';
import { formatDate } from '../../model/time.js';
import { JobRefusal } from '../../redis/job-worker.js';
import { sqlName, sqlText } from '../../storage/database/duckdb.js';
import { packRows } from '../../storage/database/packed-rows.js';
import { tableDefinition } from '../../storage/database/record-table.js';
import { storePaths } from '../../storage/files/store-directory.js';
import { openSnapshot, type StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import { CLOCKS } from './batch-tables.js';
import { type CandleAnswer, type CandleJob, tradesDigest, writeOpenGaps } from './candle-job.js';
import { candleSelect } from './candle-sql.js';
import { createClock } from './stored-clock.js';
import { tradesWithin } from './stored-trades.js';

/**
 * A sum of more than 15 digits (the turnover of inverse markets) has another 15th digit with one thread, where DuckDB combines
 * no parts, than with two. So the threads are those of a run without workers.
 */
const DATABASE = { memoryLimit: '512MB' } as const;
const TABLE = 'job_candles';

/**
 * Builds the candles of a job from the store in `directory`. Throws a `JobRefusal` when the store has other trades than that
 * of the sender, or trades that are not sealed.
 */
export async function runCandleJob(job: CandleJob, directory: string): Promise<CandleAnswer> {
  const { market, symbols, spans } = job;
  const [since, until] = [spans[0]?.from, spans.at(-1)?.until];
  const selection = { types: ['trade'] as const, exchanges: [market.exchange], markets: [market.market], symbols, since, until };
  const snapshot = await openSnapshot(directory, selection, DATABASE).catch((error: Error) => {
    throw new JobRefusal(`cannot read the store ${directory}: ${error.message}`);
  });
  try {
    requireSameTrades(snapshot, job, directory);
    await snapshot.database.run(`CREATE TEMP TABLE ${TABLE} (${tableDefinition('candle')})`);
    await insertCandles(snapshot, storePaths(directory).root, TABLE, job);
    return { rows: await packRows(snapshot.database, 'candle', TABLE) };
  } finally {
    await snapshot.close();
  }
}

function requireSameTrades(snapshot: StoreSnapshot, { market, spans, fingerprint }: CandleJob, directory: string): void {
  const name = `${market.exchange} ${market.market} from ${formatDate(spans[0]?.from ?? 0)} on`;
  if (tradesDigest(snapshot.state, market, spans) !== fingerprint)
    throw new JobRefusal(`${directory} has other trades of ${name} than the store of the sender`);
  if (snapshot.open('trade').length > 0) throw new JobRefusal(`${directory} has trades of ${name} that are not sealed`);
}

/** Adds the candles of a job to a table. Both the sender and the workers build with it. */
export async function insertCandles(snapshot: StoreSnapshot, root: string, table: string, job: CandleJob): Promise<void> {
  const { database } = snapshot;
  const { market, symbols, spans, now, countsQuote } = job;
  await createClock(database, market, now);
  const openGaps = await writeOpenGaps(database, market, job.openGaps);
  for (const span of spans) {
    const { relation, position } = tradesWithin(snapshot, root, market, span);
    const query = {
      ...({ open: 'first-trade', empty: 'skip', source: 'trades', input: 'trade' } as const),
      interval: parseInterval(job.interval),
      relation: `(SELECT * FROM ${relation} WHERE "symbol" IN (${symbols.map(sqlText).join(', ')}))`,
      position,
      clocks: CLOCKS,
      only: { ...market, now },
      openGaps,
      countsQuote: countsQuote ? 'true' : undefined,
    };
    await database.run(`INSERT INTO ${sqlName(table)} ${candleSelect(query)}`);
  }
}
