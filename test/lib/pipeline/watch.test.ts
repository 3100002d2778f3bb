import { describe, expect, it } from 'vitest';
import { execute } from '../../../src/lib/backtest/study/execute.js';
import { MarketReader } from '../../../src/lib/backtest/study/market-reader.js';
import { buildTerms } from '../../../src/lib/backtest/terms.js';
import { FeatureEngine } from '../../../src/lib/features/engine.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { HOUR } from '../../../src/lib/model/time.js';
import { Watch, type WatchOptions } from '../../../src/lib/pipeline/watch.js';
import { SignalGenerator } from '../../../src/lib/signals/generator.js';
import { DEFAULT_RULES } from '../../../src/lib/signals/rules.js';
import { hashOfSignal } from '../../../src/lib/signals/store/signal-run.js';
import { signalScenario } from '../../support/signal-scenario.js';

const ENGINE = { grace: 1_000_000, windows: new Map() };
/** A low target and a short timeout: both planted signals are closed before the market ends. */
const RULES = { ...DEFAULT_RULES, timeout: 120_000_000 };
const TERMS = buildTerms({ deposit: 10_000, latency: 100_000, tickSize: 0.1, lotSize: 0.001 });
const OPTIONS: WatchOptions = { engine: ENGINE, rules: () => RULES, paper: () => ({ terms: TERMS, notional: 1_000 }) };

function ofType(records: readonly AnyRecord[], type: AnyRecord['type']): AnyRecord[] {
  return records.filter((record) => record.type === type);
}

/** The same by the steps one after the other, each over the whole output of the one before. */
function byTheSteps(records: readonly AnyRecord[]) {
  const engine = new FeatureEngine(ENGINE);
  const rows = [...records.flatMap((record) => [...engine.add(record)]), ...engine.finish()];
  const generator = new SignalGenerator({ rules: () => RULES, hash: hashOfSignal });
  const signals = rows.flatMap((row) => [...generator.add(row)]).filter(({ type }) => type === 'signal');
  const reader = new MarketReader({ books: false });
  reader.add([...records.filter(({ type }) => type !== 'candle'), ...signals]);
  const [market] = reader.finish();
  if (!market) throw new Error('the scenario has no market');
  const plan = { strategy: { kind: 'signals', notional: 1_000 }, terms: TERMS, gaps: 'ignore', sample: HOUR } as const;
  return { rows, signals, run: execute({ market, plan }) };
}

describe('a watch', () => {
  const records = signalScenario();
  const expected = byTheSteps(records);
  const watch = new Watch(OPTIONS);
  const out = [...records.flatMap((record) => watch.add(record)), ...watch.finish()];

  it('gives the rows and signals of features and signals', () => {
    expect(ofType(out, 'features')).toEqual(ofType(expected.rows, 'features'));
    expect(ofType(out, 'micro')).toEqual(ofType(expected.rows, 'micro'));
    expect(ofType(out, 'clock')).toEqual(ofType(records, 'clock'));
    expect(expected.signals.map((signal) => signal.type === 'signal' && signal.side)).toEqual(['buy', 'sell']);
    expect(ofType(out, 'signal')).toEqual(expected.signals);
  });

  it('earns on paper what the backtest earns, fill by fill', () => {
    const withoutRun = (fill: AnyRecord) => ({ ...fill, runId: '' });
    expect(expected.run.fills.length).toBeGreaterThanOrEqual(4);
    expect(ofType(out, 'fill').map(withoutRun)).toEqual(expected.run.fills.map(withoutRun));
    const [symbol] = watch.symbols();
    const metrics = expected.run.run.metrics as Readonly<Record<string, number>>;
    expect(symbol?.paper?.net).toBeCloseTo(metrics.net_profit as number, 9);
    expect(symbol?.paper).toMatchObject({ signals: 2, open: 0, fees: metrics.fees });
    expect(watch.lateTrades).toBe(0);
  });

  it('has fills of its own run: those of a watch that began with another trade never take their place in a store', () => {
    const later = new Watch(OPTIONS);
    const [first] = ofType(records, 'trade');
    const rest = records.filter((record) => record !== first);
    const second = ofType([...rest.flatMap((record) => later.add(record)), ...later.finish()], 'fill');
    const runs = new Set([...ofType(out, 'fill'), ...second].map((fill) => fill.type === 'fill' && fill.runId));
    expect([second.length > 0, runs.size]).toEqual([true, 2]);
  });

  it('says of each symbol what keeps it from a signal', () => {
    const early = new Watch(OPTIONS);
    for (const record of records.slice(0, 6_000)) early.add(record);
    const [symbol] = early.symbols();
    const cold = symbol?.warmUp?.features.map(({ name }) => name);
    expect(cold).toContain('mark_dev_z');
    expect(symbol?.row.warm).toBe(false);
    expect(watch.symbols()[0]?.warmUp?.features).toEqual([]);
  });
});
