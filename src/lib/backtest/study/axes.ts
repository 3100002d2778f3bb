import { UsageError } from '../../model/errors.js';
import { finite } from '../../model/numbers.js';
import { Exact } from '../../model/ticks.js';
import { createGridPlanner } from '../strategies/grid-planner.js';
import { buildTerms } from '../terms.js';
import type { RunPlan, StrategyPlan } from './run-plan.js';

/** A parameter and its values in a sweep; values are exact decimals as text. */
export type Axis = { readonly name: string; readonly values: readonly string[] };

/** Maximum number of runs of a sweep. */
const MAX_RUNS = 100_000;

/** Parses `name=from:to:step` or `name=a,b,c`; values may be percentages. Throws a `UsageError`. */
export function parseAxis(text: string): Axis {
  const match = /^([A-Za-z][\w-]*)=(.+)$/.exec(text.trim());
  const [name = '', list = ''] = match?.slice(1) ?? [];
  const values = list.includes(':') ? parseRange(list) : list.split(',').map(parseDecimal);
  if (match === null || values === undefined || values.some((value) => value === undefined))
    throw new UsageError(`--sweep: expected name=from:to:step or name=a,b,c, was "${text}"`);
  return { name: name.replaceAll('_', '-'), values: (values as Exact[]).map((value) => value.toString()) };
}

function parseRange(text: string): Exact[] | undefined {
  const [from, to, step, ...more] = text.split(':').map(parseDecimal);
  if (from === undefined || to === undefined || step === undefined || more.length > 0) return undefined;
  if (!step.gt(0) || to.lt(from)) return undefined;
  const count = to.minus(from).div(step).floor().plus(1).toNumber();
  if (count > MAX_RUNS) throw new UsageError(`--sweep: expected at most ${MAX_RUNS} values, ${text} has ${count}`);
  return Array.from({ length: count }, (_, index) => from.plus(step.times(index)));
}

function parseDecimal(text: string): Exact | undefined {
  const [, number = '', percent] = /^\s*(.*?)\s*(%?)\s*$/.exec(text) ?? [];
  return finite(number) === undefined ? undefined : new Exact(number).div(percent ? 100 : 1);
}

/** Builds a plan for every combination of values; the last axis changes fastest. Throws a `UsageError`. */
export function buildPlans(base: RunPlan, axes: readonly Axis[]): RunPlan[] {
  const twice = axes.find(({ name }, index) => axes.findIndex((axis) => axis.name === name) !== index);
  if (twice !== undefined) throw new UsageError(`--sweep ${twice.name} appears twice`);
  const total = axes.reduce((product, { values }) => product * values.length, 1);
  if (total > MAX_RUNS) throw new UsageError(`--sweep: expected at most ${MAX_RUNS} combinations, was ${total}`);
  const plans = axes.reduce<RunPlan[]>(
    (before, { name, values }) => before.flatMap((plan) => values.map((value) => withValue(plan, name, value))),
    [base],
  );
  if (axes.length > 0) for (const plan of plans) check(plan);
  return plans;
}

/** Checks every combination before the first run: otherwise an invalid value would stop a sweep halfway. */
function check({ strategy, terms }: RunPlan): void {
  buildTerms(terms);
  if (strategy.kind === 'grid') createGridPlanner(strategy.settings);
  if (strategy.kind === 'signals' && !(strategy.notional > 0))
    throw new UsageError(`--sweep notional: expected numbers above zero, was ${strategy.notional}`);
}

type Setter = (plan: RunPlan, value: string) => RunPlan;

const term =
  (name: keyof RunPlan['terms']): Setter =>
  (plan, value) => ({ ...plan, terms: { ...plan.terms, [name]: Number(value) } });

const setting =
  (name: string, read: (value: string) => unknown = (value) => value): Setter =>
  (plan, value) => {
    const strategy = plan.strategy as Extract<StrategyPlan, { kind: 'grid' }>;
    return { ...plan, strategy: { ...strategy, settings: { ...strategy.settings, [name]: read(value) } } };
  };

/** Parameters of every strategy. */
const TERMS: Readonly<Record<string, Setter>> = {
  deposit: term('deposit'),
  leverage: (plan, value) => {
    const changed = term('leverage')(plan, value);
    return plan.strategy.kind === 'grid' ? setting('leverage')(changed, value) : changed;
  },
  slippage: term('slippage'),
  'maker-fee': term('makerFee'),
  'taker-fee': term('takerFee'),
};

const OWN: Readonly<Record<StrategyPlan['kind'], Readonly<Record<string, Setter>>>> = {
  signals: {
    notional: (plan, value) => ({ ...plan, strategy: { kind: 'signals', notional: Number(value) } }),
  },
  grid: {
    levels: setting('levels', Number),
    coverage: setting('coverage'),
    multiplier: setting('multiplier'),
    'take-profit': setting('takeProfit'),
  },
  module: {},
};

function withValue(plan: RunPlan, name: string, value: string): RunPlan {
  const { strategy } = plan;
  if (strategy.kind === 'module' && name in strategy.parameters)
    return { ...plan, strategy: { ...strategy, parameters: { ...strategy.parameters, [name]: Number(value) } } };
  const setters = { ...OWN[strategy.kind], ...TERMS };
  const setter = setters[name];
  if (setter !== undefined) return setter(plan, value);
  const known = [...(strategy.kind === 'module' ? Object.keys(strategy.parameters) : []), ...Object.keys(setters)];
  throw new UsageError(`--sweep: expected one of ${known.join(', ')}, was ${name}`);
}
