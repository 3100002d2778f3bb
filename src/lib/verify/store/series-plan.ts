import type { RecordType } from '../../model/records.js';
import { isDateWithin, type Partition, partitionPath } from '../../storage/files/partition.js';
import type { StoreInspection } from '../../storage/reading/store-inspection.js';
import { type StoreSelection, wantsPartition } from '../../storage/reading/store-selection.js';
import { gapChannels } from './channels.js';
import type { RecordedGaps } from './recorded-gaps.js';
import { findStrays, partitionOfDirectory } from './stray-files.js';

/** A series of days to verify: the partitions of one exchange, market and channel in order of time. */
export type SeriesPlan = {
  readonly identity: Omit<Partition, 'date'>;
  readonly dates: readonly string[];
  /** Days that are read only as context. */
  readonly earlier: readonly string[];
  /** Files that are not in the log, by date. */
  readonly strays: ReadonlyMap<string, readonly string[]>;
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly symbols: readonly string[] | undefined;
};

/** Returns the series with days, gaps, or files that are not in the log. */
export async function plansOf(
  inspection: StoreInspection,
  types: readonly RecordType[],
  selection: StoreSelection,
  gaps: RecordedGaps,
): Promise<SeriesPlan[]> {
  const strays = await findStrays(inspection);
  const unknown = [...strays.keys()].map(partitionOfDirectory).filter((partition) => partition !== undefined);
  const wanted = unknown.filter((partition) => wantsPartition({ ...selection, types }, partition));
  const series = new Map<string, { identity: Omit<Partition, 'date'>; days: Partition[] }>();
  for (const partition of [...(await inspection.partitions(types)), ...wanted]) {
    // Grid plans made offline have no exchange; nothing of them can be missing.
    if (partition.exchange === null || partition.market === null) continue;
    const { date: _, ...identity } = partition;
    const known = series.get(seriesPath(partition)) ?? { identity, days: [] };
    known.days.push(partition);
    series.set(seriesPath(partition), known);
  }
  for (const identity of gapSeries(gaps, types)) {
    const isKnown = [...series.values()].some((one) => isSame(one.identity, identity));
    if (!isKnown) series.set(seriesPath({ ...identity, date: '' }), { identity, days: [] });
  }
  const sorted = [...series].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([, { identity, days }]) => planOf(identity, days, strays, selection));
}

function planOf(
  identity: Omit<Partition, 'date'>,
  days: readonly Partition[],
  strays: ReadonlyMap<string, readonly string[]>,
  { since, until, symbols }: StoreSelection,
): SeriesPlan {
  const all = [...new Set(days.map(({ date }) => date))].sort();
  const dates = all.filter((date) => isDateWithin(date, since, until));
  return {
    identity,
    dates,
    earlier: all.filter((date) => since !== undefined && !dates.includes(date) && isDateWithin(date, undefined, since)),
    strays: new Map(days.map((partition) => [partition.date, strays.get(partitionPath(partition)) ?? []])),
    since,
    until,
    symbols,
  };
}

/** Series that may consist of gaps alone: a symbol without a single trade can be missing, too. */
function gapSeries(gaps: RecordedGaps, types: readonly RecordType[]): Omit<Partition, 'date'>[] {
  return gaps.keys().flatMap((key) => {
    const [exchange = '', market = '', channel = ''] = key.split(' ');
    const [, interval] = /^candle_exchange_(.+)$/.exec(channel) ?? [];
    if (interval !== undefined)
      return types.includes('candle') ? [{ type: 'candle', exchange, market, source: 'exchange', interval }] : [];
    const type = types.find((candidate) => gapChannels({ type: candidate })[0] === channel);
    if (type === undefined) return [];
    return [{ type, exchange, market, ...(type === 'candle' ? { source: 'exchange' } : {}) }];
  });
}

/** Whether two series share gaps: candles of all intervals do, except gaps that name an interval. */
function isSame(a: Omit<Partition, 'date'>, b: Omit<Partition, 'date'>): boolean {
  const isInterval = b.interval === undefined || a.interval === b.interval;
  return a.type === b.type && a.exchange === b.exchange && a.market === b.market && a.source === b.source && isInterval;
}

function seriesPath(partition: Partition): string {
  const path = partitionPath(partition);
  return path.slice(0, path.lastIndexOf('/'));
}
