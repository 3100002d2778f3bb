import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import * as movingAverage from '../../../examples/moving-average.js';
import { execute } from '../../../src/lib/backtest/study/execute.js';
import type { LoadedMarket } from '../../../src/lib/backtest/study/market-reader.js';
import type { RunPlan } from '../../../src/lib/backtest/study/run-plan.js';
import { loadMarkets } from '../../../src/lib/backtest/study/source.js';
import type { StrategyModule } from '../../../src/lib/backtest/study/strategy-module.js';
import { buildTerms, type ExecutionTerms } from '../../../src/lib/backtest/terms.js';
import { HOUR } from '../../../src/lib/model/time.js';

const ROOT = join(import.meta.dirname, '../../..');
const FEE = 0.0006;
const module: StrategyModule = movingAverage as unknown as StrategyModule;

let market: LoadedMarket;
beforeAll(async () => {
  const paths = [join(ROOT, 'fixtures/btc-perp-1m-2022-01.csv.gz')];
  const unbroken = (reason: string) => expect.unreachable(reason);
  [market] = (await loadMarkets({ paths, directory: '', books: false, signals: false, broken: unbroken })) as [LoadedMarket];
});

const planOf = (fast: number, slow: number, more: Partial<ExecutionTerms> = {}): RunPlan => ({
  strategy: { kind: 'module', path: 'examples/moving-average.ts', parameters: { fast, slow, share: 1 } },
  terms: buildTerms({ deposit: 10_000, takerFee: FEE, leverage: 2, ...more }),
  gaps: 'fail',
  sample: HOUR,
});

/** Means over a window by differences of one running total. */
function means(values: Float64Array, length: number): Float64Array {
  const total = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) total[i + 1] = (total[i] as number) + (values[i] as number);
  return Float64Array.from(values, (_, i) =>
    i + 1 < length ? Number.NaN : ((total[i + 1] as number) - (total[i + 1 - length] as number)) / length,
  );
}

/**
 * The same rule without an engine, column by column: signs, where they change, the opening after that, and the product of
 * what each stretch from opening to opening multiplies equity by. Sized with E at an opening O0 and closed at O1, a stretch of
 * sign s leaves E × (1 − f + s × (O1 / O0 − 1) − f × O1 / O0). The first order is sized at the close before its opening.
 */
function vectorised(fast: number, slow: number) {
  const { feed } = market.data;
  if (feed.kind !== 'candles') throw new Error('expected candles');
  const { open, close } = feed;
  const [quick, lazy] = [means(close, fast), means(close, slow)];
  const signs = Array.from(close, (_, i) => (i < slow - 1 ? 0 : (quick[i] as number) > (lazy[i] as number) ? 1 : -1));
  const turns = signs.flatMap((sign, i) => (i + 1 < close.length && sign !== (signs[i - 1] ?? 0) ? [{ sign, at: i + 1 }] : []));
  let equity = 10_000;
  for (const [index, { sign, at }] of turns.entries()) {
    const entry = open[at] as number;
    const next = turns[index + 1];
    const exit = next ? (open[next.at] as number) : (close.at(-1) as number);
    const sized = index === 0 ? entry / (close[at - 1] as number) : 1;
    const growth = exit / entry - 1;
    equity *= 1 + sized * (sign * growth - FEE - (next ? FEE * (1 + growth) : 0));
  }
  return { equity, fills: turns.length * 2 - 1 };
}

describe('a moving-average cross on a month of BTC', () => {
  it.each([
    [20, 50],
    [10, 100],
    [60, 240],
  ])('gives what an independent computation gives: %i over %i', (fast, slow) => {
    const { run, fills } = execute({ market, module, plan: planOf(fast, slow), path: 'high-first' });
    const expected = vectorised(fast, slow);
    const metrics = run.metrics as Record<string, number>;
    expect(fills).toHaveLength(expected.fills);
    expect((metrics.final_equity as number) / expected.equity).toBeCloseTo(1, 9);
    expect(metrics.final_equity).toBeCloseTo(
      10_000 + (metrics.realized_pnl as number) + (metrics.unrealized_pnl as number) - (metrics.fees as number),
      6,
    );
  });

  it('does not depend on the path, or on what comes later', () => {
    const [high, low] = (['high-first', 'low-first'] as const).map((path) =>
      execute({ market, module, plan: planOf(20, 50), path }),
    );
    expect(high?.run.fillsHash).toBe(low?.run.fillsHash);
    const until = (market.data.feed.time.at(-1) as number) - 10 * 24 * HOUR;
    const early = execute({ market, module, plan: planOf(20, 50), path: 'high-first', until });
    const before = (high?.fills ?? []).filter(({ timestamp }) => timestamp < until);
    expect(early.fills.map(({ price, amount }) => [price, amount])).toEqual(before.map(({ price, amount }) => [price, amount]));
  });

  it('is the same, byte for byte, however often it is run', () => {
    const texts = [0, 1].map(() => JSON.stringify(execute({ market, module, plan: planOf(20, 50), path: 'high-first' })));
    expect(texts[0]).toBe(texts[1]);
  });

  it('warms up on what came before its part of the data', () => {
    const since = market.data.feed.time[5000] as number;
    const { fills } = execute({ market, module, plan: planOf(20, 50), path: 'high-first', since });
    expect(fills[0]?.timestamp).toBe(since + 60_000_000);
  });
});
