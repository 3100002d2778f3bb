import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CandleAggregator } from '../../../../src/lib/candles/aggregator.js';
import { type CandleOptions, EMPTIES, OPENS } from '../../../../src/lib/candles/options.js';
import { createBatchCandles } from '../../../../src/lib/candles/store/batch-candles.js';
import { parseIntervals } from '../../../../src/lib/model/interval.js';
import type { AnyRecord, Candle, RecordType } from '../../../../src/lib/model/records.js';
import { SECOND } from '../../../../src/lib/model/time.js';
import { type Database, withDatabase } from '../../../../src/lib/storage/database/duckdb.js';
import { dropRepeated } from '../../../../src/lib/storage/database/record-load.js';
import { tableRecords } from '../../../../src/lib/storage/database/record-rows.js';
import { TableAppender } from '../../../../src/lib/storage/database/table-appender.js';
import { lastStates } from '../../../support/plain-candles.js';
import { tradeSequences } from '../../../support/trade-sequences.js';

function settings(fields: Partial<CandleOptions> = {}, of = ['1s', '5s', '1m']): CandleOptions {
  const amountUnit = (exchange: string) => (exchange.endsWith('7') ? 'quote' : 'base');
  return {
    intervals: parseIntervals(of),
    open: 'first-trade',
    empty: 'skip',
    grace: SECOND,
    source: 'trades',
    amountUnit,
    ...fields,
  };
}

/** 180 sequences, each as an exchange of its own, so that each has its own clock. */
function sequences(seed: number): AnyRecord[] {
  const kinds = [
    tradeSequences({ late: false, gap: 'none', clock: true }),
    tradeSequences({ late: false, gap: 'missing', clock: true }),
    tradeSequences({ late: false, gap: 'repaired', clock: true }),
    tradeSequences({ late: false, gap: 'missing', clock: false }),
  ];
  const drawn = fc.sample(fc.oneof(...kinds), { seed, numRuns: 180 });
  return drawn.flatMap(({ records }, index) =>
    records.map((record) => ({ ...record, exchange: `exchange ${index}` }) as AnyRecord),
  );
}

function streamed(records: readonly AnyRecord[], options: CandleOptions): AnyRecord[] {
  const aggregator = new CandleAggregator(options);
  const output = records.flatMap((record) => [...aggregator.add(record)]);
  expect(aggregator.counts.late).toBe(0);
  return [...output, ...aggregator.finish()];
}

const INPUT = ['trade', 'candle', 'gap', 'clock'] as const satisfies readonly RecordType[];

async function load(database: Database, records: readonly AnyRecord[]): Promise<void> {
  for (const type of INPUT) {
    await database.run(`DROP TABLE IF EXISTS ${type}; DROP TABLE IF EXISTS ${type}_numbers; DROP TABLE IF EXISTS ${type}_texts`);
    const appender = await TableAppender.create(database, type);
    await appender.append(records.filter((record) => record.type === type));
    await appender.flush();
    await dropRepeated(database, type, type);
  }
}

async function batch(database: Database, records: readonly AnyRecord[], options: CandleOptions): Promise<AnyRecord[]> {
  await load(database, records);
  await createBatchCandles(database, 'candles', { trade: 'trade', candle: 'candle', gap: 'gap', clock: 'clock' }, options);
  const candles: AnyRecord[] = [];
  for await (const rows of tableRecords(database, 'candle', 'candles')) candles.push(...rows);
  return candles;
}

function byKey(records: readonly AnyRecord[]): Record<string, Candle> {
  const states = [...new Map(records.map((record) => [(record as Candle).exchange, 0])).keys()].flatMap((exchange) =>
    [...lastStates(records.filter((record) => (record as Candle).exchange === exchange))].map(
      ([key, candle]) => [`${exchange} ${key}`, candle] as const,
    ),
  );
  return JSON.parse(JSON.stringify(Object.fromEntries(states.sort(([a], [b]) => (a < b ? -1 : 1)))));
}

const rules = OPENS.flatMap((open) => EMPTIES.map((empty, index) => ({ open, empty, seed: 100 + index })));

describe('candles by SQL equal candles as they come', () => {
  it.each(rules)('on 180 random sequences of trades: open $open, empty $empty', async ({ seed, ...rule }) => {
    const records = sequences(seed);
    const expected = byKey(streamed(records, settings(rule)));
    expect(Object.keys(expected).length).toBeGreaterThan(1_000);
    for (const threads of [1, 4]) {
      await withDatabase({ threads }, async (database) => {
        expect(byKey(await batch(database, records, settings(rule)))).toEqual(expected);
      });
    }
  });

  it.each(rules)('rolled up from seconds: open $open, empty $empty', async ({ seed, ...rule }) => {
    // Turnover in a base asset has endless decimals: two sums of rounded parts then agree to 14 digits, not to the last.
    const base = { ...rule, amountUnit: () => 'base' as const };
    const seconds = streamed(sequences(seed), settings(base, ['1s']));
    const candles = [...Object.values(byKey(seconds.filter(({ type }) => type === 'candle')))];
    const input = [...candles, ...seconds.filter(({ type }) => type !== 'candle')];
    const expected = byKey(streamed(seconds, settings(base, ['5s', '1m'])));
    await withDatabase({}, async (database) => {
      expect(byKey(await batch(database, input, settings(base, ['5s', '1m'])))).toEqual(expected);
    });
  });

  it.each([
    ['candle', false],
    ['candle_exchange_1m', false],
    ['candle_exchange_5m', true],
    ['trade', true],
  ])('made of candles of the exchange: a gap in %s leaves them complete: %s', async (channel, complete) => {
    const identity = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' } as const;
    const start = 1_786_310_700_000_000;
    const prices = { open: 1, high: 1, low: 1, close: 1, volume: 1, turnover: 1, buyVolume: 1, trades: 1 };
    const minutes = [0, 1, 2, 3, 4].map((minute): Candle => {
      const times = { timestamp: start + minute * 60 * SECOND, localTimestamp: start + (minute + 1) * 60 * SECOND };
      const state = { source: 'exchange', closed: true, complete: true } as const;
      return { type: 'candle', ...identity, ...times, interval: '1m', ...prices, ...state };
    });
    const [from, until] = [start + 120 * SECOND, start + 180 * SECOND];
    const span = { timestamp: until, localTimestamp: until, fromTimestamp: from, untilTimestamp: until };
    const gap: AnyRecord = { type: 'gap', ...identity, ...span, channel, reason: 'shutdown', repaired: 0, missing: true };
    const options = settings({ source: 'exchange' }, ['5m']);
    const expected = byKey(streamed([...minutes.slice(0, 2), gap, ...minutes.slice(2)], options));
    expect(Object.values(expected)).toMatchObject([{ interval: '5m', complete }]);
    await withDatabase({}, async (database) => {
      expect(byKey(await batch(database, [...minutes, gap], options))).toEqual(expected);
    });
  });
});
