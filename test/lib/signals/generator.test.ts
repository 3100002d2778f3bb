import { describe, expect, it } from 'vitest';
import type { FeatureRow } from '../../../src/lib/features/feature-series.js';
import type { AnyRecord, Gap, RecordOf } from '../../../src/lib/model/records.js';
import { type Rejection, SignalGenerator } from '../../../src/lib/signals/generator.js';
import { riskOf } from '../../../src/lib/signals/risk.js';
import { checkedRules, DEFAULT_RULES, GATES, type Gate, type SignalRules } from '../../../src/lib/signals/rules.js';
import { featureRun } from '../../support/feature-runs.js';
import { clockRecord, gapRecord } from '../../support/records.js';
import { LONG_AT, SHORT_AT, signalScenario } from '../../support/signal-scenario.js';

const SECOND = 1_000_000;
const START = 1_795_132_800_000_000;

/** A row that gives a long with the default rules. */
const row = (fields: Partial<FeatureRow> = {}): FeatureRow => ({
  type: 'features',
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: START,
  knownTimestamp: START + SECOND,
  close: 100,
  deltaZ: 2,
  imbShift: 0.15,
  markDevZ: 1,
  atr15m: 0.5,
  atr15mPct: 0.5,
  spreadBps: 3,
  warm: true,
  gapInWindow: false,
  ageMs: 5000,
  ...fields,
});
const short = (fields: Partial<FeatureRow> = {}) => row({ deltaZ: -2, imbShift: -0.15, markDevZ: -1, ...fields });

function run(records: readonly AnyRecord[], rules: SignalRules = DEFAULT_RULES) {
  const rejections: Rejection[] = [];
  const generator = new SignalGenerator({
    rules: () => rules,
    hash: (text) => `#${text}`,
    rejected: (rejection) => rejections.push(rejection),
  });
  const given = records.flatMap((record) => generator.add(record));
  const signals = given.filter((record): record is RecordOf<'signal'> => record.type === 'signal');
  return { given, signals, rejections, reasons: rejections.map(({ reasons }) => reasons), counts: generator.counts };
}

describe('triggers', () => {
  it.each([
    ['all at their thresholds', row(), 'buy'],
    ['the mirror', short(), 'sell'],
    ['delta_z below', row({ deltaZ: 1.999 }), undefined],
    ['imb_shift below', row({ imbShift: 0.149 }), undefined],
    ['mark_dev_z below', row({ markDevZ: 0.999 }), undefined],
    ['sides that disagree', row({ markDevZ: -5 }), undefined],
    ['a value that is missing', row({ imbShift: undefined }), undefined],
  ] as const)('%s', (_, record, side) => {
    const { signals, rejections } = run([record]);
    expect(signals[0]?.side).toBe(side);
    expect(rejections).toEqual([]);
  });
});

describe('gates', () => {
  const violations: readonly (readonly [Gate, Partial<FeatureRow>])[] = [
    ['spread', { spreadBps: 3.01 }],
    ['spread', { spreadBps: undefined }],
    ['volatility', { atr15mPct: 0.149 }],
    ['volatility', { atr15mPct: 3.01 }],
    ['warm', { warm: false }],
    ['gap', { gapInWindow: true }],
    ['age', { ageMs: 5001 }],
    ['age', { ageMs: undefined }],
  ];

  it.each(violations)('%s rejects %o, alone, and only while it is on', (gate, fields) => {
    const rejected = run([row(fields)]);
    expect(rejected.signals).toEqual([]);
    expect(rejected.reasons).toEqual([[gate]]);
    const without = { ...DEFAULT_RULES, gates: GATES.filter((other) => other !== gate) };
    const let_through = run([row(fields)], without);
    expect(let_through.signals).toHaveLength(1);
    expect(let_through.signals[0]?.gates).not.toHaveProperty(gate);
  });

  it('are told with every signal: value, limit and verdict', () => {
    expect(run([row()]).signals[0]?.gates).toEqual({
      spread: { pass: true, value: 3, limit: 'spread_bps <= 3' },
      volatility: { pass: true, value: 0.5, limit: 'atr15m_pct within 0.15% to 3%' },
      warm: { pass: true, value: true, limit: 'warm' },
      gap: { pass: true, value: false, limit: 'no gap_in_window' },
      age: { pass: true, value: 5000, limit: 'age_ms <= 5000' },
    });
  });

  it('cannot make a signal of a row without a price or an ATR', () => {
    const none = { ...DEFAULT_RULES, gates: [] };
    expect(run([row({ close: undefined })], none).reasons).toEqual([['price']]);
    expect(run([row({ atr15mPct: undefined })], none).reasons).toEqual([['price']]);
  });
});

describe('cooldown', () => {
  const at = (seconds: number, make = row) => make({ timestamp: START + seconds * SECOND });

  it('holds back the same side of the same symbol, from signal to signal', () => {
    const other = { ...at(10), symbol: 'ETHUSDT' };
    const { signals, reasons } = run([at(0), at(1), at(5, short), other, at(899), at(900), at(905, short)]);
    expect(signals.map(({ symbol, side, timestamp }) => [symbol, side, (timestamp - START) / SECOND])).toEqual([
      ['BTCUSDT', 'buy', 0],
      ['BTCUSDT', 'sell', 5],
      ['ETHUSDT', 'buy', 10],
      ['BTCUSDT', 'buy', 900],
      ['BTCUSDT', 'sell', 905],
    ]);
    expect(reasons).toEqual([['cooldown'], ['cooldown']]);
  });

  it('does not begin with a rejection', () => {
    expect(run([row({ warm: false }), at(1)]).signals).toHaveLength(1);
  });
});

describe('risk', () => {
  it.each([
    // ATR 0.5 %: 0.6 % stop, 1 % target, 0.4 % trailing, armed at 0.6 %.
    ['buy', 0.005, { stop: 99.4, takeProfit: 101, trailingDistance: 0.004, trailingArm: 100.6 }],
    ['sell', 0.005, { stop: 100.6, takeProfit: 99, trailingDistance: 0.004, trailingArm: 99.4 }],
    ['buy', 0.0001, { stop: 99.6, takeProfit: 101, trailingDistance: 0.003, trailingArm: 100.6 }],
    ['buy', 0.02, { stop: 99, takeProfit: 102, trailingDistance: 0.008, trailingArm: 101.2 }],
  ] as const)('%s at an ATR of %f is clamped', (side, atr, expected) => {
    expect(riskOf(side, 100, atr, DEFAULT_RULES)).toEqual({ ...expected, timeoutSeconds: 14_400 });
  });
});

describe('rules', () => {
  it.each([
    ['deltaZ', -1, /delta-z of at least 0/],
    ['minAtr', 0.5, /min-atr of at most max-atr/],
    ['trailingArm', 1.1, /trailing-arm/],
    ['stop', { atr: 1, min: 0.02, max: 0.01 }, /stop between 0 and 1/],
    ['timeout', 0, /timeout/],
  ] as const)('refuse %s %s', (name, value, message) => {
    expect(() => checkedRules({ ...DEFAULT_RULES, [name]: value }, 'signals')).toThrow(message);
  });
});

describe('ids', () => {
  it('are the same for the same row and rules, and different for any other', () => {
    const id = (record: FeatureRow, rules = DEFAULT_RULES) => run([record], rules).signals[0]?.id;
    expect(id(row())).toBe(id(row({ deltaZ: 9, knownTimestamp: START + 5 * SECOND })));
    const others = [
      id(row()),
      id(short()),
      id(row({ symbol: 'ETHUSDT' })),
      id(row({ market: 'spot' })),
      id(row({ timestamp: START + SECOND })),
      id(row(), { ...DEFAULT_RULES, cooldown: 1 }),
    ];
    expect(new Set(others).size).toBe(others.length);
  });
});

describe('what passes by', () => {
  it('are gaps and clocks; rows given again are not looked at twice', () => {
    const { given, counts } = run([clockRecord, row({ warm: false }), row(), gapRecord]);
    expect(given).toEqual([clockRecord, gapRecord]);
    expect(counts).toMatchObject({ rows: 1, again: 1, signals: 0 });
  });
});

describe('the scenario', () => {
  const records = signalScenario();
  const { features } = featureRun(records);

  it('gives exactly one long and one short, at the first second of each event', () => {
    const { signals, reasons } = run(features);
    expect(signals.map(({ side, timestamp }) => [side, timestamp])).toEqual([
      ['buy', LONG_AT + SECOND],
      ['sell', SHORT_AT + SECOND],
    ]);
    expect(signals.every(({ knownTimestamp, timestamp }) => knownTimestamp >= timestamp + SECOND)).toBe(true);
    expect(reasons.every((all) => all.join() === 'cooldown')).toBe(true);
  });

  it.each([
    ['no event', signalScenario({ events: [] }), []],
    ['too few candles', signalScenario({ candles: 150 }), ['warm']],
    ['candles without a range', signalScenario({ range: 1 }), ['volatility']],
  ] as const)('with %s gives none', (_, changed, expected) => {
    const { signals, reasons } = run(featureRun(changed).features);
    expect(signals).toEqual([]);
    expect([...new Set(reasons.flat())]).toEqual(expected);
  });

  it('with wide books is rejected for the spread', () => {
    const wide = records.map((record) =>
      record.type === 'book_snapshot'
        ? { ...record, bids: record.bids.map(([price, amount]) => [price - 60, amount] as const) }
        : record,
    );
    const { signals, reasons } = run(featureRun(wide).features);
    expect(signals).toEqual([]);
    expect(new Set(reasons.flat())).toEqual(new Set(['spread']));
  });

  it('with marks that stopped 6 s before is rejected for their age', () => {
    const old = records.filter(
      ({ type, timestamp }) =>
        type !== 'mark_price' || Math.min(Math.abs(timestamp - LONG_AT), Math.abs(timestamp - SHORT_AT)) > 9 * SECOND,
    );
    // The mark no longer says anything, so its trigger is left out; age still does.
    const { signals, reasons } = run(featureRun(old).features, { ...DEFAULT_RULES, markDevZ: 0 });
    expect(signals).toEqual([]);
    expect(reasons.flat()).toContain('age');
  });

  it.each(['trade', 'book', 'ticker'])('with a gap of its %s channel before each event gives none', (channel) => {
    const gaps = [LONG_AT, SHORT_AT].map((at): Gap => {
      const [fromTimestamp, untilTimestamp] = [at - 30 * SECOND, at - 25 * SECOND];
      const times = { fromTimestamp, untilTimestamp, timestamp: untilTimestamp, localTimestamp: untilTimestamp + 1 };
      return { ...gapRecord, ...times, channel };
    });
    const inHole = (time: number) => gaps.some((gap) => time > gap.fromTimestamp && time < gap.untilTimestamp);
    const types: Record<string, string> = { trade: 'trade', book: 'book_snapshot', ticker: 'mark_price' };
    const damaged = [...records.filter(({ type, timestamp }) => type !== types[channel] || !inHole(timestamp)), ...gaps];
    damaged.sort((a, b) => (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0));
    expect(run(featureRun(damaged).given).signals).toEqual([]);
  });
});
