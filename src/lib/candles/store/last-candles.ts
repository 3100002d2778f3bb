import type { CandleInterval } from '../../model/interval.js';
import type { AnyRecord } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import { readStore } from '../../storage/reading/store-reader.js';
import { openSnapshot } from '../../storage/reading/store-snapshot.js';

/** Silent intervals have no candle, so the search goes back this many times further. */
const REACH = 4;

/** Returns the last candles of an interval in a store, about `count` per symbol, or all in the times of `selection`. */
export async function* lastCandles(
  directory: string,
  { name, size }: CandleInterval,
  selection: RecordSelection,
  count: number,
): AsyncGenerator<AnyRecord[]> {
  const wanted = { ...selection, types: ['candle'] as const, sources: ['trades'], intervals: [name] };
  const snapshot = await openSnapshot(directory, wanted);
  const extent = await snapshot.extent('candle').finally(() => snapshot.close());
  if (!extent) return;
  const since = Math.max(selection.since ?? 0, extent.max - count * REACH * size);
  yield* readStore(directory, { ...wanted, since });
}
