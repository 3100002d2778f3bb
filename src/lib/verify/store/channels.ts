import { channelOf } from '../../capture/selection.js';
import { HISTORY_TYPES } from '../../exchanges/history.js';
import { RECORD_TYPES, type RecordType } from '../../model/records.js';
import type { Partition } from '../../storage/files/partition.js';
import { candleView } from '../../storage/reading/query.js';

/** Types of market data: each of their days gets rows. Of other types only damage is reported. */
const DATA_TYPES: ReadonlySet<RecordType> = new Set([
  'trade',
  'ticker',
  'book_snapshot',
  'book_delta',
  'liquidation',
  'candle',
  'mark_price',
  'open_interest',
  'funding',
]);

/** Types with a regular rhythm. Liquidations and settled funding have none, so their silence means nothing. */
const STEADY_TYPES: ReadonlySet<RecordType> = new Set(
  [...DATA_TYPES].filter((type) => type !== 'liquidation' && type !== 'funding'),
);

/** Channels that can be verified, by the name that users type. */
export const VERIFIED_CHANNELS: readonly string[] = RECORD_TYPES.filter((type) => type !== 'clock' && type !== 'coverage').map(
  (type) => (type === 'book_snapshot' ? 'book' : type),
);

/** Returns the record type of a channel. */
export function typeOfChannel(channel: string): RecordType {
  return channel === 'book' ? 'book_snapshot' : (channel as RecordType);
}

/** Returns the `channel` of coverage. Candles have the name of their `query` view, since each interval is one series. */
export function coverageChannel(partition: Pick<Partition, 'type' | 'source' | 'interval'>): string {
  if (partition.type === 'book_snapshot') return 'book';
  return partition.type === 'candle' && partition.interval ? candleView(partition as Partition) : partition.type;
}

/** Returns whether a series is market data: captured or fetched, not computed by mdtool. */
export function isData({ type, source }: Pick<Partition, 'type' | 'source'>): boolean {
  return DATA_TYPES.has(type) && source !== 'trades';
}

/** Returns whether records of a series are regular enough to judge a silence. */
export function isSteady(partition: Pick<Partition, 'type' | 'source'>): boolean {
  return isData(partition) && STEADY_TYPES.has(partition.type);
}

/** Returns the channels whose `gap` records concern a series; derived series have none of their own. */
export function gapChannels(partition: Pick<Partition, 'type' | 'source' | 'interval'>): string[] {
  if (!isData(partition)) return [];
  if (partition.type === 'book_snapshot') return ['book'];
  return [...new Set([partition.type, channelOf(partition.type) ?? partition.type, gapChannel(partition)])];
}

/**
 * Returns the channel of a `gap` that concerns this series alone. A channel can carry several types and intervals, and
 * only one of them may be lost.
 */
export function gapChannel(partition: Pick<Partition, 'type' | 'source' | 'interval'>): string {
  return coverageChannel(partition);
}

/** Returns the channels of gaps that concern this record type and no other type of its channel. */
export function ownGapChannels(partition: Pick<Partition, 'type' | 'source' | 'interval'>): string[] {
  return gapChannels(partition).filter((channel) => channel !== 'ticker' || partition.type === 'ticker');
}

/** Returns the advice for a damaged file of a series. */
export function wayOut(partition: Pick<Partition, 'type' | 'source'>): string {
  const { type } = partition;
  const pipe = 'mdtool verify --format ndjson | mdtool backfill -';
  if (type === 'gap') return 'restore it from a backup';
  if (type === 'candle' && partition.source === 'trades') return `${pipe} takes it out, then mdtool candles builds it again`;
  if (type === 'micro' || type === 'features') return `${pipe} takes it out, then mdtool features makes it again`;
  if (!isData(partition)) return `${pipe} takes it out, then the step that made it can be run again`;
  if ((HISTORY_TYPES as readonly string[]).includes(type)) return `${pipe} fetches again what the exchange still has`;
  return `restore it from a backup, or ${pipe} records as a gap what is lost`;
}

/** Returns the advice for a gap in a series. */
export function remedy({ type }: Pick<Partition, 'type'>): string {
  const canBeFetched = (HISTORY_TYPES as readonly string[]).includes(type);
  return canBeFetched ? 'mdtool backfill fetches what the exchange still has' : 'the exchange gives no history of it';
}
