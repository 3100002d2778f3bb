import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BacktestFlags } from '../../../src/commands/backtest/flags.js';
import { backtestFlags } from '../../../src/commands/backtest/flags.js';
import { buildPlan, refuseUnused, sweptFlags } from '../../../src/commands/backtest/plan.js';
import { buildPlans, parseAxis } from '../../../src/lib/backtest/study/axes.js';
import { execute } from '../../../src/lib/backtest/study/execute.js';
import { type LoadedMarket, MarketReader } from '../../../src/lib/backtest/study/market-reader.js';
import { parametersOf } from '../../../src/lib/backtest/study/run-plan.js';
import { loadStrategy } from '../../../src/lib/backtest/study/strategy-module.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { MINUTE, SECOND } from '../../../src/lib/model/time.js';
import { seeded } from '../../support/random.js';

const ROOT = join(import.meta.dirname, '../../..');
const T0 = 1_767_225_600 * SECOND;
const PLACE = { exchange: 'bybit', market: 'linear', symbol: 'TESTUSDT' } as const;

/** Four hours of trades that wander by more than any grid below, with books, marks, funding and signals. */
function records(): AnyRecord[] {
  const random = seeded(9);
  const all: AnyRecord[] = [];
  let price = 1000;
  for (let index = 0; index < 4000; index++) {
    const timestamp = T0 + index * 3_600_000;
    price += Math.round((random() - 0.5) * 12) + Math.round(Math.sin(index / 200) * 2);
    const side = random() < 0.5 ? ('buy' as const) : ('sell' as const);
    all.push({
      type: 'trade',
      ...PLACE,
      timestamp,
      id: String(index),
      price: price / 10,
      amount: 2 + Math.round(random() * 30) / 10,
      side,
    });
    if (index % 50 === 0) all.push(signal(index, timestamp, price / 10));
    if (index % 20 === 0) {
      const levels = (sign: number) => Array.from({ length: 300 }, (_, level) => [(price + sign * (level + 1)) / 10, 3] as const);
      all.push({ type: 'book_snapshot', ...PLACE, timestamp, bids: levels(-1), asks: levels(1) });
    }
  }
  all.push({ type: 'funding', ...PLACE, timestamp: T0 + 3600 * SECOND, rate: 0.001, settled: true });
  return all;
}

function signal(index: number, timestamp: number, price: number): AnyRecord {
  const sign = index % 100 === 0 ? 1 : -1;
  return {
    type: 'signal',
    ...PLACE,
    timestamp,
    knownTimestamp: timestamp + SECOND,
    id: String(index),
    side: sign > 0 ? 'buy' : 'sell',
    price,
    stop: price * (1 - sign * 0.01),
    takeProfit: price * (1 + sign * 0.012),
    trailingDistance: 0.006,
    trailingArm: price * (1 + sign * 0.008),
    timeoutSeconds: 1800,
    gates: {},
  };
}

function load(books: boolean): LoadedMarket {
  const reader = new MarketReader({ books });
  reader.add(records());
  return reader.finish()[0] as LoadedMarket;
}

const MARKET = load(true);

/** What oclif makes of a command line. */
async function flagsOf(given: Readonly<Record<string, string | true>>): Promise<BacktestFlags> {
  const flags: Record<string, unknown> = { fill: 'through', gaps: 'fail' };
  for (const [name, text] of Object.entries(given)) {
    const flag = (
      backtestFlags as unknown as Record<
        string,
        { parse: (text: string, context: object, flag: object) => Promise<unknown>; multiple?: boolean }
      >
    )[name];
    if (flag === undefined) throw new Error(`no flag ${name}`);
    const value = text === true ? true : await flag.parse(text, {}, flag);
    flags[name] = flag.multiple ? [value] : value;
  }
  return flags as unknown as BacktestFlags;
}

const BASE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  grid: {
    strategy: 'grid',
    leverage: '5',
    coverage: '6%',
    levels: '6',
    'take-profit': '0.6%',
    'tick-size': '0.1',
    'lot-size': '0.01',
  },
  signals: { strategy: 'signals', leverage: '5', 'tick-size': '0.1', 'lot-size': '0.01' },
};

async function outcome(strategy: keyof typeof BASE, more: Readonly<Record<string, string | true>> = {}) {
  const plan = buildPlan(await flagsOf({ ...BASE[strategy], ...more }), MARKET, undefined);
  const { run, equity } = execute({ market: MARKET, plan });
  return { run, plan, key: `${run.fillsHash} ${JSON.stringify(run.metrics)} ${equity.length}` };
}

describe('every flag changes what comes out', () => {
  it.each([
    ['grid', 'deposit', '777'],
    ['grid', 'leverage', '7'],
    ['grid', 'margin-mode', 'cross'],
    ['grid', 'maker-fee', '0.1%'],
    ['grid', 'taker-fee', '0.2%'],
    ['grid', 'slippage', '0.3%'],
    ['grid', 'latency', '20s'],
    ['grid', 'fill', 'touch'],
    ['grid', 'fill', 'volume'],
    ['grid', 'tick-size', '0.5'],
    ['grid', 'lot-size', '1'],
    ['grid', 'min-amount', '30'],
    ['grid', 'min-notional', '3000'],
    ['grid', 'maintenance-rate', '8%'],
    ['grid', 'tiers', '1000=0.5%,20%'],
    ['grid', 'levels', '4'],
    ['grid', 'coverage', '9%'],
    ['grid', 'multiplier', '1.9'],
    ['grid', 'take-profit', '0.3%'],
    ['grid', 'side', 'short'],
    ['grid', 'spacing', 'geometric'],
    ['grid', 'sizing', 'full'],
    ['grid', 'restart', '600s'],
    ['grid', 'equity-interval', '1h'],
    ['signals', 'notional', '3333'],
    ['signals', 'latency', '30s'],
    ['signals', 'slippage', '0.1%'],
  ])('%s: --%s %s', async (strategy, name, value) => {
    const [before, after] = [await outcome(strategy), await outcome(strategy, { [name]: value })];
    expect(before.run.metrics).toHaveProperty('fills');
    expect((before.run.metrics as Record<string, number>).trades).toBeGreaterThan(3);
    expect(after.key).not.toBe(before.key);
    expect(after.run.runId).not.toBe(before.run.runId);
  });

  it.each(['fixed-deposit'])('grid: --%s', async (name) => {
    const [before, after] = [await outcome('grid'), await outcome('grid', { [name]: true })];
    expect(after.key).not.toBe(before.key);
  });

  it('echoes every parameter in effect', async () => {
    const { plan } = await outcome('grid', { 'spacing-list': '1%,2%,4%' });
    const names =
      'strategy deposit leverage margin_mode maker_fee taker_fee slippage latency_seconds fill maintenance_tiers spot tick_size ' +
      'lot_size multiplier take_profit distances sizing side restart_seconds fixed_deposit gaps equity_interval_seconds';
    expect(Object.keys(parametersOf(plan)).sort()).toEqual(names.split(' ').sort());
  });
});

describe('what makes no sense is refused in one line', () => {
  const given = (names: string) => new Set(names.split(' '));

  it.each([
    ['signals', 'levels', '--levels belongs to --strategy grid; --strategy signals does not use it'],
    ['grid', 'notional', '--notional belongs to --strategy signals; --strategy grid does not use it'],
    ['grid', 'param', '--param belongs to a module; --strategy grid does not use it'],
    ['grid', 'workers', '--workers needs --sweep, --split or --walk-forward'],
    ['grid', 'resume', '--resume needs --sweep, --split or --walk-forward'],
    ['martingale', 'side', '--strategy: expected signals, grid or a module (.js, .mjs, .ts), was "martingale"'],
  ])('--strategy %s --%s', async (strategy, name, message) => {
    const flags = await flagsOf({ strategy });
    expect(() => refuseUnused(flags, given(name))).toThrow(message);
  });

  it.each([
    [{ deposit: '0' }, 'deposit: expected a number above zero, was 0'],
    [{ leverage: '0.5' }, 'leverage: expected at least 1, was 0.5'],
    [{ coverage: '100%' }, 'coverage: expected a number above 0 % and below 100 %, was 100 %'],
    [{ levels: '1' }, 'levels: expected a whole number from 2 to 500, was 1'],
    [{ slippage: '100%' }, 'slippage: expected from 0 % to below 100 %, was 100 %'],
  ])('%o', async (more, message) => {
    const flags = await flagsOf({ ...BASE.grid, ...more });
    expect(() => buildPlan(flags, MARKET, undefined)).toThrow(message);
  });

  it('volume without books', async () => {
    const flags = await flagsOf({ ...BASE.grid, fill: 'volume' });
    expect(() => buildPlan(flags, load(false), undefined)).toThrow('needs book_snapshot records');
  });

  it.each([
    ['100=1%,50=2%,3%', 'expected tiers with increasing bounds'],
    ['100=1%,200=2%', 'expected tiers with increasing bounds'],
    ['x=1%', 'expected BOUND=RATE-DEDUCTION'],
  ])('--tiers %s', async (tiers, message) => {
    await expect(flagsOf({ ...BASE.grid, tiers })).rejects.toThrow(message);
  });
});

describe('sweeps', () => {
  it('name the flags whose value they replace', async () => {
    const flags = await flagsOf({ ...BASE.grid, sweep: 'take_profit=1%,2%' });
    expect(sweptFlags(flags, new Set(['sweep', 'take-profit', 'coverage']))).toEqual(['take-profit']);
  });

  it('count in exact decimals, the last value included', () => {
    expect(parseAxis('multiplier=1.1:1.6:0.1')).toEqual({
      name: 'multiplier',
      values: ['1.1', '1.2', '1.3', '1.4', '1.5', '1.6'],
    });
    expect(parseAxis('coverage=10%:20%:5%').values).toEqual(['0.1', '0.15', '0.2']);
    expect(parseAxis('take_profit=1%,0.5%')).toEqual({ name: 'take-profit', values: ['0.01', '0.005'] });
  });

  it.each(['multiplier', 'multiplier=', 'multiplier=1:2', 'multiplier=2:1:0.1', 'multiplier=1:2:0', 'multiplier=a'])(
    'refuse %s',
    (text) => {
      expect(() => parseAxis(text)).toThrow('expected name=from:to:step or name=a,b,c');
    },
  );

  it.each(['leverage=0:3:1', 'coverage=50%:120%:10%', 'take-profit=0:2%:1%', 'taker-fee=50%,100%'])(
    'refuse a value that no run can take before the first run: %s',
    async (text) => {
      const plan = buildPlan(await flagsOf(BASE.grid ?? {}), MARKET, undefined);
      expect(() => buildPlans(plan, [parseAxis(text)])).toThrow('expected');
    },
  );

  it('make every combination, and name what there is', async () => {
    const plan = buildPlan(await flagsOf(BASE.grid ?? {}), MARKET, undefined);
    const plans = buildPlans(plan, [parseAxis('multiplier=1.2,1.4'), parseAxis('leverage=2,3,4')]);
    expect(plans.map((each) => [parametersOf(each).multiplier, parametersOf(each).leverage])).toEqual([
      [1.2, 2],
      [1.2, 3],
      [1.2, 4],
      [1.4, 2],
      [1.4, 3],
      [1.4, 4],
    ]);
    expect(() => buildPlans(plan, [parseAxis('speed=1,2')])).toThrow('--sweep: expected one of levels, coverage, multiplier');
  });
});

describe('a module', () => {
  const market = () => MARKET;

  it('has its own parameters and no others', async () => {
    const path = join(ROOT, 'examples/breakout.js');
    const module = await loadStrategy(path);
    const plan = buildPlan(await flagsOf({ strategy: path, param: 'length=30' }), market(), module);
    expect(parametersOf(plan)).toMatchObject({ length: 30, stop: 0.005, target: 0.01 });
    const unknown = await flagsOf({ strategy: path, param: 'lenght=30' });
    expect(() => buildPlan(unknown, market(), module)).toThrow('has length, stop, target, share, not lenght');
    expect(() => execute({ market: market(), plan, module })).toThrow(
      'has a callback "bar" but none "trade", and the input has trades',
    );
  });

  it('is told of a refused order, also under the earlier name of that callback', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mdtool-strategy-'));
    for (const name of ['refused', 'rejected']) {
      const path = join(folder, `${name}.mjs`);
      const place = "broker.place({ kind: 'market', position: 'long', side: 'buy', amount: 1e9, reason: 'entry' });";
      const body = `start(broker) { ${place} }, ${name}(order, broker, { cause }) { told.push('told: ' + cause); }, notes: () => told`;
      writeFileSync(path, `export function create() { const told = []; return { ${body} }; }`);
      const module = await loadStrategy(path);
      const plan = buildPlan(await flagsOf({ strategy: path }), market(), module);
      expect(JSON.stringify(execute({ market: market(), plan, module }).run), name).toContain('told: funds');
    }
    rmSync(folder, { recursive: true });
  });

  it('that fails is named with its reason', async () => {
    const plan = buildPlan(await flagsOf({ strategy: 'x.js' }), MARKET, undefined);
    const fail = () => {
      throw new TypeError('boom');
    };
    for (const module of [{ create: fail }, { create: () => ({ start: fail }) }])
      expect(() => execute({ market: MARKET, plan, module })).toThrow('x.js: the strategy failed: boom');
  });

  it('is refused when it is none', async () => {
    await expect(loadStrategy(join(ROOT, 'examples/missing.js'))).rejects.toThrow('missing.js: no such file');
    await expect(loadStrategy(join(ROOT, 'vitest.config.ts'))).rejects.toThrow(
      /expected one exported function, "create" or "exposure"|cannot load/,
    );
  });

  it('cannot have target exposures on trades', async () => {
    const plan = buildPlan(await flagsOf({ strategy: 'x.js' }), market(), undefined);
    const module = { exposure: () => new Float64Array(0) };
    expect(() => execute({ market: market(), plan, module })).toThrow('"exposure" needs candles, the input has trades');
  });

  it('starts after the latency of a world outside, unless told otherwise', async () => {
    expect(buildPlan(await flagsOf(BASE.grid ?? {}), market(), undefined).terms.latency).toBe(100_000);
    expect(buildPlan(await flagsOf({ ...BASE.grid, latency: '1m' }), market(), undefined).terms.latency).toBe(MINUTE);
  });
});
