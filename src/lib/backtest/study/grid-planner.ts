import { ladderFilter, MOST_FILLS, type TargetFilter, targetFilter } from '../../grid/floating-filter.js';
import { type GridInput, type GridParameters, gridParameters, startedAt } from '../../grid/parameters.js';
import { flat, type Position, takeProfitPrice } from '../../grid/position.js';
import { ladder } from '../../grid/sizing.js';
import { Exact } from '../../model/ticks.js';
import type { GridPlanner, PlannedGrid } from '../strategies/grid.js';

/** A grid but for where and with how much it starts: those are told at every start. */
export type GridSettings = Omit<GridInput, 'price' | 'deposit'>;

/**
 * Returns the planner of `grid plan` for a backtest: the same ladder, and the same take profit, in exact decimals, so that
 * a price which lies on a tick is not pushed off it by floating point. Doubles answer first where they can prove that they
 * agree: a run begins thousands of grids, and decimals would take most of its time.
 */
export function createGridPlanner(settings: GridSettings): GridPlanner {
  // All but price and deposit is read and checked once.
  const checked = gridParameters({ ...settings, price: 1, deposit: 1 });
  const quickLadder = ladderFilter(checked);
  const quickTarget = targetFilter(checked);
  return {
    plan: (price, deposit) => {
      const orders = quickLadder(price, deposit) ?? exactOrders(startedAt(checked, price, deposit));
      return new PlannerGrid(orders, checked, quickTarget);
    },
  };
}

function exactOrders(grid: GridParameters): PlannedGrid['orders'] {
  return ladder(grid).orders.map(({ price, amount }) => ({ price: price.toNumber(), amount: amount.toNumber() }));
}

/** A fill as it was told: one that took away has no price. */
type Told = { readonly price: number | undefined; readonly amount: number };

class PlannerGrid implements PlannedGrid {
  readonly orders: PlannedGrid['orders'];
  readonly #grid: GridParameters;
  readonly #quickTarget: TargetFilter;
  /** What decimals have not been told of yet. */
  readonly #told: Told[] = [];
  #held: Position;
  #fills = 0;
  /** What is held, in doubles; NaN once something was taken away, which doubles cannot follow without losing digits. */
  #cost = 0;
  #amount = 0;

  constructor(orders: PlannedGrid['orders'], grid: GridParameters, quickTarget: TargetFilter) {
    this.orders = orders;
    this.#grid = grid;
    this.#quickTarget = quickTarget;
    this.#held = flat(grid.side);
  }

  add(price: number, amount: number): void {
    this.#told.push({ price, amount });
    this.#fills++;
    this.#amount += amount;
    this.#cost += amount * price;
  }

  remove(amount: number): void {
    this.#told.push({ price: undefined, amount });
    this.#amount = Number.NaN;
  }

  takeProfit(): number {
    const quick = this.#fills <= MOST_FILLS ? this.#quickTarget(this.#cost, this.#amount) : Number.NaN;
    return Number.isNaN(quick) ? this.#exactTarget() : quick;
  }

  #exactTarget(): number {
    this.#held = this.#told.splice(0).reduce(after, this.#held);
    return takeProfitPrice(this.#held, this.#grid.takeProfit, this.#grid.limits.tickSize).toNumber();
  }
}

/** Closing a part leaves the average as it is. */
function after(position: Position, told: Told): Position {
  const { amount: before, cost } = position;
  const amount = new Exact(told.amount);
  if (told.price !== undefined) return { ...position, amount: before.plus(amount), cost: cost.plus(amount.times(told.price)) };
  const left = Exact.max(0, before.minus(amount));
  return { ...position, amount: left, cost: left.isZero() ? left : cost.times(left).div(before) };
}
