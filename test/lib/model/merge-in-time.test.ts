import { describe, expect, it } from 'vitest';
import { mergeInTime } from '../../../src/lib/model/merge-in-time.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';

async function* batchesOf(name: string, batches: readonly (readonly number[])[]): AsyncGenerator<AnyRecord[]> {
  for (const times of batches)
    yield times.map(
      (timestamp) => ({ type: 'clock', exchange: name, market: 'spot', symbol: '', timestamp }) as unknown as AnyRecord,
    );
}

async function mergedOf(...sources: { batches: AsyncGenerator<AnyRecord[]>; time?: (record: AnyRecord) => number }[]) {
  const merged: string[] = [];
  for await (const records of mergeInTime(sources))
    for (const { exchange, timestamp } of records) merged.push(`${exchange}${timestamp}`);
  return merged.join(' ');
}

describe('mergeInTime', () => {
  it('merges batches of any size; at equal times the earlier source goes first', async () => {
    const merged = mergedOf(
      { batches: batchesOf('a', [[1, 3], [3], [5]]) },
      { batches: batchesOf('b', [[1], [], [2, 3, 3, 6]]) },
      { batches: batchesOf('c', [[3, 4]]) },
      { batches: batchesOf('d', []) },
    );
    expect(await merged).toBe('a1 b1 b2 a3 a3 b3 b3 c3 c4 a5 b6');
  });

  it('takes the time of a source from its own function', async () => {
    const merged = mergedOf(
      { batches: batchesOf('a', [[1, 2]]), time: ({ timestamp }) => timestamp + 10 },
      { batches: batchesOf('b', [[11, 13]]) },
    );
    expect(await merged).toBe('a1 b11 a2 b13');
  });
});
