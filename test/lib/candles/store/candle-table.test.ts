import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMPTIES, OPENS } from '../../../../src/lib/candles/options.js';
import { batchCandles } from '../../../../src/lib/candles/store/candle-step.js';
import { createParquetSink } from '../../../../src/lib/cli/output/database-sink.js';
import { parseIntervals } from '../../../../src/lib/model/interval.js';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import { compareTrades } from '../../../../src/lib/model/order.js';
import type { Trade } from '../../../../src/lib/model/records.js';
import { SECOND } from '../../../../src/lib/model/time.js';
import { createFileSink } from '../../../../src/lib/sinks/file.js';
import { tableRecords } from '../../../../src/lib/storage/database/record-rows.js';

let directory: string;
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'candle-table-'));
});
afterAll(() => rm(directory, { recursive: true }));

const START = 1_786_310_820_000_000;

async function written(records: readonly Trade[], format: 'csv' | 'parquet' | 'ndjson'): Promise<string> {
  const path = join(directory, `${files++}.${format}`);
  const options = { path, force: false, types: ['trade'] as const };
  const sink = await (format === 'parquet' ? createParquetSink(options) : createFileSink({ ...options, format, type: 'trade' }));
  await sink.write(records);
  await sink.close();
  // A blank line means nothing, and is read record by record.
  if (format === 'ndjson') await appendFile(path, '\n');
  return path;
}

const trades = fc
  .array(
    fc.record({
      symbol: fc.constantFrom('BTCUSDT', 'ETHUSDT', '1000PEPE'),
      step: fc.integer({ min: 0, max: 40 }),
      arrival: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
      price: fc.constantFrom(1e-8, 0.1, 100, 101.5, 64_999.9),
      amount: fc.constantFrom(0.001, 1e-8, 123456.789, 1 / 3),
      side: fc.constantFrom('buy', 'buy', 'sell', 'sell', undefined),
      sequence: fc.constantFrom(undefined, '7', '8', '9007199254740993'),
    }),
    { minLength: 12, maxLength: 40 },
  )
  .map((drawn) =>
    drawn.map(({ step, arrival, ...rest }, index): Trade => {
      const timestamp = START + step * 400_000;
      const localTimestamp = arrival === undefined ? undefined : timestamp + arrival;
      const id = `${index}-${'é'.repeat(index % 3)}-a-long-id-of-a-trade`;
      return { type: 'trade', exchange: 'bybit', market: 'linear', timestamp, localTimestamp, id, ...rest } as Trade;
    }),
  );

const run = fc.record({
  trades,
  markets: fc.constantFrom(['linear'], ['linear', 'spot']),
  isOrdered: fc.boolean(),
  format: fc.constantFrom('parquet' as const, 'csv' as const),
  interval: fc.constantFrom('1s', '5s', '1m'),
  open: fc.constantFrom(...OPENS),
  empty: fc.constantFrom(...EMPTIES),
  since: fc.option(fc.constantFrom(START, START + 2_500_000), { nil: undefined }),
  until: fc.option(fc.constantFrom(START + 5_000_001, START + 9_000_000), { nil: undefined }),
  symbols: fc.option(fc.constantFrom(['BTCUSDT'], ['ETHUSDT', '1000PEPE']), { nil: undefined }),
});

describe('candles as one table', () => {
  it('are the candles of the same trades as NDJSON, in the same order', async () => {
    let rows = 0;
    await fc.assert(
      fc.asyncProperty(run, async ({ trades, markets, isOrdered, format, interval, open, empty, ...selection }) => {
        const amountUnit = (_: string, market: string) => (market === 'spot' ? 'quote' : 'base') as 'quote' | 'base';
        const options = {
          intervals: parseIntervals([interval]),
          open,
          empty,
          grace: SECOND,
          source: 'trades',
          amountUnit,
        } as const;
        const given = trades.map((trade, index) => ({ ...trade, market: markets[index % markets.length] }) as Trade);
        const records = isOrdered ? [...given].sort(compareTrades) : given;
        const broken: string[] = [];
        const listener = { broken: (reason: string) => broken.push(reason) };
        const byRecords: string[] = [];
        const slow = batchCandles([await written(records, 'ndjson')], selection, options, listener);
        for await (const batch of slow.records) byRecords.push(...batch.map(encodeRecord));
        const table: string[] = [];
        const fast = batchCandles([await written(records, format)], selection, options, listener);
        const isTable = await fast.records.asTable?.(async ({ database, type, select }) => {
          await database.run(`CREATE TEMP TABLE taken AS ${select}`);
          for await (const batch of tableRecords(database, type, 'taken')) table.push(...batch.map(encodeRecord));
        });
        expect(isTable).toBe(true);
        expect(broken).toEqual([]);
        expect(table).toEqual(byRecords);
        expect(fast.counts).toEqual(slow.counts);
        rows += table.length;
      }),
      { numRuns: 6, seed: 3 },
    );
    expect(rows).toBeGreaterThan(15);
  });
});
