/**
 * Backtests as ratios to the same runs in plain C (`backtest.c`, built here with cc -O3) and to grademark: a moving-average
 * cross and signals over a million candles, a grid over ten million trades, and a sweep of 32 grids on one and two threads.
 * Every run must end with the equity, the drawdown and the number of fills of the C program.
 *
 *   npm ci --prefix test/bench --ignore-scripts && npm run build
 *   node --import tsx test/bench/backtest.bench.ts [bars|signals|grid|sweep|grademark …]
 *
 * What runs is the built product: `runBacktest`, and for the sweep the worker pool of `mdtool backtest --sweep`. The sides
 * take turns within one process and the best of each counts, so that other work on the machine hits both.
 *
 * Goals: bars 0.85 of C and 50 × grademark, a sweep of grids 0.5 of C, two threads 1.6 × one.
 *
 * November 2026, 2 shared vCPUs at load 10 to 25, where wall time says little; so processor time, best of 40 to 60 runs in
 * turns with C: moving-average cross 0.64–0.66 (12.9 to 13.8 ms to 8.7; 0.48 before blocks that stay calm were passed over
 * whole), signals 0.25–0.29 (17.2 to 19 ms to 5.0). By this bench at load 20: cross 1.07 of C and 192 × grademark, both of
 * which the load hits harder; signals 0.23; one grid 0.66; a sweep of 32 grids of some 800 fills each 1.14 of C (336 ms of
 * processor time, 374 before), since blocks in which nothing happens are passed over, which C does not do; two threads
 * 1.26 × one with no processor free, 1.61 × at best in quieter runs.
 *
 * Where bars stay below: of 13 ms for a million candles and 22,768 turns, 3.0 are the module's own averages, 1.4 finding the
 * changes, 8.2 the run: gathering the turns 0.8, the turns 3.5 (150 ns each: two fills, margin, liquidation price, extremes),
 * following equity 2.5, of which most is waiting for memory: the module loses slowly, so that 19,000 blocks hold a new
 * deepest fall. C makes all of it one pass of 8.7 ms through memory in order. Signals are orders: of 17 ms for 3303 trades
 * of four orders and 10,074 candles walked, a third is waiting for memory at those candles, a fifth collecting and
 * allocating orders and fills, and the rest is spread over thirty functions of the general engine, none above 4 %.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBacktest } from '../../dist/lib/backtest/engine.js';
import { type Bars, emptyTimedValues, type MarketData, type Ticks, takerCode } from '../../dist/lib/backtest/market-data.js';
import type { Outcome } from '../../dist/lib/backtest/outcome.js';
import { ExposureStrategy } from '../../dist/lib/backtest/strategies/exposure.js';
import { GridStrategy } from '../../dist/lib/backtest/strategies/grid.js';
import { createGridPlanner, type GridSettings } from '../../dist/lib/backtest/strategies/grid-planner.js';
import { type Signal, SignalStrategy } from '../../dist/lib/backtest/strategies/signals.js';
import { createWorkerPool, type Pool } from '../../dist/lib/backtest/study/pool.js';
import type { RunPlan } from '../../dist/lib/backtest/study/run-plan.js';
import { sweep } from '../../dist/lib/backtest/study/sweep.js';
import { buildTerms, type ExecutionTerms } from '../../dist/lib/backtest/terms.js';
import { exposure } from '../../examples/moving-average.js';
import { seeded } from '../support/random.js';

const BARS = 1_000_000;
const TICKS = 10_000_000;
const SIGNALS = 4000;
const CONFIGURATIONS = 32;
const ROUNDS = 7;
const MINUTE = 60e6;
const DAY = 86_400e6;
const START = 1_767_225_600e6;

type Result = { readonly time: number; readonly equity: number; readonly worst: number; readonly fills: number };

const folder = mkdtempSync(join(tmpdir(), 'backtest-bench-'));
const shared = (count: number) => new Float64Array(new SharedArrayBuffer(count * 8));
const cents = (value: number) => Math.round(value) / 100;

function makeBars(): Bars {
  const random = seeded(1);
  const [time, open, high, low, close, volume] = Array.from({ length: 6 }, () => shared(BARS)) as Float64Array[];
  let last = 50_000;
  for (let index = 0; index < BARS; index++) {
    const moved = last + Math.round((random() + random() - 1 - (last - 50_000) * 2e-6) * 60);
    time[index] = START + index * MINUTE;
    open[index] = cents(last);
    close[index] = cents(moved);
    high[index] = cents(Math.max(last, moved) + Math.floor(random() * 15));
    low[index] = cents(Math.min(last, moved) - Math.floor(random() * 15));
    volume[index] = 1e9;
    last = moved;
  }
  return { kind: 'candles', interval: MINUTE, time, open, high, low, close, volume } as Bars;
}

function makeTicks(): Ticks {
  const random = seeded(2);
  const [time, price, amount] = Array.from({ length: 3 }, () => shared(TICKS)) as Float64Array[];
  let [at, last] = [START, 10_000];
  for (let index = 0; index < TICKS; index++) {
    at += Math.floor(random() * 800_000);
    const draw = random();
    if (draw < 0.3) last += draw < 0.15 - (last - 10_000) * 1e-5 ? 3 : -3;
    (time as Float64Array)[index] = at;
    (price as Float64Array)[index] = cents(last);
    (amount as Float64Array)[index] = 1e9;
  }
  const taker = new Uint8Array(new SharedArrayBuffer(TICKS)).fill(takerCode('sell'));
  return { kind: 'trades', time, price, amount, taker };
}

/** Stops and targets are on ticks; half of the trades end by one of them, the rest by a trailing stop or in time. */
function makeSignals({ time, close }: Bars): Signal[] {
  const random = seeded(3);
  return Array.from({ length: SIGNALS }, (_, number) => {
    const index = Math.floor(((number + random()) * (BARS - 1000)) / SIGNALS) + 100;
    const sign = random() < 0.5 ? 1 : -1;
    const price = close[index] as number;
    const away = (share: number) => cents(price * (1 + sign * share) * 100);
    return {
      knownTimestamp: (time[index] as number) + MINUTE,
      side: sign > 0 ? 'buy' : 'sell',
      stop: away(-0.01),
      takeProfit: away(0.02),
      trailingArm: away(0.012),
      trailingDistance: 0.006,
      timeoutSeconds: 4 * 3600,
    };
  });
}

function write(name: string, columns: readonly Float64Array[]): string {
  const path = join(folder, name);
  for (const [index, column] of columns.entries())
    writeFileSync(path, new Uint8Array(column.buffer), { flag: index === 0 ? 'w' : 'a' });
  return path;
}

function inC(...parameters: readonly (string | number)[]): Result {
  const lines = execFileSync(join(folder, 'backtest'), parameters.map(String), { encoding: 'utf8' }).trim().split('\n');
  const results = lines.map((line) => line.split(' ').map(Number) as [number, number, number, number]);
  const [, equity, worst, fills] = results[0] as [number, number, number, number];
  return { time: Math.min(...results.map(([time]) => time)), equity, worst, fills };
}

const market = (feed: Bars | Ticks): MarketData => ({
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BENCHUSDT',
  feed,
  marks: emptyTimedValues(),
  fundings: emptyTimedValues(),
  gaps: [],
  books: [],
});

const terms = (more: Partial<ExecutionTerms>) => buildTerms({ deposit: 10_000, leverage: 2, ...more });

function clocked(work: () => Outcome): Result {
  const began = performance.now();
  const outcome = work();
  const time = performance.now() - began;
  const { equity, tracker, fills } = outcome;
  return { time, equity: equity.at(-1)?.equity ?? Number.NaN, worst: tracker.relative.size, fills: fills.length };
}

const better = (a: Result | undefined, b: Result) => (a === undefined || b.time < a.time ? b : a);

/** Takes turns; ours runs three times each, as C does. Throws where the two do not agree. */
function compare(name: string, events: number, ours: () => Result, c: () => Result, goal: number): Result {
  let best: { ours?: Result; c?: Result } = {};
  for (let round = 0; round < ROUNDS; round++) {
    best = { ...best, c: better(best.c, c()) };
    for (let again = 0; again < 3; again++) best = { ...best, ours: better(best.ours, ours()) };
  }
  const [mine, theirs] = [best.ours as Result, best.c as Result];
  const near = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));
  if (!near(mine.equity, theirs.equity) || !near(mine.worst, theirs.worst) || mine.fills !== theirs.fills)
    throw new Error(`${name}: ours ${JSON.stringify(mine)}, C ${JSON.stringify(theirs)}`);
  const speed = (time: number) => `${(events / time / 1000).toFixed(1)} M/s`;
  const ratio = `${(theirs.time / mine.time).toFixed(2)} of C (goal ${goal})`;
  console.log(
    `${name}: ${mine.time.toFixed(1)} ms ${speed(mine.time)}, C ${theirs.time.toFixed(1)} ms, ${mine.fills} fills: ${ratio}`,
  );
  return mine;
}

function average(bars: Bars): Result {
  const data = market(bars);
  const options = { terms: terms({ lotSize: 1e-6 }), path: 'high-first', sample: DAY } as const;
  const file = write('bars', [bars.time, bars.open, bars.high, bars.low, bars.close]);
  const run = () => {
    const wish = exposure(bars, { fast: 20, slow: 50, share: 0.01 });
    return runBacktest(data, { ...options, strategy: new ExposureStrategy(wish, bars) });
  };
  return compare(
    'moving-average cross',
    BARS,
    () => clocked(run),
    () => inC('bars', BARS, file, 3),
    0.85,
  );
}

function signalled(bars: Bars): void {
  const signals = makeSignals(bars);
  const options = { terms: terms({ lotSize: 1e-6, tickSize: 0.01, leverage: 1 }), path: 'worse', sample: DAY } as const;
  const rows = signals.flatMap(({ side, ...signal }) => [
    signal.knownTimestamp,
    side === 'buy' ? 1 : -1,
    signal.stop,
    signal.takeProfit,
    signal.trailingDistance,
    signal.trailingArm,
    signal.timeoutSeconds * 1e6,
  ]);
  const file = write('bars', [bars.time, bars.open, bars.high, bars.low, bars.close]);
  const given = write('signals', [Float64Array.from(rows)]);
  const run = () =>
    runBacktest(market(bars), { ...options, strategy: new SignalStrategy({ signals, notional: 1000, tickSize: 0.01 }) });
  compare(
    'signals',
    BARS,
    () => clocked(run),
    () => inC('signals', BARS, file, 3, SIGNALS, given),
    0.85,
  );
}

const settingsOf = (configuration: number): GridSettings => ({
  levels: 8,
  coverage: String((10 + 2 * (configuration % 8)) / 100),
  multiplier: String((11 + Math.floor(configuration / 8)) / 10),
  takeProfit: '0.01',
  leverage: '2',
  limits: { tickSize: '0.01', lotSize: '0.001' },
});

const gridTerms = terms({ tickSize: 0.01, lotSize: 0.001 });

function runGrid(data: MarketData, configuration: number): Outcome {
  const planner = createGridPlanner(settingsOf(configuration));
  const strategy = new GridStrategy({ planner, side: 'long', restart: MINUTE });
  return runBacktest(data, { terms: gridTerms, strategy, path: 'high-first', sample: DAY });
}

/** All 32, one after the other in this thread: where code that V8 gave up on would show. */
function grids(data: MarketData, count: number): Result {
  const results = Array.from({ length: count }, (_, configuration) => clocked(() => runGrid(data, configuration)));
  const sum = (pick: (result: Result) => number) => results.reduce((total, result) => total + pick(result), 0);
  const worst = Math.max(...results.map((result) => result.worst));
  return { time: sum(({ time }) => time), equity: sum(({ equity }) => equity), worst, fills: sum(({ fills }) => fills) };
}

async function workers(data: MarketData): Promise<void> {
  const plans = Array.from({ length: CONFIGURATIONS }, (_, configuration): RunPlan => {
    const strategy = {
      kind: 'grid',
      side: 'long',
      settings: settingsOf(configuration),
      restart: MINUTE,
      fixedDeposit: false,
    } as const;
    return { strategy, terms: gridTerms, gaps: 'fail', sample: DAY };
  });
  const pools = [1, 2].map((size) => createWorkerPool(size, { market: { data, signals: [], notes: [] }, module: undefined }));
  const best = pools.map(() => Number.POSITIVE_INFINITY);
  let ranking = '';
  for (let round = 0; round <= ROUNDS; round++)
    for (const [index, pool] of pools.entries()) {
      const began = performance.now();
      const found = await swept(pool, plans);
      // The first round compiles and finds the extents of the columns.
      if (round > 0) best[index] = Math.min(best[index] as number, performance.now() - began);
      if (ranking !== '' && ranking !== found) throw new Error('the number of threads changed the ranking');
      ranking = found;
    }
  await Promise.all(pools.map((pool) => pool.close()));
  const [one = 0, two = 0] = best;
  console.log(
    `sweep of ${plans.length} on one thread ${one.toFixed(0)} ms, on two ${two.toFixed(0)} ms: ${(one / two).toFixed(2)} × (goal 1.6)`,
  );
}

async function swept(pool: Pool, plans: readonly RunPlan[]): Promise<string> {
  const { signal } = new AbortController();
  const found = await sweep({ pool, plans, paths: [undefined], rankBy: 'net_profit', signal, progress: () => {} });
  return found.flatMap(({ runs }) => runs.map(({ runId }) => runId)).join();
}

/** The same cross with its sums made beforehand; it enters and leaves at the next opening, and knows no fees or amounts. */
function grademark(bars: Bars, mine: Result): void {
  const require = createRequire(import.meta.url);
  const { backtest } = require('grademark');
  const { DataFrame } = require('data-forge');
  const wish = exposure(bars, { fast: 20, slow: 50, share: 1 });
  const rows = Array.from(wish, (wanted, index) => ({
    time: new Date((bars.time[index] as number) / 1000),
    open: bars.open[index],
    high: bars.high[index],
    low: bars.low[index],
    close: bars.close[index],
    wanted,
  }));
  const strategy = {
    entryRule: (enter: (options: object) => void, { bar }: { bar: { wanted: number } }) => {
      if (bar.wanted !== 0) enter({ direction: bar.wanted > 0 ? 'long' : 'short' });
    },
    exitRule: (exit: () => void, { bar, entryPrice: _, position }: never) => {
      const { direction } = position as { direction: string };
      if ((bar as { wanted: number }).wanted > 0 !== (direction === 'long')) exit();
    },
  };
  const frame = new DataFrame(rows).setIndex('time').bake();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const began = performance.now();
    backtest(strategy, frame);
    best = Math.min(best, performance.now() - began);
  }
  console.log(`grademark: ${best.toFixed(0)} ms: ours is ${(best / mine.time).toFixed(0)} × its speed (goal 50)`);
}

const chosen = process.argv.slice(2);
const wants = (name: string) => chosen.length === 0 || chosen.includes(name);
try {
  execFileSync('cc', ['-O3', '-o', join(folder, 'backtest'), new URL('backtest.c', import.meta.url).pathname, '-lm']);
  console.log(
    `load ${loadavg()
      .map((value) => value.toFixed(1))
      .join(' ')}, best of ${ROUNDS} × 3, node ${process.version}`,
  );
  if (wants('bars') || wants('signals') || wants('grademark')) {
    const bars = makeBars();
    const mine = wants('bars') || wants('grademark') ? average(bars) : undefined;
    if (wants('signals')) signalled(bars);
    if (mine !== undefined && wants('grademark')) grademark(bars, mine);
  }
  if (wants('grid') || wants('sweep')) {
    const ticks = makeTicks();
    const file = write('ticks', [ticks.time, ticks.price]);
    const data = market(ticks);
    if (wants('grid'))
      compare(
        'one grid',
        TICKS,
        () => grids(data, 1),
        () => inC('grid', TICKS, file, 3, 1),
        0.5,
      );
    if (wants('sweep')) {
      const all = TICKS * CONFIGURATIONS;
      compare(
        '32 grids',
        all,
        () => grids(data, CONFIGURATIONS),
        () => inC('grid', TICKS, file, 1, CONFIGURATIONS),
        0.5,
      );
      await workers(data);
    }
  }
  console.log(
    `load ${loadavg()
      .map((value) => value.toFixed(1))
      .join(' ')}`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
