import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FEATURE_INPUTS } from '../../../../src/lib/features/store/feature-step.js';
import { timeOrdered } from '../../../../src/lib/features/store/time-ordered.js';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import type { AnyRecord } from '../../../../src/lib/model/records.js';
import { anyRecord } from '../../../support/any-record.js';
import { tickerRecord } from '../../../support/records.js';

async function ordered(records: readonly AnyRecord[], few: number): Promise<string[]> {
  async function* input() {
    for (let from = 0; from < records.length; from += 7) yield records.slice(from, from + 7);
  }
  const lines: string[] = [];
  for await (const batch of timeOrdered(input(), FEATURE_INPUTS, () => {}, few)) lines.push(...batch.map(encodeRecord));
  return lines;
}

/** Few symbols, times and arrivals, so that keys meet. */
const record = fc
  .tuple(fc.oneof(...FEATURE_INPUTS.map(anyRecord)), fc.nat(3), fc.nat(2), fc.nat(1))
  .map(([one, time, arrival, symbol]): AnyRecord => {
    const localTimestamp = arrival === 0 ? undefined : 1_786_310_817_000_000 + arrival;
    const common = { exchange: 'bybit', market: 'linear', timestamp: 1_786_310_817_000_000 + time, localTimestamp } as const;
    const named = one.type === 'clock' ? {} : { symbol: symbol === 0 ? 'BTCUSDT' : 'ETHUSDT' };
    return { ...one, ...named, ...common } as AnyRecord;
  });
const once = fc.uniqueArray(record, {
  maxLength: 120,
  // Trades come here without copies. Candles and rows are told apart by nothing else that the order knows.
  selector: (one) => (one.type === 'trade' ? one.id : one.type === 'candle' ? `${one.timestamp}` : {}),
});

it('few records are ordered in memory as many are by DuckDB, and have no more copies', async () => {
  await fc.assert(
    fc.asyncProperty(once, async (records) => {
      expect(await ordered(records, Number.POSITIVE_INFINITY)).toEqual(await ordered(records, 0));
    }),
    { numRuns: 8 },
  );
});

it('of tickers with one arrival the last one counts, however many records there are', async () => {
  const tickers = [1, 2, 3].map((last) => ({ ...tickerRecord, localTimestamp: tickerRecord.timestamp + 9, last }));
  for (const few of [0, 1000]) expect(await ordered(tickers, few)).toEqual([encodeRecord(tickers[2] as AnyRecord)]);
  const others = [1, 2].map((last) => ({ ...tickerRecord, last }));
  for (const few of [0, 1000]) expect((await ordered(others, few)).sort()).toEqual(others.map(encodeRecord));
});
