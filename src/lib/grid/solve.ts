import { MdtoolError, UsageError } from '../model/errors.js';
import { Exact } from '../model/ticks.js';
import { type GridInput, type GridParameters, gridParameters } from './parameters.js';
import { firstUnsafeLevel, planGrid, planLadder } from './plan.js';
import type { Plan } from './planned.js';
import { type Ladder, ladder } from './sizing.js';

export const SOLVABLE = ['leverage', 'multiplier', 'coverage', 'deposit'] as const;
export type Solvable = (typeof SOLVABLE)[number];

/** A parameter's value and what becomes of the plan with it. `problem` stands where no plan can be made at all. */
export type Candidate = { readonly value: Exact; readonly plan?: Plan | undefined; readonly problem?: string | undefined };

/** What was looked for, where, and what was found. */
export type Solution = {
  readonly parameter: Solvable;
  readonly step: Exact;
  /** First and last value looked at, in the order of the search. */
  readonly from: Exact;
  readonly until: Exact;
  /** The value at the limit with its plan, which is safe; absent where none survives. */
  readonly limit?: Candidate | undefined;
  /** One step beyond, which is not safe; absent where the limit is the first value that was looked at. */
  readonly beyond?: Candidate | undefined;
};

type Search = {
  readonly step: Exact;
  /** The first value to look at and the last one; towards less where `until` is smaller. */
  readonly from: Exact;
  readonly until: Exact;
  at(value: Exact): { readonly grid: GridParameters; readonly made: Ladder };
};

/** Without a maximum from an instrument: no exchange offers more. */
const MAX_LEVERAGE = new Exact(200);
const MAX_MULTIPLIER = new Exact(10);
const STEPS = { leverage: new Exact(1), coverage: new Exact('0.001'), multiplier: new Exact('0.01'), deposit: new Exact('0.01') };

/**
 * Returns the limit at which a grid survives, every level `ok`, with its proof: the plan there, and the one a step beyond.
 * Leverage and coverage: the largest, in steps of 1× and 0.1 %. Multiplier: the smallest, in steps of 0.01 from 0.01 to 10.
 * Deposit: amounts as planned with the deposit given, in cross margin that grows by 0.01 until all survive; safety then
 * grows with the deposit alone, so that halving the range finds what the scan would. The others are scanned value by value,
 * as a plan may break on one side by liquidation and on the other by a minimum of the exchange.
 */
export function solveGrid(input: GridInput, parameter: Solvable): Solution {
  if (parameter === 'coverage' && input.distances !== undefined)
    throw new UsageError('coverage cannot be solved with a spacing list, which fixes it; give levels and coverage instead');
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
    return { step: STEPS.leverage, from, until: new Exact(1), at: (leverage) => made({ ...input, leverage }) };
  },
  coverage: (input) => ({
    step: STEPS.coverage,
    from: new Exact('0.999'),
    until: STEPS.coverage,
    at: (coverage) => made({ ...input, coverage }),
  }),
  multiplier: (input) => ({
    step: STEPS.multiplier,
    from: STEPS.multiplier,
    until: MAX_MULTIPLIER,
    at: (multiplier) => made({ ...input, multiplier }),
  }),
  deposit: (input) => {
    const planned = made(input);
    // With all of it at stake nothing is liquidated before the last price: what can be lost, its maintenance, the fees.
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

function made(input: GridInput): { grid: GridParameters; made: Ladder } {
  const grid = gridParameters(input);
  return { grid, made: ladder(grid) };
}

function towards(value: Exact, { step, from, until }: Search, steps: number): Exact {
  return value.plus(step.times(until.gte(from) ? steps : -steps));
}

/** Returns whether the plan at a value can be made and every level of it is `ok`. */
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

/** Returns the plan that a solution stands for, else the plan as it was asked for. */
export function solvedPlan(solution: Solution, input: GridInput): Plan {
  return solution.limit?.plan ?? planGrid(input);
}
