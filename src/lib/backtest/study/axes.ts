import { UsageError } from '../../model/errors.js';
import { finite } from '../../model/numbers.js';
import { Exact } from '../../model/ticks.js';
import { termsOf } from '../terms.js';
import { createGridPlanner } from './grid-planner.js';
import type { RunPlan, StrategyPlan } from './run-plan.js';

/** A parameter and the values it takes in a sweep: decimals as text, exact. */
export type Axis = { readonly name: string; readonly values: readonly string[] };

/** More runs than anybody waits for. */
const MOST_RUNS = 100_000;

/** Returns the axis of `name=from:to:step` or `name=a,b,c`; percentages may be written as such. Throws a `UsageError`. */
export function parseAxis(text: string): Axis {
  const match = /^([A-Za-z][\w-]*)=(.+)$/.exec(text.trim());
  const [name = '', given = ''] = match?.slice(1) ?? [];
  const values = given.includes(':') ? rangeOf(given) : given.split(',').map(decimalOf);
  if (match === null || values === undefined || values.some((value) => value === undefined))
    throw new UsageError(`--sweep: expected name=from:to:step or name=a,b,c, was "${text}"`);
  return { name: name.replaceAll('_', '-'), values: (values as Exact[]).map((value) => value.toString()) };
}

function rangeOf(text: string): Exact[] | undefined {
  const [from, to, step, ...more] = text.split(':').map(decimalOf);
  if (from === undefined || to === undefined || step === undefined || more.length > 0) return undefined;
  if (!step.gt(0) || to.lt(from)) return undefined;
  const count = to.minus(from).div(step).floor().plus(1).toNumber();
  if (count > MOST_RUNS) throw new UsageError(`--sweep: ${text} are ${count} values, expected at most ${MOST_RUNS}`);
  return Array.from({ length: count }, (_, index) => from.plus(step.times(index)));
}

function decimalOf(text: string): Exact | undefined {
  const [, number = '', percent] = /^\s*(.*?)\s*(%?)\s*$/.exec(text) ?? [];
  return finite(number) === undefined ? undefined : new Exact(number).div(percent ? 100 : 1);
}

/** Returns a plan for every combination of values, the last axis changing fastest. Throws a `UsageError`. */
export function plansOf(base: RunPlan, axes: readonly Axis[]): RunPlan[] {
  const twice = axes.find(({ name }, index) => axes.findIndex((axis) => axis.name === name) !== index);
  if (twice !== undefined) throw new UsageError(`--sweep ${twice.name} appears twice`);
  const total = axes.reduce((product, { values }) => product * values.length, 1);
  if (total > MOST_RUNS) throw new UsageError(`--sweep: expected at most ${MOST_RUNS} combinations, was ${total}`);
  const plans = axes.reduce<RunPlan[]>(
    (before, { name, values }) => before.flatMap((plan) => values.map((value) => withValue(plan, name, value))),
    [base],
  );
  if (axes.length > 0) for (const plan of plans) check(plan);
  return plans;
}

/** A value that makes no sense should be told before the first run, not by the hundredth. */
function check({ strategy, terms }: RunPlan): void {
  termsOf(terms);
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

/** Parameters that every strategy has. */
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
