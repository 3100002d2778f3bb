import { MdtoolError, UsageError } from '../model/errors.js';
import { Exact } from '../model/ticks.js';
import { type GridInput, type GridParameters, gridParameters } from './parameters.js';
import { firstUnsafeLevel, planGrid, planLadder } from './plan.js';
import type { Plan } from './planned.js';
import { type Ladder, ladder } from './sizing.js';

export const SOLVABLE = ['leverage', 'multiplier', 'coverage', 'deposit'] as const;
export type Solvable = (typeof SOLVABLE)[number];

/** A value of the parameter with its plan; `problem` says why no plan is possible. */
export type Candidate = { readonly value: Exact; readonly plan?: Plan | undefined; readonly problem?: string | undefined };

/** Search range and result. */
export type Solution = {
  readonly parameter: Solvable;
  readonly step: Exact;
  /** First and last value of the search, in search order. */
  readonly from: Exact;
  readonly until: Exact;
  /** The limit with its safe plan; absent if no value is safe. */
  readonly limit?: Candidate | undefined;
  /** One step beyond the limit, not safe; absent if the limit is the first value of the search. */
  readonly beyond?: Candidate | undefined;
};

type Search = {
  readonly step: Exact;
  /** First and last value; the search goes down if `until` is smaller. */
  readonly from: Exact;
  readonly until: Exact;
  at(value: Exact): { readonly grid: GridParameters; readonly made: Ladder };
};

/** Maximum leverage without an instrument: no exchange offers more. */
const MAX_LEVERAGE = new Exact(200);
const MAX_MULTIPLIER = new Exact(10);
const STEPS = { leverage: new Exact(1), coverage: new Exact('0.001'), multiplier: new Exact('0.01'), deposit: new Exact('0.01') };

/**
 * Finds the limit at which every level of a grid is `ok`. Returns the plan at the limit and the plan one step beyond it.
 *
 * Leverage and coverage: the largest, in steps of 1× and 0.1 %. Multiplier: the smallest, in steps of 0.01 from 0.01 to 10.
 * Deposit: the smallest, in steps of 0.01, in cross margin with amounts fixed at the original deposit. Safety then grows
 * with the deposit alone, so bisection finds the same value as a scan. The others are scanned value by value: a plan can
 * fail by liquidation on one side and by a minimum of the exchange on the other.
 */
export function solveGrid(input: GridInput, parameter: Solvable): Solution {
  if (parameter === 'coverage' && input.distances !== undefined)
    throw new UsageError('coverage cannot be solved with a spacing list; use levels and coverage instead');
  const search = SEARCHES[parameter](input);
  const found = parameter === 'deposit' ? bisect(search) : scan(search);
  const { step, from, until } = search;
  if (found === undefined) return { parameter, step, from, until };
  const beyond = found.value.eq(from) ? undefined : towards(found.value, search, -1);
  return {
    parameter,
    step,
    from,
    until,
    limit: candidate(found.value, search),
    beyond: beyond === undefined ? undefined : candidate(beyond, search),
  };
}

const SEARCHES: Record<Solvable, (input: GridInput) => Search> = {
  leverage: (input) => {
    const { limits } = gridParameters({ ...input, leverage: 1 });
    const from = (limits.maxLeverage ?? MAX_LEVERAGE).floor();
    return { step: STEPS.leverage, from, until: new Exact(1), at: (leverage) => buildLadder({ ...input, leverage }) };
  },
  coverage: (input) => ({
    step: STEPS.coverage,
    from: new Exact('0.999'),
    until: STEPS.coverage,
    at: (coverage) => buildLadder({ ...input, coverage }),
  }),
  multiplier: (input) => ({
    step: STEPS.multiplier,
    from: STEPS.multiplier,
    until: MAX_MULTIPLIER,
    at: (multiplier) => buildLadder({ ...input, multiplier }),
  }),
  deposit: (input) => {
    const planned = buildLadder(input);
    // An upper bound: with this deposit (total loss, maintenance and fees) no level is liquidated.
    const { committed, levels } = planLadder(planned.grid, planned.made);
    const highest = (levels.at(-1)?.order.price ?? planned.grid.price).plus(planned.grid.price);
    const position = levels.at(-1)?.position.amount ?? new Exact(0);
    const until = committed.plus(position.times(highest)).times(2).plus(1).div(STEPS.deposit).ceil().times(STEPS.deposit);
    return {
      step: STEPS.deposit,
      from: STEPS.deposit,
      until,
      at: (deposit) => ({
        made: { ...planned.made, budget: deposit.times(planned.grid.leverage) },
        grid: { ...planned.grid, deposit, marginMode: 'cross' },
      }),
    };
  },
};

function buildLadder(input: GridInput): { grid: GridParameters; made: Ladder } {
  const grid = gridParameters(input);
  return { grid, made: ladder(grid) };
}

function towards(value: Exact, { step, from, until }: Search, steps: number): Exact {
  return value.plus(step.times(until.gte(from) ? steps : -steps));
}

/** Returns whether a plan is possible at a value with every level `ok`. */
function isSafe(value: Exact, search: Search): boolean {
  try {
    const { grid, made } = search.at(value);
    return firstUnsafeLevel(grid, made.orders) === undefined;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

function scan(search: Search): { value: Exact } | undefined {
  const steps = search.until.minus(search.from).abs().div(search.step).round().toNumber();
  for (let step = 0; step <= steps; step++) {
    const value = towards(search.from, search, step);
    if (isSafe(value, search)) return { value };
  }
  return undefined;
}

function bisect(search: Search): { value: Exact } | undefined {
  let unsafe = -1;
  let safe = search.until.minus(search.from).abs().div(search.step).round().toNumber();
  if (!isSafe(towards(search.from, search, safe), search)) return undefined;
  while (safe - unsafe > 1) {
    const middle = Math.floor((safe + unsafe) / 2);
    if (isSafe(towards(search.from, search, middle), search)) safe = middle;
    else unsafe = middle;
  }
  return { value: towards(search.from, search, safe) };
}

function candidate(value: Exact, search: Search): Candidate {
  try {
    const { grid, made } = search.at(value);
    return { value, plan: planLadder(grid, made) };
  } catch (error) {
    if (error instanceof MdtoolError) return { value, problem: error.message };
    throw error;
  }
}

/** Returns the plan of a solution, or the original plan if there is none. */
export function solvedPlan(solution: Solution, input: GridInput): Plan {
  return solution.limit?.plan ?? planGrid(input);
}
