import { UsageError } from '../../model/errors.js';
import { formatCount } from '../../model/number-format.js';
import type { AnyRecord } from '../../model/records.js';
import type { MarketName } from '../../model/series.js';
import { DAY } from '../../model/time.js';
import { RemoteWork, type Workers } from '../../redis/remote-work.js';
import { type Database, sqlName } from '../../storage/database/duckdb.js';
import { unpackRows } from '../../storage/database/packed-rows.js';
import { tableRecords } from '../../storage/database/record-rows.js';
import { tableDefinition } from '../../storage/database/record-table.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import type { EngineCounts, EngineOptions } from '../options.js';
import { type FeatureAnswer, type FeatureJob, hasOpenRecords, marketDigest, queueFeatureJob } from './feature-job.js';
import { type GroupTask, ROWS, type RowType } from './group-rows.js';
import { RAW } from './store-sql.js';

type Target = {
  readonly snapshot: StoreSnapshot;
  readonly market: MarketName;
  readonly location: string;
  /** Returns the name of the table that takes the rows of a type. */
  readonly tableOf: (type: RowType) => string;
  readonly onRows: (records: readonly AnyRecord[]) => void;
  readonly onCounts: (counts: EngineCounts, seen: ReadonlySet<string>) => void;
};

/** Days of rows that a job returns at most: some 30 megabytes a day, and a value of Redis has at most 512. */
const MOST_DAYS = 7;
/** Days of all symbols together: Redis keeps the rows for a day. */
const MOST_SYMBOL_DAYS = 100;

/** Makes the rows of a store by `mdtool worker` processes, a symbol a job. */
export class RemoteFeatures {
  readonly #work: RemoteWork;
  readonly #version: string;
  readonly #engine: EngineOptions;
  readonly #stopped: AbortSignal;

  private constructor(work: RemoteWork, version: string, engine: EngineOptions, stopped: AbortSignal) {
    this.#work = work;
    this.#version = version;
    this.#engine = engine;
    this.#stopped = stopped;
  }

  /** Connects. Throws a `UsageError` for features of the user's, and as `RemoteWork.open`. */
  static async open(workers: Workers, engine: EngineOptions, stopped: AbortSignal): Promise<RemoteFeatures> {
    if (engine.features?.some(({ own }) => own !== undefined))
      throw new UsageError('--workers: workers have no features of your own; leave out --feature or --workers');
    return new RemoteFeatures(await RemoteWork.open(workers), workers.version, engine, stopped);
  }

  /** Adds the rows of some groups to the tables of the target. Throws as `RemoteWork.results`. */
  async fill(tasks: readonly GroupTask[], target: Target): Promise<void> {
    const { snapshot, market, location } = target;
    requireSealed(snapshot, market);
    requireRoom(tasks, snapshot, market);
    const { grace, windows } = this.#engine;
    const shared = { version: this.#version, store: location, grace, windows: [...windows] };
    const fingerprint = marketDigest(snapshot, market);
    const jobs = tasks.flatMap(({ group, ...task }): FeatureJob[] =>
      group.symbols.map((symbol) => ({ ...shared, ...task, group: { ...group, symbols: [symbol] }, fingerprint })),
    );
    for await (const result of this.#work.results(jobs.map(queueFeatureJob), this.#stopped)) {
      const { rows, counts, seen } = result as FeatureAnswer;
      for (const type of ROWS) await this.#take(type, rows[type], target);
      target.onCounts(counts, new Set(seen));
    }
  }

  async close(): Promise<void> {
    await this.#work.close();
  }

  async #take(type: RowType, packed: string, { snapshot: { database }, tableOf, onRows }: Target): Promise<void> {
    const table = await unpacked(database, type, packed);
    for await (const records of tableRecords(database, type, table)) onRows(records);
    await database.run(`INSERT INTO ${sqlName(tableOf(type))} SELECT * FROM ${sqlName(table)} ORDER BY rowid`);
  }
}

async function unpacked(database: Database, type: RowType, packed: string): Promise<string> {
  const table = `unpacked_${type}`;
  await database.run(`CREATE OR REPLACE TEMP TABLE ${sqlName(table)} (${tableDefinition(type)})`);
  await unpackRows(database, type, table, packed);
  return table;
}

function requireSealed(snapshot: StoreSnapshot, market: MarketName): void {
  if (hasOpenRecords(snapshot, market))
    throw new UsageError(
      `--workers: records of ${market.exchange} ${market.market} are in a journal, which workers do not read; end the capture, or leave --workers out`,
    );
}

/** Throws a `UsageError` when a job, or all of them, would return more rows than Redis can hold. */
function requireRoom(tasks: readonly GroupTask[], snapshot: StoreSnapshot, { exchange, market }: MarketName): void {
  const own = RAW.flatMap((type) => snapshot.partitions(type)).filter(
    (one) => one.exchange === exchange && one.market === market,
  );
  const first = Math.min(...own.map(({ date }) => Date.parse(`${date}T00:00:00Z`) * 1000));
  const sizes = tasks.map(({ group, limit }) => {
    const days = Math.ceil((limit - Math.max(group.from, first)) / DAY);
    return { days, total: days * group.symbols.length };
  });
  const longest = Math.max(...sizes.map(({ days }) => days));
  const total = sizes.reduce((sum, size) => sum + size.total, 0);
  if (longest > MOST_DAYS || total > MOST_SYMBOL_DAYS)
    throw new UsageError(
      `--workers: ${exchange} ${market} lacks rows of ${formatCount(longest)} days (${formatCount(total)} of single symbols), and Redis takes ${MOST_DAYS} (${MOST_SYMBOL_DAYS}); run once without --workers, or choose fewer --symbols`,
    );
}
