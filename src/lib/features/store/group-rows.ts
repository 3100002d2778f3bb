import type { AnyRecord, RecordType } from '../../model/records.js';
import { SECOND } from '../../model/time.js';
import { FeatureEngine } from '../engine.js';
import type { EngineCounts, EngineOptions } from '../options.js';
import { REACH } from '../symbol-series.js';
import { foreseeRepairs, type Group, restorePast } from './past-rows.js';
import { fedByStore } from './store-feed.js';

/** What a store keeps of each second. */
export const ROWS = ['micro', 'features'] as const;
export type RowType = (typeof ROWS)[number];

/** Quotes count for two minutes at most; a gap may change the rows of five. */
const CARRIED = REACH + 10 * SECOND;

/** The rows of a group that are to be made: those after `group.from` and up to `limit`. */
export type GroupTask = {
  readonly group: Group;
  /** Microseconds. */
  readonly limit: number;
  /** Records from here on are left to a later task; undefined for all. */
  readonly until: number | undefined;
  /** Types of which the market has records up to `group.from`. */
  readonly seen: readonly RecordType[];
};

type GroupOptions = {
  readonly engine: EngineOptions;
  /** Receives the counts of the rows, and the record types that they were made of. */
  readonly onCounts: (counts: EngineCounts, seen: ReadonlySet<string>) => void;
  readonly stopped: AbortSignal;
};

/**
 * Yields the rows of a group, symbol by symbol the same in whatever group it is, from the records and the earlier rows of the store in `location`.
 */
export async function* groupRows(
  location: string,
  { group, limit, until, seen }: GroupTask,
  { engine: options, onCounts, stopped }: GroupOptions,
): AsyncGenerator<AnyRecord[]> {
  const engine = new FeatureEngine({ ...options, batch: true, apart: true });
  const { from, symbols, exchange, market } = group;
  if (from > 0) await restorePast(location, { ...group, seen }, engine, options);
  else await foreseeRepairs(location, { exchanges: [exchange], markets: [market], symbols }, engine);
  // Rows that were read to go on from are not those of this run.
  for (const name of Object.keys(engine.counts) as (keyof EngineCounts)[]) engine.counts[name] = 0;
  const isNew = ({ type, timestamp }: AnyRecord) => type !== 'gap' && timestamp > from && timestamp <= limit;
  const selection = { exchanges: [exchange], markets: [market], symbols, since: from === 0 ? undefined : from - CARRIED, until };
  for await (const records of fedByStore(engine, location, selection, { from, until, stopped })) {
    const rows = records.filter(isNew);
    if (rows.length > 0) yield rows;
  }
  if (stopped.aborted) return;
  yield [...engine.finish()].filter(isNew);
  onCounts(engine.counts, engine.seen);
}
