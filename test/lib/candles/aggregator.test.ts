import { describe, expect, it } from 'vitest';
import { CandleAggregator } from '../../../src/lib/candles/aggregator.js';
import type { CandleOptions } from '../../../src/lib/candles/options.js';
import { parseIntervals } from '../../../src/lib/model/interval.js';
import type { AnyRecord, Candle, Clock, Gap, Trade } from '../../../src/lib/model/records.js';
import { MINUTE, SECOND } from '../../../src/lib/model/time.js';
import { clockRecord, gapRecord, tickerRecord, tradeRecord } from '../../support/records.js';

const MINUTE_START = 1_786_310_820_000_000;

function run(records: readonly AnyRecord[], fields: Partial<CandleOptions> = {}, of = ['1m']) {
  const aggregator = new CandleAggregator({
    intervals: parseIntervals(of),
    open: 'first-trade',
    empty: 'skip',
    grace: SECOND,
    source: 'trades',
    amountUnit: () => 'base',
    ...fields,
  });
  const output = records.flatMap((record) => [...aggregator.add(record)]);
  const rest = [...aggregator.finish()];
  return {
    output,
    rest,
    candles: [...output, ...rest].filter(({ type }) => type === 'candle') as Candle[],
    counts: aggregator.counts,
  };
}

let ids = 0;
/** A trade some seconds into the minute, received at once unless said otherwise. */
const trade = (seconds: number, price: number, fields: Partial<Trade> = {}) => {
  const timestamp = MINUTE_START + seconds * SECOND;
  return tradeRecord({ timestamp, localTimestamp: timestamp, price, id: `id-${ids++}`, amount: 1, ...fields });
};
const clock = (seconds: number): Clock => ({ ...clockRecord, timestamp: MINUTE_START + seconds * SECOND });
const gap = (from: number, until: number, fields: Partial<Gap> = {}): Gap => ({
  ...gapRecord,
  fromTimestamp: MINUTE_START + from * SECOND,
  untilTimestamp: MINUTE_START + until * SECOND,
  localTimestamp: MINUTE_START + until * SECOND,
  ...fields,
});
const second = (at: number, fields: Partial<Candle> = {}): Candle => ({
  type: 'candle',
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: MINUTE_START + at * SECOND,
  interval: '1s',
  open: 10,
  high: 12,
  low: 9,
  close: 11,
  volume: 2,
  turnover: 20,
  buyVolume: 1,
  trades: 2,
  source: 'trades',
  closed: true,
  ...fields,
});

describe('ties', () => {
  const at = { timestamp: MINUTE_START, localTimestamp: undefined };
  const cases: [string, Partial<Trade>, Partial<Trade>][] = [
    ['sequence, as numbers', { sequence: '9' }, { sequence: '10' }],
    ['sequence beyond 2^53', { sequence: '9007199254740992' }, { sequence: '9007199254740993' }],
    ['no sequence before one', {}, { sequence: '1' }],
    [
      'arrival, where the sequence is the same',
      { sequence: '1', localTimestamp: MINUTE_START + 1 },
      { sequence: '1', localTimestamp: MINUTE_START + 2 },
    ],
    ['id, where nothing else differs', { id: 'a' }, { id: 'b' }],
    ['time before sequence', { sequence: '5' }, { sequence: '1', timestamp: MINUTE_START + 1 }],
  ];
  it.each(cases)('%s', (_, first, last) => {
    const trades = [trade(0, 100, { ...at, ...first }), trade(0, 200, { ...at, ...last })];
    for (const order of [trades, trades.toReversed()]) {
      expect(run(order).candles).toMatchObject([{ open: 100, close: 200, high: 200, low: 100 }]);
    }
  });
});

describe('closing', () => {
  it('waits for the clock to pass end and grace, and comes before that clock', () => {
    const { output, rest } = run([trade(1, 10), clock(60), trade(59, 11), clock(61)]);
    expect(output.map(({ type }) => type)).toEqual(['clock', 'candle', 'clock']);
    expect(output[1]).toMatchObject({ timestamp: MINUTE_START, closed: true, close: 11, trades: 2 });
    expect(rest).toEqual([]);
  });

  it('goes by arrivals where there is no clock, by times where there is no arrival', () => {
    expect(run([trade(1, 10), trade(60.9, 11), trade(61, 12)]).output).toHaveLength(1);
    const fetched = { localTimestamp: undefined };
    expect(run([trade(1, 10, fetched), trade(60.9, 11, fetched), trade(61, 12, fetched)]).output).toHaveLength(1);
  });

  it('ignores arrivals once there is a clock', () => {
    const { output, counts } = run([clock(0), trade(1, 10, { localTimestamp: MINUTE_START + 300 * SECOND }), trade(2, 11)]);
    expect(output).toHaveLength(1);
    expect(counts.late).toBe(0);
  });

  it('is per exchange and market', () => {
    const spot: Clock = { ...clock(600), market: 'spot' };
    const other: Clock = { ...clock(600), exchange: 'bitget' };
    expect(run([trade(1, 10), spot, other]).rest).toMatchObject([{ closed: false }]);
  });

  it('at the end of the input needs no grace', () => {
    expect(run([trade(1, 10), clock(60)]).rest).toMatchObject([{ closed: true }]);
    expect(run([trade(1, 10), clock(59)]).rest).toMatchObject([{ closed: false }]);
  });

  it('is final: a clock that lies before the arrivals does not open a candle again', () => {
    const { candles, counts } = run([trade(1, 10), trade(70, 11), clock(30), trade(2, 12, { localTimestamp: undefined })]);
    expect(candles.filter(({ timestamp }) => timestamp === MINUTE_START)).toMatchObject([{ trades: 1 }]);
    expect(counts.late).toBe(1);
  });

  it('closes a silent symbol by the clock of its market', () => {
    const { output } = run([trade(0.5, 10), clock(1), clock(2), clock(3), clock(4)], { empty: 'flat' }, ['1s']);
    expect(output.filter(({ type }) => type === 'candle')).toMatchObject([
      { open: 10, volume: 1, trades: 1 },
      { open: 10, high: 10, low: 10, close: 10, volume: 0, turnover: 0, buyVolume: 0, trades: 0, closed: true },
      { volume: 0 },
    ]);
  });

  it('counts a trade that is late for the second but not for the minute, which has it', () => {
    const late = trade(1, 99, { localTimestamp: MINUTE_START + 9 * SECOND });
    const { candles, counts } = run([trade(1, 10), clock(9), late], {}, ['1s', '1m']);
    expect(counts.late).toBe(1);
    expect(candles).toMatchObject([
      { interval: '1s', high: 10 },
      { interval: '1m', high: 99, trades: 2 },
    ]);
  });

  it('counts the same trade once', () => {
    const { candles, counts } = run([trade(1, 10, { id: 'x' }), trade(1, 10, { id: 'x' }), trade(2, 10, { id: 'y' })]);
    expect(counts).toMatchObject({ trades: 2, duplicates: 1 });
    expect(candles).toMatchObject([{ trades: 2 }]);
  });
});

describe('values', () => {
  it('open at the previous close, which high and low include, across silent minutes', () => {
    const { candles } = run([trade(1, 100), trade(181, 50), trade(182, 60)], { open: 'previous-close' });
    expect(candles).toMatchObject([
      { open: 100, high: 100, low: 100, close: 100 },
      { open: 100, high: 100, low: 50, close: 60 },
    ]);
  });

  it('give no price to a silent interval with --empty null', () => {
    const { candles } = run([trade(1, 100), trade(121, 50)], { empty: 'null' });
    expect(candles[1]).toMatchObject({ volume: 0, trades: 0 });
    expect(candles[1]?.close).toBeUndefined();
  });

  it('count turnover in the base asset where amounts count the quote asset', () => {
    const { candles } = run([trade(1, 50_000, { amount: 100, side: 'sell' })], { amountUnit: () => 'quote' });
    expect(candles).toMatchObject([{ volume: 100, turnover: 0.002, buyVolume: 0 }]);
  });
});

describe('gaps', () => {
  it('that were repaired are gaps all the same for candles that their trades came too late for', () => {
    const repaired = gap(0.5, 3, { missing: false, repaired: 2 });
    const fetched = { localTimestamp: undefined };
    const late = [trade(1, 11, fetched), trade(2, 12, fetched)];
    const { candles, counts } = run([trade(0, 10), trade(1.2, 10), clock(5), repaired, ...late, trade(6, 13), clock(9)], {}, [
      '1s',
    ]);
    const last = new Map(candles.map((candle) => [(candle.timestamp - MINUTE_START) / SECOND, candle.complete]));
    expect([...last]).toEqual([
      [0, false],
      [1, false],
      [6, true],
    ]);
    expect(counts).toMatchObject({ late: 2, unmarked: 0 });
    const inTime = run([trade(0, 10), repaired, ...late, trade(6, 13), clock(9)], {}, ['1s']);
    expect(inTime.candles.every(({ complete }) => complete)).toBe(true);
  });

  it('make the candles they overlap incomplete, and pass through before them', () => {
    const { output } = run([trade(1, 10), clock(20), gap(1, 20), trade(21, 11), clock(61)]);
    expect(output.map(({ type }) => type)).toEqual(['clock', 'gap', 'candle', 'clock']);
    expect(output[2]).toMatchObject({ complete: false, trades: 2 });
  });

  it('send a closed candle again as incomplete, known later than before', () => {
    const { candles } = run([trade(1, 10), clock(9), gap(1, 20)], {}, ['1s']);
    expect(candles).toMatchObject([
      { complete: true, localTimestamp: MINUTE_START + SECOND },
      { complete: false, localTimestamp: MINUTE_START + 20 * SECOND },
    ]);
  });

  it('of another channel, or repaired, change nothing', () => {
    const harmless = [gap(1, 2, { channel: 'book' }), gap(1, 2, { missing: false, repaired: 3 })];
    expect(run([trade(1, 10), ...harmless, clock(61)]).candles).toMatchObject([{ complete: true }]);
  });

  it('that come too late to mark all candles are counted', () => {
    const trades = Array.from({ length: 150 }, (_, index) => trade(index, 10));
    const { counts } = run([...trades, clock(200), gap(1, 20)], {}, ['1s']);
    expect(counts.unmarked).toBe(1);
  });
});

describe('smaller candles', () => {
  it('make longer ones', () => {
    const { candles } = run([second(0), second(1, { open: 11, high: 20, low: 5, close: 6 }), second(59)]);
    expect(candles).toMatchObject([
      { interval: '1m', open: 10, high: 20, low: 5, close: 11, volume: 6, turnover: 60, buyVolume: 3, trades: 6, closed: true },
    ]);
  });

  it('count once: the closed state, then the later one', () => {
    const open = second(0, { closed: false, volume: 1, localTimestamp: MINUTE_START + 1 });
    const closed = second(0, { volume: 2, localTimestamp: MINUTE_START + 2 });
    const corrected = second(0, { volume: 3, complete: false, localTimestamp: MINUTE_START + 3 });
    expect(run([open, closed, open]).candles).toMatchObject([{ volume: 2, complete: true }]);
    expect(run([corrected, closed]).candles).toMatchObject([{ volume: 3, complete: false }]);
  });

  it('leave out what they do not know', () => {
    const [candle] = run([second(0, { turnover: undefined, buyVolume: undefined, trades: undefined })]).candles;
    expect(candle).toMatchObject({ volume: 2, turnover: undefined, buyVolume: undefined, trades: undefined });
  });

  it('of the interval itself or of one that does not fit are not taken', () => {
    expect(run([second(0, { interval: '1m' })]).counts).toMatchObject({ candles: 0, unused: 1 });
    expect(run([second(0, { interval: '7s' })]).counts).toMatchObject({ candles: 0, unused: 1 });
    expect(run([second(0), second(0, { interval: '5s' })]).counts).toMatchObject({ candles: 2, unused: 0 });
    expect(run([trade(0, 10), second(0)]).counts).toMatchObject({ trades: 1, unused: 1 });
    expect(run([second(0), trade(0, 10)]).counts).toMatchObject({ candles: 1, trades: 0, unused: 1 });
  });

  it('of the exchange are taken only on demand, and stay so', () => {
    const published = second(0, { source: 'exchange', trades: undefined });
    expect(run([published]).counts).toMatchObject({ candles: 0, unused: 1 });
    expect(run([published], { source: 'exchange' }).candles).toMatchObject([{ source: 'exchange', volume: 2 }]);
  });

  it('that are folded already do not count again', () => {
    const count = 2_000;
    const seconds = Array.from({ length: count }, (_, index) => second(index, { close: index }));
    const { candles, counts } = run([...seconds, second(0)], {}, ['4h']);
    expect(candles).toMatchObject([{ volume: count * 2, close: count - 1, trades: count * 2 }]);
    expect(counts.late).toBe(1);
  });
});

it('other records are counted, not passed on', () => {
  const { output, counts } = run([tickerRecord, trade(1, 10), clock(5)]);
  expect(output.map(({ type }) => type)).toEqual(['clock']);
  expect(counts.unused).toBe(1);
});

it('a week of silence is filled', () => {
  const { output } = run([trade(1, 10), trade(7 * 24 * 3600, 11)], { empty: 'flat' });
  expect(output).toHaveLength((7 * 24 * 3600 * SECOND) / MINUTE - 1);
});
