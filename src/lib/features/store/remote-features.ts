import { UsageError } from '../../model/errors.js';
import { DAY, formatDate, formatTime } from '../../model/time.js';
import type { Workers } from '../../redis/remote-jobs.js';
import { RemoteWork } from '../../redis/remote-work.js';
import { SENT_JOBS } from '../../redis/sent-jobs.js';
import { type Database, sqlName } from '../../storage/database/duckdb.js';
import { unpackRows } from '../../storage/database/packed-rows.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { tableDefinition } from '../../storage/database/record-table.js';
import type { EngineOptions } from '../options.js';
import type { News, RowMaker } from './built-features.js';
import { type FeatureAnswer, type FeatureJob, firstOpenTime, marketDigest, queueFeatureJob } from './feature-job.js';
import { type GroupTask, ROWS, type RowType } from './group-rows.js';
import { type MakeOptions, type MakePlace, madeTable, makeRows } from './made-rows.js';
import { RAW } from './store-sql.js';

/** Days of a round at most: an answer has some 30 megabytes a day, and a value of Redis at most 512. */
const MOST_DAYS = 7;
/** Days of all symbols of a round together, where it has more than a day: its rows stay in Redis until all are written. */
const MOST_SYMBOL_DAYS = 100;
const BYTES_A_DAY = 30e6;

/** Makes the rows of a store by `mdtool worker` processes, a symbol a job, some days at a time. */
export class RemoteFeatures implements RowMaker {
  readonly #work: RemoteWork;
  readonly #workers: Workers;
  readonly #engine: EngineOptions;

  private constructor(work: RemoteWork, workers: Workers, engine: EngineOptions) {
    this.#work = work;
    this.#workers = workers;
    this.#engine = engine;
  }

  /** Connects. Throws a `UsageError` for features of the user's, and as `RemoteWork.open`. */
  static async open(workers: Workers, engine: EngineOptions, stopped: AbortSignal): Promise<RemoteFeatures> {
    if (engine.features?.some(({ own }) => own !== undefined))
      throw new UsageError('--workers: workers have no features of your own; leave out --feature or --workers');
    return new RemoteFeatures(await RemoteWork.open(workers, stopped), workers, engine);
  }

  /** The last round has the days whose records are not all sealed; `fill` makes it here. */
  roundEnds({ stale, limit }: Pick<News, 'stale' | 'limit'>, place: MakePlace): number[] {
    const open = firstOpenTime(place.snapshot, place.market);
    const dates = datesSince(place, Math.min(...[...stale.values()].map(({ first }) => first)));
    const closed = dates.map(endOf).filter((end) => end <= Math.min(limit, open));
    const days = Math.max(1, Math.min(MOST_DAYS, Math.floor(MOST_SYMBOL_DAYS / stale.size)));
    const ends = closed.filter((_, index) => (index + 1) % days === 0 || index === closed.length - 1);
    const rest = dates.length - (ends.length - 1) * days;
    if (open === Number.POSITIVE_INFINITY && rest <= days) ends.pop();
    SENT_JOBS.begin(ends.length + 1);
    return ends;
  }

  /** Throws as `RemoteWork.results`. */
  async fill(tasks: readonly GroupTask[], place: MakePlace, options: MakeOptions): Promise<void> {
    const { snapshot, market, location } = place;
    const [{ until }] = tasks as [GroupTask];
    const open = firstOpenTime(snapshot, market);
    if (until === undefined && open < Number.POSITIVE_INFINITY) {
      const name = `${market.exchange} ${market.market}`;
      this.#workers.notice(
        `--workers: records of ${name} from ${formatTime(open)} on are in a journal, which workers do not read; the rows of these days are made here`,
      );
      return await makeRows(tasks, place, options);
    }
    SENT_JOBS.next();
    const { grace, windows } = this.#engine;
    const shared = { version: this.#workers.version, store: location, grace, windows: [...windows] };
    const fingerprint = marketDigest(snapshot, market, until);
    const jobs = tasks.flatMap(({ group, ...task }): FeatureJob[] =>
      group.symbols.map((symbol) => ({ ...shared, ...task, group: { ...group, symbols: [symbol] }, fingerprint })),
    );
    for await (const result of this.#work.results(jobs.map((job) => ({ ...queueFeatureJob(job), bytes: bytesOf(job, place) })))) {
      const { rows, counts, seen } = result as FeatureAnswer;
      for (const type of ROWS) await take(snapshot.database, type, rows[type], options);
      options.onCounts(counts, new Set(seen));
    }
  }

  async written(): Promise<void> {
    await this.#work.forget();
  }

  async close(): Promise<void> {
    await this.#work.close();
  }
}

async function take(database: Database, type: RowType, packed: string, { onRows }: MakeOptions): Promise<void> {
  const table = `unpacked_${type}`;
  await database.run(`CREATE OR REPLACE TEMP TABLE ${sqlName(table)} (${tableDefinition(type)})`);
  await unpackRows(database, type, table, packed);
  for await (const records of tableRecords(database, type, table)) onRows(records);
  await database.run(`INSERT INTO ${sqlName(madeTable(type))} SELECT * FROM ${sqlName(table)} ORDER BY rowid`);
}

/** Returns the UTC days from that of `time` on of which a market has records that rows are made of. */
function datesSince({ snapshot, market: { exchange, market } }: MakePlace, time: number): string[] {
  const own = RAW.flatMap((type) => snapshot.partitions(type)).filter(
    (one) => one.exchange === exchange && one.market === market,
  );
  return [...new Set(own.map(({ date }) => date))].filter((date) => date >= formatDate(time)).sort();
}

/** Returns the midnight that ends a UTC day. */
function endOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) * 1000 + DAY;
}

/** Bytes of the rows of a job at most. */
function bytesOf({ group: { from }, until }: FeatureJob, place: MakePlace): number {
  const days = datesSince(place, from).filter((date) => until === undefined || endOf(date) <= until);
  return days.length * BYTES_A_DAY;
}
