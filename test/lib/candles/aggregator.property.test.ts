import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CandleAggregator } from '../../../src/lib/candles/aggregator.js';
import { type CandleOptions, EMPTIES, OPENS } from '../../../src/lib/candles/options.js';
import { bucketStart, parseIntervals } from '../../../src/lib/model/interval.js';
import type { AnyRecord, Candle } from '../../../src/lib/model/records.js';
import { SECOND } from '../../../src/lib/model/time.js';
import { lastStates, plainCandles } from '../../support/plain-candles.js';
import { type TradeSequence, tradeSequences } from '../../support/trade-sequences.js';

const SEED = 20_261_121;

function options(fields: Partial<CandleOptions> & { of?: readonly string[] } = {}): CandleOptions {
  const { of = ['1s', '5s', '1m'], ...rest } = fields;
  return {
    intervals: parseIntervals(of),
    open: 'first-trade',
    empty: 'skip',
    grace: SECOND,
    source: 'trades',
    amountUnit: () => 'base',
    ...rest,
  };
}

function aggregate(records: Iterable<AnyRecord>, settings: CandleOptions) {
  const aggregator = new CandleAggregator(settings);
  const output: AnyRecord[] = [];
  for (const record of records) output.push(...aggregator.add(record));
  output.push(...aggregator.finish());
  return { output, counts: aggregator.counts };
}

/** The clock after a record, computed the plain way. */
function clocks(records: readonly AnyRecord[]): number[] {
  let clock = 0;
  let arrival = 0;
  return records.map((record) => {
    if (record.type === 'clock') clock = Math.max(clock, record.timestamp);
    if (record.type === 'trade') arrival = Math.max(arrival, record.localTimestamp ?? record.timestamp);
    return clock || arrival;
  });
}

function expectSame(actual: readonly AnyRecord[], expected: readonly Candle[]): void {
  const plain = (candles: Map<string, Candle>) => Object.fromEntries([...candles].sort(([a], [b]) => (a < b ? -1 : 1)));
  expect(plain(lastStates(actual))).toEqual(plain(lastStates(expected)));
}

const rules = OPENS.flatMap((open) => EMPTIES.map((empty) => ({ open, empty })));

/** 6 rules × 180 sequences. */
const RUNS = { seed: SEED, numRuns: 180 };

describe('candles as they come equal candles of all trades at once', () => {
  it.each(rules)('ties, disorder, silence closed by the clock: open $open, empty $empty', (rule) => {
    const sequences = fc.oneof(
      tradeSequences({ late: false, gap: 'none', clock: true }),
      tradeSequences({ late: false, gap: 'missing', clock: true }),
      tradeSequences({ late: false, gap: 'repaired', clock: true }),
    );
    fc.assert(
      fc.property(sequences, ({ records, trades, gaps }) => {
        const { output, counts } = aggregate(records, options(rule));
        expect(counts.late).toBe(0);
        const missing = gaps.filter((gap) => gap.missing);
        expectSame(output, plainCandles(trades, missing, clocks(records).at(-1) ?? 0, options(rule)));
      }),
      RUNS,
    );
  });

  it.each([true, false])('late trades are counted and left out of the candles that were closed: clock %s', (clock) => {
    fc.assert(
      fc.property(tradeSequences({ late: true, gap: 'none', clock }), ({ records }) => {
        const settings = options();
        const { output, counts } = aggregate(records, settings);
        const now = clocks(records);
        const late = new Set<AnyRecord>();
        const candles = settings.intervals.flatMap((interval) => {
          const inTime = records.filter((record, index) => {
            if (record.type !== 'trade') return false;
            const inside = bucketStart(interval.size, record.timestamp) + interval.size + SECOND > (now[index] as number);
            if (!inside) late.add(record);
            return inside;
          }) as TradeSequence['trades'];
          return plainCandles(inTime, [], now.at(-1) ?? 0, { ...settings, intervals: [interval] });
        });
        expect(counts.late).toBe(late.size);
        expectSame(output, candles);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('a repaired gap gives the candles of the unbroken sequence', () => {
    fc.assert(
      fc.property(tradeSequences({ late: false, gap: 'repaired', clock: true }), ({ records }) => {
        const unbroken = records.filter(({ type }) => type !== 'gap');
        expectSame(aggregate(records, options()).output, [...lastStates(aggregate(unbroken, options()).output).values()]);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('candles are sent in order of time within an interval, except those that a gap corrects', () => {
    fc.assert(
      fc.property(tradeSequences({ late: false, gap: 'missing', clock: true }), ({ records }) => {
        const reached = new Map<string, number>();
        for (const record of aggregate(records, options({ empty: 'flat' })).output) {
          if (record.type !== 'candle') continue;
          const last = reached.get(record.interval) ?? 0;
          expect(record.timestamp > last || record.complete === false).toBe(true);
          reached.set(record.interval, Math.max(last, record.timestamp));
        }
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});

describe('longer candles from shorter ones', () => {
  it.each(rules)('equal those from trades: open $open, empty $empty', (rule) => {
    const sequences = fc.oneof(
      tradeSequences({ late: false, gap: 'none', clock: true }),
      tradeSequences({ late: false, gap: 'missing', clock: true }),
      tradeSequences({ late: false, gap: 'missing', clock: false }),
    );
    fc.assert(
      fc.property(sequences, ({ records }) => {
        const seconds = aggregate(records, options({ of: ['1s'], ...rule })).output;
        const rolled = aggregate(seconds, options({ of: ['5s', '1m'], ...rule })).output;
        expectSame(rolled, [...lastStates(aggregate(records, options({ of: ['5s', '1m'], ...rule })).output).values()]);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});
