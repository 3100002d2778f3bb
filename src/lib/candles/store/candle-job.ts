import { createHash } from 'node:crypto';
import { counted } from '../../model/counted.js';
import type { MarketName } from '../../model/series.js';
import type { Span } from '../../model/span.js';
import type { QueuedJob } from '../../redis/job-queue.js';
import { queuePlain } from '../../redis/plain-data.js';
import { type Database, sqlText } from '../../storage/database/duckdb.js';
import { uniteSegments } from '../../storage/files/segments.js';
import type { StoreState } from '../../storage/log/store-state.js';
import { OPEN_GAPS } from './batch-tables.js';
import { datesOf } from './stored-trades.js';

/** An unrepaired gap as SQL has it; times are microseconds. */
export type OpenGap = {
  readonly symbol: string;
  readonly from: number;
  readonly until: number;
  /** When it became known; null where it has no arrival. */
  readonly known: number | null;
};

/**
 * Candles of one interval and market as plain data. What comes from other days (the clock, the gaps) is in the job, so that
 * its candles depend on the trades of its spans alone.
 */
export type CandleJob = {
  /** Version of mdtool: another one may round in another way. */
  readonly version: string;
  /** The store as the sender names it, absolute. */
  readonly store: string;
  readonly market: MarketName;
  readonly interval: string;
  /** In order, whole intervals. */
  readonly spans: readonly Span[];
  readonly symbols: readonly string[];
  /** The clock of the market, microseconds. */
  readonly now: number;
  readonly openGaps: readonly OpenGap[];
  readonly countsQuote: boolean;
  /** Names the trades (see `tradesDigest`). */
  readonly fingerprint: string;
};

/** The candles of a job, as `packRows` makes them. */
export type CandleAnswer = { readonly rows: string };

/** Returns a job for the queue. */
export function queueCandleJob(job: CandleJob): QueuedJob {
  const { exchange, market } = job.market;
  const days = new Set(job.spans.flatMap(datesOf)).size;
  return queuePlain('candles', `${exchange} ${market} ${job.interval}, ${counted(days, 'day')}`, job);
}

/**
 * Returns a hash that names the sealed trades of a market on the days of some spans: the journals they come from. Merging
 * files does not change it; a record that is added does.
 */
export function tradesDigest(state: StoreState, market: MarketName, spans: readonly Span[]): string {
  const dates = [...new Set(spans.flatMap(datesOf))].sort();
  const days = dates.map((date) => {
    const files = state.partition({ type: 'trade', ...market, date });
    return [date, uniteSegments(files.map(({ segments }) => segments))];
  });
  return createHash('sha256').update(JSON.stringify(days)).digest('hex');
}

/** Reads the table of open gaps. */
export async function readOpenGaps(database: Database, { exchange, market }: MarketName): Promise<OpenGap[]> {
  const rows = await database.rows(
    `SELECT "symbol", from_us, until_us, known FROM ${OPEN_GAPS} WHERE "exchange" = ${sqlText(exchange)} AND "market" = ${sqlText(market)}
     ORDER BY ALL`,
  );
  return rows.map(({ symbol, from_us, until_us, known }) => ({
    symbol: String(symbol),
    from: Number(from_us),
    until: Number(until_us),
    known: known === null ? null : Number(known),
  }));
}

/** Creates the table of open gaps from those of a job. Returns its name, undefined where there are none. */
export async function writeOpenGaps(
  database: Database,
  { exchange, market }: MarketName,
  gaps: readonly OpenGap[],
): Promise<string | undefined> {
  if (gaps.length === 0) return undefined;
  const names = `${sqlText(exchange)}, ${sqlText(market)}`;
  const rows = gaps.map(
    ({ symbol, from, until, known }) => `(${names}, ${sqlText(symbol)}, ${from}, ${until}, ${known ?? 'NULL'})`,
  );
  await database.run(
    `CREATE OR REPLACE TEMP TABLE ${OPEN_GAPS} AS SELECT "exchange", "market", "symbol", from_us::BIGINT AS from_us,
       until_us::BIGINT AS until_us, known::BIGINT AS known
     FROM (VALUES ${rows.join(', ')}) AS gaps("exchange", "market", "symbol", from_us, until_us, known)`,
  );
  return OPEN_GAPS;
}
