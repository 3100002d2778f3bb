import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fingerprint } from '../backtest/study/fingerprint.js';
import type { LoadedMarket } from '../backtest/study/market-reader.js';
import { runTask, type Task } from '../backtest/study/pool.js';
import { loadMarkets } from '../backtest/study/source.js';
import { loadStrategy, type StrategyModule } from '../backtest/study/strategy-module.js';
import { hashOfFile, type SweepAnswer, type SweepJob, type SweepSetting } from '../backtest/study/sweep-job.js';
import { isBucketUrl } from '../bucket/bucket-url.js';
import { encodeRecord } from '../model/ndjson.js';
import { seriesKey } from '../model/series.js';
import { JobRefusal } from '../redis/job-worker.js';
import type { WorkerPlace } from './worker-place.js';

/** Loads the market of a job. Throws a `JobRefusal` if it is not here, or is other data than that of the sweep. */
export async function loadMarket(job: SweepSetting, { store }: WorkerPlace): Promise<LoadedMarket> {
  const { source, base, series } = job;
  const { exchange, market, symbol } = series;
  const name = `${exchange} ${market} ${symbol}`;
  const one = { exchanges: [exchange], markets: [market], symbols: [symbol] };
  const where = source.paths.length > 0 ? source.paths.join(', ') : (store ?? storeOf(job));
  const paths = source.paths.map((path) => resolve(base, path));
  const markets = await loadMarkets({ ...source, ...one, paths, directory: where, broken: () => {} }).catch((error: Error) => {
    throw new JobRefusal(`cannot read ${name} from ${where}: ${error.message}`);
  });
  const found = markets.find(({ data }) => seriesKey(data) === seriesKey(series));
  if (!found) throw new JobRefusal(`${name} is not in ${where}`);
  if (fingerprint(found) !== job.fingerprint)
    throw new JobRefusal(`${where} has other data of ${name} than the sweep; give --until if the data still grows`);
  return { ...found, notes: job.notes };
}

/** Returns the store of a sweep as this machine finds it: a bucket has one address everywhere. */
function storeOf({ base, source: { directory } }: SweepSetting): string {
  return isBucketUrl(directory) ? directory : resolve(base, directory);
}

/** Loads the strategy of a job from the directory of allowed ones, by the hash of its content. */
export async function loadModule({ module }: SweepSetting, { modules }: WorkerPlace): Promise<StrategyModule | undefined> {
  if (module === undefined) return undefined;
  if (modules === undefined) throw new JobRefusal(`${module.path}: a strategy of one's own needs worker --allow-modules DIR`);
  const files = readdirSync(modules, { recursive: true, encoding: 'utf8' }).filter((file) => /\.[cm]?[jt]s$/.test(file));
  const file = files.map((name) => join(modules, name)).find((path) => hashOfFile(path) === module.hash);
  if (file === undefined) throw new JobRefusal(`${module.path}: no file in ${modules} has this content`);
  return await loadStrategy(file);
}

/** Runs the tasks of a job. One that fails does not stop the others. */
export function runSweepJob({ tasks }: SweepJob, market: LoadedMarket, module: StrategyModule | undefined): SweepAnswer {
  return { runs: tasks.map((task) => answerOf(task, market, module)) };
}

function answerOf(task: Task, market: LoadedMarket, module: StrategyModule | undefined): SweepAnswer['runs'][number] {
  try {
    return { run: encodeRecord(runTask(task, { market, module })) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
