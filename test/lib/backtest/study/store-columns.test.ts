import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MarketReader } from '../../../../src/lib/backtest/study/market-reader.js';
import { readStoreByColumns } from '../../../../src/lib/backtest/study/store-columns.js';
import type { AnyRecord, RecordType, Trade } from '../../../../src/lib/model/records.js';
import { DAY } from '../../../../src/lib/model/time.js';
import { readStore } from '../../../../src/lib/storage/reading/store-reader.js';
import { gapRecord } from '../../../support/records.js';
import { samples } from '../../../support/samples.js';
import { temporaryDirectory, writeRun } from '../../storage/support.js';

const START = 1_786_310_820_000_000;
const TYPES: RecordType[] = ['trade', 'candle', 'gap', 'funding', 'mark_price'];
const names = { exchange: 'bybit', market: 'linear' } as const;

/** Few times: ties are common, also over midnight. Orders of one time follow from sequence, arrival, price and id. */
const record: fc.Arbitrary<AnyRecord> = fc
  .record({
    type: fc.constantFrom(...TYPES, 'trade', 'trade', 'trade'),
    symbol: fc.constantFrom('BTCUSDT', '1000000BABYDOGEUSDT'),
    time: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(DAY), fc.constant(DAY + 1)),
    arrival: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    id: fc.uuid(),
    price: fc.constantFrom(1e-8, 0.1, 100, 64_999.9),
    side: fc.constantFrom('buy', 'sell', undefined),
    sequence: fc.option(fc.constantFrom('1', '2', '9007199254740991'), { nil: undefined }),
  })
  .map(({ type, symbol, time, arrival, id, price, side, sequence }) => {
    const timestamp = START + time;
    const common = { type, ...names, symbol, timestamp, localTimestamp: arrival === undefined ? undefined : timestamp + arrival };
    if (type === 'trade') return { ...common, id, price, amount: price, side, sequence };
    if (type === 'funding') return { ...common, rate: price, settled: side === 'buy' || undefined };
    if (type === 'mark_price') return { ...common, mark: price };
    if (type === 'gap')
      return { ...gapRecord, ...common, channel: 'trade', fromTimestamp: timestamp - 5, untilTimestamp: timestamp };
    const start = Math.floor(timestamp / 60e6) * 60e6 + (time % 10) * 60e6;
    const prices = { open: price, high: price, low: price, close: price, volume: 1 };
    return {
      ...common,
      timestamp: start,
      interval: '1m',
      source: side === 'buy' ? 'trades' : 'exchange',
      closed: side !== undefined,
      ...prices,
    };
  }) as unknown as fc.Arbitrary<AnyRecord>;

async function byRecords(directory: string, types: readonly RecordType[]) {
  const reader = new MarketReader({ books: false });
  for await (const records of readStore(directory, { types })) reader.add(records);
  return reader.finish();
}

describe('a store read by columns', () => {
  it('gives the markets and the notes that its records give, sealed or not', async () => {
    const batch = fc.array(record, { minLength: 5, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(batch, batch, async (first, second) => {
        const directory = await temporaryDirectory();
        await writeRun(directory, first);
        await writeRun(directory, second);
        for (const types of [TYPES, TYPES.filter((type) => type !== 'trade')]) {
          const columns = await readStoreByColumns({ directory, selections: [{ types }], books: false });
          expect(columns?.finish()).toEqual(await byRecords(directory, types));
        }
      }),
      { numRuns: samples(3) },
    );
  });

  it('is left to its records where a sequence is not exact as a double', async () => {
    const directory = await temporaryDirectory();
    const trade = { type: 'trade', ...names, symbol: 'X', timestamp: START, id: 'a', price: 1, amount: 1, side: 'buy' } as const;
    await writeRun(directory, [{ ...trade, sequence: '9007199254740993' } as Trade]);
    expect(await readStoreByColumns({ directory, selections: [{ types: ['trade'] }], books: false })).toBeUndefined();
  });
});
