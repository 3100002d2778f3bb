import { describe, expect, it } from 'vitest';
import { FeatureEngine } from '../../../src/lib/features/engine.js';
import type { AnyRecord, BookSnapshot, Candle, Clock, Gap, MarkPrice, Ticker, Trade } from '../../../src/lib/model/records.js';
import { featureRun, lastRows } from '../../support/feature-runs.js';

const SECOND = 1_000_000;
const START = 1_795_132_800_000_000; // 2026-11-20 00:00 UTC
const identity = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' } as const;
const at = (seconds: number) => START + Math.round(seconds * SECOND);

const trade = (seconds: number, fields: Partial<Trade> = {}): Trade => ({
  type: 'trade',
  ...identity,
  timestamp: at(seconds),
  localTimestamp: at(seconds) + 1_000,
  id: `${seconds}`,
  price: 100,
  amount: 1,
  side: 'buy',
  ...fields,
});
const book = (seconds: number, fields: Partial<BookSnapshot> = {}): BookSnapshot => ({
  type: 'book_snapshot',
  ...identity,
  timestamp: at(seconds),
  localTimestamp: at(seconds) + 1_000,
  bids: [[99, 3]],
  asks: [[101, 1]],
  ...fields,
});
const mark = (seconds: number, price = 100, index?: number): MarkPrice => ({
  type: 'mark_price',
  ...identity,
  timestamp: at(seconds),
  localTimestamp: at(seconds) + 1_000,
  mark: price,
  index,
});
const ticker = (seconds: number): Ticker => ({
  type: 'ticker',
  ...identity,
  timestamp: at(seconds),
  localTimestamp: at(seconds) + 1_000,
  bid: 98,
  bidAmount: 1,
  ask: 102,
  askAmount: 1,
});
const clock = (seconds: number): Clock => ({
  type: 'clock',
  exchange: 'bybit',
  market: 'linear',
  timestamp: at(seconds),
  localTimestamp: at(seconds) + 2_000,
});
const gap = (channel: string, from: number, until: number, fields: Partial<Gap> = {}): Gap => ({
  type: 'gap',
  ...identity,
  channel,
  timestamp: at(until),
  localTimestamp: at(until) + 900,
  fromTimestamp: at(from),
  untilTimestamp: at(until),
  reason: 'disconnect',
  repaired: 0,
  missing: true,
  ...fields,
});

describe('a micro row', () => {
  it('holds what happened in its second, in the order of the trades, and ends at its timestamp', () => {
    const records = [
      trade(0.5, { id: 'b', sequence: '2', price: 101, amount: 0.2, side: 'sell' }),
      trade(0.5, { id: 'a', sequence: '1', price: 99, amount: 0.1 }),
      trade(0.5, { id: 'a', sequence: '1', price: 99, amount: 0.1 }),
      trade(0.999999, { id: 'c', price: 100.5, amount: 0.2 }),
      book(0.2, { bids: [[99, 3]], asks: [[101, 1]] }),
      book(0.7, { bids: [[99, 4]], asks: [[101, 1]] }),
      mark(0.3, 100.2, 100.1),
      trade(1, { id: 'd' }),
    ];
    const { micro } = featureRun(records);
    expect(micro).toHaveLength(2);
    expect(micro[0]).toEqual({
      type: 'micro',
      ...identity,
      timestamp: at(1),
      localTimestamp: at(0.999999) + 1_000,
      open: 99,
      high: 101,
      low: 99,
      close: 100.5,
      buyVolume: 0.3,
      sellVolume: 0.2,
      delta: 0.1,
      trades: 3,
      bid: 99,
      bidAmount: 4,
      ask: 101,
      askAmount: 1,
      mid: 100,
      spreadBps: 200,
      imbalance: 0.6,
      microprice: 100.6,
      // The first book has none before it.
      ofi: undefined,
      mark: 100.2,
      index: 100.1,
      openInterest: undefined,
      fundingRate: undefined,
      complete: true,
      bookTimestamp: at(0.7),
      markTimestamp: at(0.3),
    });
  });

  it('is there for every second from the first to the last record, silent ones too', () => {
    const { micro } = featureRun([trade(0.1), trade(4.2, { price: 102 })]);
    expect(micro.map(({ timestamp, close, trades, open }) => [timestamp, close, trades, open])).toEqual([
      [at(1), 100, 1, 100],
      [at(2), 100, 0, undefined],
      [at(3), 100, 0, undefined],
      [at(4), 100, 0, undefined],
      [at(5), 102, 1, 102],
    ]);
  });

  it.each([
    [
      'book 10 s, then the ticker, then nothing',
      [book(0), ticker(8), trade(25)],
      'bid',
      { 1: 99, 10: 99, 11: 98, 18: 98, 19: undefined },
    ],
    ['mark 60 s', [mark(0), trade(90)], 'mark', { 1: 100, 60: 100, 61: undefined }],
    [
      'open interest 120 s',
      [{ type: 'open_interest', ...identity, timestamp: at(0), amount: 7 } as AnyRecord, trade(150)],
      'openInterest',
      { 1: 7, 120: 7, 121: undefined },
    ],
  ] as const)('carries inputs as long as they count: %s', (_, records, column, expected) => {
    const { micro } = featureRun(records);
    for (const [second, value] of Object.entries(expected))
      expect([second, micro.find(({ timestamp }) => timestamp === at(Number(second)))?.[column]]).toEqual([second, value]);
  });

  it('takes no imbalance and no order flow from a ticker, and no rate that was paid', () => {
    const settled = { type: 'funding', ...identity, timestamp: at(0.4), rate: 0.5, settled: true } as const;
    const { micro, counts } = featureRun([ticker(0.1), settled, trade(0.5)]);
    expect(micro[0]).toMatchObject({ bid: 98, ask: 102, microprice: 100 });
    expect([micro[0]?.imbalance, micro[0]?.ofi, micro[0]?.fundingRate]).toEqual([undefined, undefined, undefined]);
    expect(counts.unused).toBe(1);
  });

  it('counts order flow between snapshots by the four cases of the paper', () => {
    const books = [
      book(0.1),
      book(1.1, { bids: [[99, 5]], asks: [[101, 4]] }), // bid +2, ask +3: 2 − 3
      book(2.1, { bids: [[99.5, 6]], asks: [[100.5, 2]] }), // better bid +6, better ask +2: 6 − 2
      book(3.1, { bids: [[98, 9]], asks: [[103, 9]] }), // worse bid −6, worse ask −2: −6 + 2
    ];
    const { micro } = featureRun([...books, trade(4.5)]);
    expect(micro.map(({ ofi }) => ofi)).toEqual([undefined, -1, 4, -4, 0]);
  });
});

describe('the clock', () => {
  it('gives a row when it has passed its end and the grace, and passes itself on after it', () => {
    const { given } = featureRun([trade(0.5), clock(1), clock(2), trade(2.5), clock(3)]);
    expect(given.map(({ type, timestamp }) => [type, (timestamp - START) / SECOND])).toEqual([
      ['clock', 1],
      ['micro', 1],
      ['features', 1],
      ['clock', 2],
      ['micro', 2],
      ['features', 2],
      ['clock', 3],
      ['micro', 3],
      ['features', 3],
    ]);
  });

  it('counts what comes too late: a trade is lost, a quote counts from then on', () => {
    const { micro, counts } = featureRun([trade(0.5), clock(3), trade(0.6, { id: 'late' }), book(0.7), trade(3.5), clock(6)]);
    expect(counts.late).toBe(2);
    expect(micro.map(({ trades }) => trades)).toEqual([1, 0, 0, 1, 0]);
    expect(micro.map(({ bid }) => bid)).toEqual([undefined, undefined, 99, 99, 99]);
  });

  it('knows a row from its end and the grace, or from the last arrival among its inputs', () => {
    const { features } = featureRun([trade(0.5, { localTimestamp: at(4) }), trade(1.5), trade(5.5)]);
    expect(features.slice(0, 4).map(({ knownTimestamp }) => (knownTimestamp - START) / SECOND)).toEqual([4, 4, 4, 5]);
  });
});

describe('a gap', () => {
  const steady = (from: number, until: number): AnyRecord[] =>
    Array.from({ length: until - from }, (_, index) => [
      trade(from + index + 0.2, { side: index % 3 === 0 ? 'sell' : 'buy', amount: 1 + (index % 7) }),
      book(from + index + 0.3, { bids: [[99, 1 + (index % 5)]] }),
      mark(from + index + 0.4, 100 + (index % 4)),
      clock(from + index + 1),
    ]).flat();
  const windows = new Map([
    ['delta_z', 20],
    ['imb_shift', 5],
    ['mark_dev_z', 30],
  ]);
  const openGap = [gap('trade', 59.2, 70.1)];
  const records = [
    ...steady(0, 60),
    ...Array.from({ length: 10 }, (_, index) => [mark(60.4 + index), book(60.5 + index), clock(61 + index)]).flat(),
    ...openGap,
    ...steady(70, 140),
  ];
  const { features, micro, given, counts } = featureRun(records, { windows });
  const row = (second: number) => features.find(({ timestamp }) => timestamp === at(second));
  const holds = (second: number, name: string) => (row(second)?.detail as Record<string, string> | undefined)?.[name] === 'gap';

  it('empties the windows of its own channel until they are full again, and the row says so', () => {
    expect(row(59)?.deltaZ).toBeTypeOf('number');
    expect([60, 71, 80, 90].map((second) => [row(second)?.deltaZ, holds(second, 'delta_z')])).toEqual(
      [1, 2, 3, 4].map(() => [undefined, true]),
    );
    expect(row(91)?.deltaZ).toBeTypeOf('number');
    expect([row(100)?.markDevZ, holds(100, 'mark_dev_z')]).toEqual([undefined, true]);
    expect(row(101)?.markDevZ).toBeTypeOf('number');
    expect(row(75)?.imbShift).toBeTypeOf('number');
  });

  it('is in the window of what signals use until then, and never warm', () => {
    expect([59, 60, 71, 100, 101].map((second) => row(second)?.gapInWindow)).toEqual([false, true, true, true, false]);
    expect(features.filter(({ gapInWindow, warm }) => gapInWindow && warm)).toEqual([]);
  });

  it('makes its seconds incomplete, also those that were given before it was known', () => {
    expect(micro.filter(({ complete }) => !complete).map(({ timestamp }) => (timestamp - START) / SECOND)).toEqual(
      Array.from({ length: 12 }, (_, index) => 60 + index),
    );
    const again = given.filter(({ type, timestamp }) => type === 'micro' && timestamp === at(65));
    expect(again.map((record) => (record as { complete: boolean }).complete)).toEqual([true, false]);
    expect(counts.revised).toBeGreaterThan(5);
    expect(given.indexOf(openGap[0] as AnyRecord)).toBeLessThan(given.indexOf(again[1] as AnyRecord));
  });

  it('is the same whether it was known before the rows were given or after', () => {
    const early = [...records.filter((record) => record !== openGap[0]), ...openGap].sort((a, b) => a.timestamp - b.timestamp);
    const known = featureRun([...openGap, ...early.filter((record) => record !== openGap[0])], { windows });
    const values = (rows: readonly object[]) => rows.map((item) => ({ ...item, knownTimestamp: 0, localTimestamp: 0 }));
    expect(values(known.micro).map((item) => ({ ...item, close: 0 }))).toEqual(
      values(micro).map((item) => ({ ...item, close: 0 })),
    );
    expect(
      known.features.map(({ deltaZ, markDevZ, imbShift, warm, gapInWindow }) => [deltaZ, markDevZ, imbShift, warm, gapInWindow]),
    ).toEqual(
      features.map(({ deltaZ, markDevZ, imbShift, warm, gapInWindow }) => [deltaZ, markDevZ, imbShift, warm, gapInWindow]),
    );
  });

  it('is known in a batch when it was told, as in a stream', () => {
    const told = gap('trade', 59.4, 70.6, { localTimestamp: at(75) });
    const run = (batch: boolean) =>
      featureRun(
        [...steady(0, 59), ...steady(71, 140), told].sort((a, b) => a.timestamp - b.timestamp),
        { windows, batch },
      );
    const [stream, whole] = [run(false), run(true)];
    const times = (rows: readonly { timestamp: number; localTimestamp?: number | undefined }[]) =>
      rows.map(({ timestamp, localTimestamp }) => [timestamp, localTimestamp]);
    expect(times(whole.micro)).toEqual(times(stream.micro));
    expect(times(whole.features)).toEqual(times(stream.features));
    expect(whole.features.map((item) => item.knownTimestamp)).toEqual(stream.features.map((item) => item.knownTimestamp));
    expect(whole.features.find(({ timestamp }) => timestamp === at(65))?.knownTimestamp).toBe(at(75));
    expect(whole.features.find(({ timestamp }) => timestamp === at(80))?.knownTimestamp).toBe(at(81));
  });

  it('that was repaired leaves no gap, unless its trades came after their seconds', () => {
    const repaired = gap('trade', 10.2, 14.1, { repaired: 3, missing: false });
    const inTime = featureRun([...steady(0, 10), trade(12, { id: 'r' }), repaired, ...steady(14, 60)], { windows });
    expect(inTime.micro.every(({ complete }) => complete)).toBe(true);
    const late = featureRun([...steady(0, 10), clock(15), trade(12, { id: 'r' }), repaired, ...steady(15, 60)], { windows });
    expect(late.micro.filter(({ complete }) => !complete).length).toBe(5);
    expect(late.counts.late).toBe(1);
  });

  describe('that was told as a gap and repaired later', () => {
    const stretch = (fields: Partial<Gap> = {}) => gap('trade', 40.2, 50.1, fields);
    const repair = stretch({ missing: false, repaired: 10, localTimestamp: at(90) });
    const all = steady(0, 140);
    const span = (from: number, until: number) => all.slice(from * 4, until * 4);
    const whole = featureRun(all, { windows });
    const known = (rows: readonly object[]) => rows.map((item) => ({ ...item, knownTimestamp: 0, localTimestamp: 0 }));

    it('damages no row that comes after, and those that were given are what they were', () => {
      const isQuiet = ({ type, timestamp }: AnyRecord) => type === 'trade' && timestamp > at(40.2) && timestamp < at(50.1);
      const quiet = (from: number, until: number) => span(from, until).filter((record) => !isQuiet(record));
      const run = featureRun([...quiet(0, 50), stretch(), { ...repair, repaired: 0 }, ...quiet(50, 140)], { windows });
      const { micro, features } = featureRun(quiet(0, 140), { windows });
      expect(run.counts.revised).toBeGreaterThan(0);
      expect(known(run.micro)).toEqual(known(micro));
      expect(known(run.features)).toEqual(known(features));
    });

    it('changes no row before a record of its channel, however long another channel is silent', () => {
      const [silent, spoken] = [all.filter(({ type, timestamp }) => type !== 'mark_price' || timestamp < at(20)), all];
      const revised = [silent, spoken].map((records) => {
        const before = records.filter(({ timestamp }) => timestamp <= at(50));
        return featureRun([...before, stretch(), ...records.slice(before.length)], { windows }).counts.revised;
      });
      expect(revised).toEqual([0, 0]);
    });

    it('ends for the rows to come where the repair is known later', () => {
      const run = featureRun([...span(0, 50), stretch(), ...span(50, 60), repair, ...span(60, 140)], { windows });
      const later = (rows: readonly { readonly timestamp: number }[]) =>
        known(rows.filter(({ timestamp }) => timestamp > at(61)));
      expect(later(run.features)).toEqual(later(whole.features));
    });

    it('gives the average true range back', () => {
      const trades = Array.from({ length: 32 }, (_, index) => trade(index * 450 + 1, { price: 100 + (index % 3) }));
      const [before, after] = [trades.slice(0, 30), trades.slice(30)];
      const broken = gap('trade', 9_000, 9_100);
      const mended = featureRun([...before, broken, { ...broken, missing: false }, ...after, clock(14_500)]);
      expect(mended.features.at(-1)?.atr15m).toBe(featureRun([...trades, clock(14_500)]).features.at(-1)?.atr15m);
      expect(mended.features.at(-1)?.atr15m).toBeTypeOf('number');
      expect(featureRun([...before, broken, ...after, clock(14_500)]).features.at(-1)?.atr15m).toBeUndefined();
    });

    it.each([
      ['covers a part of it', { fromTimestamp: at(41) }],
      ['is of another channel', { channel: 'book' }],
      ['was known before it', { localTimestamp: at(1) }],
    ])('stays one where the repair %s', (_, fields) => {
      const run = featureRun([...span(0, 50), stretch(), { ...repair, ...fields }, ...span(50, 140)], { windows });
      expect(run.features.find(({ timestamp }) => timestamp === at(60))?.detail).toMatchObject({ delta_z: 'gap' });
    });

    it('stays one where its trades came after their seconds', () => {
      const late = [clock(52), trade(45, { id: 'late' }), repair];
      const run = featureRun([...span(0, 50), stretch(), ...late, ...span(52, 140)], { windows });
      expect(run.features.find(({ timestamp }) => timestamp === at(60))?.detail).toMatchObject({ delta_z: 'gap' });
    });

    it('is none in a batch that knows of the repair, however wide that is', () => {
      const wide = { ...repair, untilTimestamp: at(100), timestamp: at(100), localTimestamp: at(100) };
      const engine = new FeatureEngine({ grace: SECOND, windows, batch: true });
      engine.foresee(wide);
      const records = [...span(0, 50), stretch(), ...span(50, 100), wide, ...span(100, 140)];
      const rows = [...records.flatMap((record) => [...engine.add(record)]), ...engine.finish()];
      const batch = featureRun(all, { windows, batch: true });
      expect(lastRows(rows).features).toEqual(batch.features);
      expect(lastRows(rows).micro).toEqual(batch.micro);
    });
  });
});

describe('the average true range', () => {
  const BAR = 900;
  /** A trade every 300 s: the middle of a bar's three decides its range. */
  const bars = (count: number, first = 0) =>
    Array.from({ length: count }, (_, index) => {
      const begin = (first + index) * BAR;
      return [
        trade(begin + 0.5, { price: 100 }),
        trade(begin + 400, { price: 101 + (index % 3) }),
        trade(begin + 800, { price: 100 }),
      ];
    }).flat();
  const candle = (index: number, fields: Partial<Candle> = {}): Candle => ({
    type: 'candle',
    ...identity,
    timestamp: at(index * BAR),
    localTimestamp: at((index + 1) * BAR),
    interval: '15m',
    open: 100,
    high: 104,
    low: 100,
    close: 100,
    volume: 1,
    source: 'exchange',
    closed: true,
    ...fields,
  });

  it('is given from 14 closed bars on, and the row says of how many', () => {
    const { features } = featureRun(bars(16));
    expect(features[14 * BAR - 2]?.atr15m).toBeUndefined();
    const row = features[14 * BAR - 1];
    expect(row?.atr15m).toBeCloseTo(((1 + 2 + 3) * 4 + 1 + 2) / 14, 12);
    expect(row?.atr15mPct).toBeCloseTo(row?.atr15m as number, 12);
    expect(row?.detail).toMatchObject({ atr15m: '14 of 200 candles' });
  });

  it('leaves out the bar in which the data began', () => {
    const { features } = featureRun(bars(16).slice(1));
    expect(features[14 * BAR - 300]?.atr15m).toBeUndefined();
    expect(features.at(-1)?.detail).toMatchObject({ atr15m: '14 of 200 candles' });
  });

  it('takes candles from elsewhere for the time before, never before their end', () => {
    const seed = Array.from({ length: 200 }, (_, index) => candle(index - 200));
    const { features } = featureRun([...seed, candle(0, { high: 900 }), ...bars(2)]);
    expect(features[0]?.atr15m).toBe(4);
    // The bar that its own rows make counts, not the candle that says 900.
    expect(features[BAR - 2]?.atr15m).toBe(4);
    expect(features[BAR - 1]?.atr15m).toBeCloseTo((4 * 13 + 1) / 14, 12);
    expect(features[BAR - 1]?.detail).not.toHaveProperty('atr15m');
  });

  it('begins anew after a bar in which trades are missing, unless a whole candle of it comes', () => {
    const records = [...bars(20), gap('trade', 20 * BAR - 100, 20 * BAR + 50), ...bars(3, 20)];
    const broken = featureRun(records);
    expect(broken.features.at(-1)).toMatchObject({ gapInWindow: true, atr15m: undefined, detail: { atr15m: 'gap' } });
    const windows = new Map([['mark_dev_z', 600]]);
    const whole = featureRun([candle(19), candle(20), ...records], { windows });
    expect(whole.features.at(-1)?.detail).toMatchObject({ atr15m: '22 of 200 candles' });
    expect(whole.features.at(-1)?.gapInWindow).toBe(false);
  });

  it('recovers at once when a candle bridges a gap that becomes known after the bar has closed, in either order', () => {
    const windows = new Map([['mark_dev_z', 600]]);
    // Trades are missing in bar 14; that is found 200 s into bar 15, when its row and its candle are there.
    const known = 15 * BAR + 200;
    const before = [...bars(15), trade(15 * BAR + 0.5), trade(known - 10)];
    const missed = { ...gap('trade', 15 * BAR - 100, 15 * BAR - 50), localTimestamp: at(known) };
    const after = [trade(known + 5), trade(15 * BAR + 800), ...bars(2, 16)];
    const alone = featureRun([...before, missed, ...after], { windows });
    expect(alone.features.at(-1)).toMatchObject({ gapInWindow: true, warm: false, detail: { atr15m: 'gap' } });
    for (const order of [
      [candle(14), missed],
      [missed, candle(14)],
    ]) {
      const { features } = featureRun([...before, ...order, ...after], { windows });
      expect(features.at(-1)).toMatchObject({ gapInWindow: false, detail: { atr15m: '17 of 200 candles' } });
      // The candle of the exchange, with its range of 4, stands for the bar. Its own ranges are 1, 2 and 3 in turn.
      const first = features.findLast(({ timestamp }) => timestamp === at(known + 30));
      const ranges = Array.from({ length: 15 }, (_, index) => (index === 14 ? 4 : 1 + (index % 3)));
      const seed = ranges.slice(0, 14).reduce((sum, range) => sum + range, 0) / 14;
      const wilder = ranges.slice(14).reduce((average, range) => (average * 13 + range) / 14, seed);
      expect(first?.atr15m).toBeCloseTo(wilder, 12);
    }
    // A repair that arrives later makes the own rows count again.
    const repaired = { ...missed, missing: false, localTimestamp: at(known + 20) };
    const { features } = featureRun([...before, candle(14), missed, trade(known + 5), repaired, ...after.slice(1)], { windows });
    const own = featureRun([...before, ...after], { windows }).features.at(-1);
    expect(features.at(-1)?.atr15m).toBe(own?.atr15m);
    expect(own?.detail).toMatchObject({ atr15m: '17 of 200 candles' });
  });

  it('is warm again after a gap by candles for its bars, without waiting for 200 new ones', () => {
    const windows = new Map([['mark_dev_z', 600]]);
    const seed = Array.from({ length: 200 }, (_, index) => candle(index - 200));
    const records = [...bars(2), gap('trade', BAR + 100, 2 * BAR + 100), ...bars(2, 2)];
    const cold = featureRun([...seed, ...records], { windows }).features.at(-1);
    expect(cold?.detail).toMatchObject({ atr15m: 'gap' });
    const bridged = featureRun([...seed, candle(1), candle(2), ...records], { windows }).features.at(-1);
    expect(bridged?.detail).not.toHaveProperty('atr15m');
    expect(bridged?.atr15m).toBeGreaterThan(0);
  });
});

describe('several symbols and markets', () => {
  it('keep to themselves', () => {
    const other = { symbol: 'ETHUSDT', price: 7 };
    const { micro } = featureRun([
      trade(0.1),
      trade(0.2, { ...other, id: 'e' }),
      trade(1.1),
      trade(1.2, { ...other, id: 'f', market: 'spot' }),
    ]);
    expect(micro.map(({ symbol, market, close }) => `${market} ${symbol} ${close}`).sort()).toEqual([
      'linear BTCUSDT 100',
      'linear BTCUSDT 100',
      'linear ETHUSDT 7',
      'spot ETHUSDT 7',
    ]);
  });

  it('have the same rows alone and together, where a gap becomes known after they were emitted', () => {
    const seconds = [...Array.from({ length: 55 }, (_, index) => index * 10), 610];
    const own: AnyRecord[] = seconds.map((second) => trade(second, { id: `own-${second}` }));
    const other = Array.from({ length: 600 }, (_, second) => trade(second, { id: `other-${second}`, symbol: 'ETHUSDT' }));
    const times = { timestamp: at(590), localTimestamp: at(590), fromTimestamp: at(100), untilTimestamp: at(590) };
    const gap: Gap = { type: 'gap', ...identity, ...times, channel: 'book', reason: 'disconnect', repaired: 0, missing: true };
    const alone = [...own, book(0), gap].sort((a, b) => a.timestamp - b.timestamp);
    const together = [...alone, ...other].sort((a, b) => a.timestamp - b.timestamp);
    const rowsOf = (records: readonly AnyRecord[], apart: boolean) =>
      JSON.stringify(featureRun(records, { batch: true, apart }).features.filter(({ symbol }) => symbol === identity.symbol));
    expect(rowsOf(together, true)).toBe(rowsOf(alone, true));
    // The others move the clock of the market on, and more rows are emitted before the gap.
    expect(rowsOf(together, false)).toBe(rowsOf(alone, false));
  });

  it('a day of silence ends a series: no rows are made up for it', () => {
    const { micro } = featureRun([trade(0.5), trade(3 * 86_400 + 0.5)]);
    expect(micro.length).toBeLessThan(10);
  });
});
