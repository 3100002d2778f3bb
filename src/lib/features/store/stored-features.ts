import type { AnyRecord } from '../../model/records.js';
import { filtered, isInTime, type RecordSelection } from '../../model/selection.js';
import { marketKey } from '../../model/series.js';
import { DAY } from '../../model/time.js';
import { openSnapshot } from '../../storage/reading/store-snapshot.js';
import { BAR, OLDEST_BAR } from '../bars.js';
import { FeatureEngine } from '../engine.js';
import type { EngineOptions } from '../options.js';
import { type FeatureStep, pieces } from './feature-step.js';
import { foreseeRepairs } from './past-rows.js';
import { fedByStore } from './store-feed.js';
import { marketClock, marketsOf, RAW } from './store-sql.js';

/** The bars of an average reach back so far from the last one, which may be as old as a silence is long. */
const BACK = OLDEST_BAR + DAY + BAR;

/**
 * Returns the rows of a store's records from `since` (a row's time; all without it) on, each with whole windows: what
 * went before is read for as long as the longest feature looks back. Seconds that are not over by the market's clock and
 * the grace have no row yet.
 */
export async function featuresOfStore(
  directory: string,
  selection: RecordSelection,
  options: EngineOptions,
  stopped: AbortSignal,
): Promise<FeatureStep> {
  const engine = new FeatureEngine({ ...options, batch: true });
  const { since } = selection;
  const limits = await limitsOf(directory, selection, options);
  const past = { ...selection, since: since === undefined ? undefined : since - BACK };
  await foreseeRepairs(directory, past, engine);
  return {
    records: filtered(upTo(limits, rowsOf(engine, directory, past, stopped)), (row) => isInTime(row, selection)),
    counts: engine.counts,
    seen: () => engine.seen,
    warmUp: () => engine.warmUp(),
  };
}

async function* rowsOf(
  engine: FeatureEngine,
  directory: string,
  selection: RecordSelection,
  stopped: AbortSignal,
): AsyncGenerator<AnyRecord[]> {
  yield* fedByStore(engine, directory, selection, { from: 0, stopped });
  yield* pieces(engine.finish());
}

/** The end of the last second of each market that is over. */
async function limitsOf(directory: string, selection: RecordSelection, { grace }: EngineOptions): Promise<Map<string, number>> {
  const { exchanges, markets } = selection;
  const snapshot = await openSnapshot(directory, { exchanges, markets, types: RAW });
  try {
    const limits = new Map<string, number>();
    for (const market of marketsOf(snapshot)) limits.set(marketKey(market), (await marketClock(snapshot, market)) - grace);
    return limits;
  } finally {
    await snapshot.close();
  }
}

async function* upTo(
  limits: ReadonlyMap<string, number>,
  rows: AsyncIterable<readonly AnyRecord[]>,
): AsyncGenerator<AnyRecord[]> {
  for await (const records of rows) {
    yield records.filter((record) => {
      if (record.type !== 'micro' && record.type !== 'features') return true;
      return record.timestamp <= (limits.get(marketKey(record)) ?? 0);
    });
  }
}
