import type { CandleInterval } from '../../model/interval.js';
import type { MarketName } from '../../model/series.js';
import { ofMarket, withinSpan } from '../../storage/database/conditions.js';
import type { Partition } from '../../storage/files/partition.js';
import { expandSegments, uniteSegments } from '../../storage/files/segments.js';
import type { StoredFile } from '../../storage/log/store-state.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import type { CandleInput } from './stale-spans.js';

/**
 * Returns the inputs of the candles of a market: its trades by file, unsealed trades, and gaps. Gap files in `consumed`
 * (segments by time) are skipped. All others must be read, because a gap reaches back before its own time.
 */
export async function candleInputs(
  snapshot: StoreSnapshot,
  market: MarketName,
  consumed: (time: number) => readonly string[],
): Promise<CandleInput[]> {
  const isOwn = ({ exchange, market: name }: Partition) => exchange === market.exchange && name === market.market;
  const open = (type: 'trade' | 'gap') => snapshot.open(type).filter(({ partition }) => isOwn(partition));
  const inputs: CandleInput[] = open('trade').map(({ min, max }) => ({ from: min, until: max + 1 }));
  for (const partition of partitionsOf(snapshot, 'trade').filter(isOwn)) {
    for (const { min, max, segments } of snapshot.state.partition(partition))
      inputs.push({ from: min, until: max + 1, segments });
  }
  for (const { min, max } of open('gap')) inputs.push(...(await gapsWithin(snapshot, market, { min, max })));
  for (const partition of partitionsOf(snapshot, 'gap').filter(isOwn)) {
    for (const file of snapshot.state.partition(partition)) {
      const known = new Set(expandSegments(consumed(file.min)));
      if (expandSegments(file.segments).some((id) => !known.has(id))) inputs.push(...(await gapsWithin(snapshot, market, file)));
    }
  }
  return inputs;
}

/** Returns where the candles of a day are stored. */
export function candlePartition(market: MarketName, { name }: CandleInterval, date: string): Partition {
  return { type: 'candle', ...market, date, source: 'trades', interval: name };
}

/** Returns the segments that the stored candles of a day were computed from. */
export function consumedSegments({ state }: StoreSnapshot, market: MarketName, interval: CandleInterval, date: string): string[] {
  return uniteSegments(state.partition(candlePartition(market, interval, date)).map(({ segments }) => segments));
}

function partitionsOf({ state }: StoreSnapshot, type: 'trade' | 'gap'): Partition[] {
  return [...state.partitions(new Set([type]))].map(({ partition }) => partition);
}

type GapRows = Pick<StoredFile, 'min' | 'max'> & Partial<Pick<StoredFile, 'segments'>>;

/** A file's gaps in trades, each as one input. A file without any counts as one input at its own time, to be remembered. */
async function gapsWithin(snapshot: StoreSnapshot, market: MarketName, { min, max, segments }: GapRows): Promise<CandleInput[]> {
  const dates = [min, max].map((time) => new Date(time / 1000).toISOString().slice(0, 10));
  const rows = await snapshot.database.rows(
    `SELECT epoch_us("from_timestamp") AS from_us, epoch_us("until_timestamp") AS until_us FROM ${snapshot.relation('gap', dates[0])}
     WHERE ${ofMarket(market)} AND "channel" = 'trade'
     AND ${withinSpan({ from: min, until: max + 1 })}`,
  );
  return rows.map(({ from_us, until_us }) => ({ from: Number(from_us), until: Number(until_us) + 1, segments }));
}
