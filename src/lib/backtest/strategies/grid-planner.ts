import { createLadderFilter, createTargetFilter, MAX_FILLS, type TargetFilter } from '../../grid/floating-filter.js';
import { type GridInput, type GridParameters, gridParameters, startedAt } from '../../grid/parameters.js';
import { flat, type Position, takeProfitPrice } from '../../grid/position.js';
import { ladder } from '../../grid/sizing.js';
import { Exact } from '../../model/ticks.js';
import type { GridPlanner, PlannedGrid } from './grid.js';

/** Settings of a grid without price and deposit, which differ at every start. */
export type GridSettings = Omit<GridInput, 'price' | 'deposit'>;

/**
 * Creates the planner of `grid plan` for a backtest: the same ladder and the same take profit, in exact decimals. With
 * doubles alone, floating-point noise would push a price off its tick. A run starts thousands of grids, and decimals would
 * take most of its time; so doubles answer first wherever they provably agree.
 */
export function createGridPlanner(settings: GridSettings): GridPlanner {
  // Everything except price and deposit is parsed and checked once.
  const checked = gridParameters({ ...settings, price: 1, deposit: 1 });
  const quickLadder = createLadderFilter(checked);
  const quickTarget = createTargetFilter(checked);
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

/** A recorded fill; a closing one has no price. */
type RecordedFill = { readonly price: number | undefined; readonly amount: number };

class PlannerGrid implements PlannedGrid {
  readonly orders: PlannedGrid['orders'];
  readonly #grid: GridParameters;
  readonly #quickTarget: TargetFilter;
  /** Fills that the exact position does not include yet. */
  readonly #pending: RecordedFill[] = [];
  #held: Position;
  #fills = 0;
  /** Position in doubles; NaN after a partial close, which doubles cannot follow without losing digits. */
  #cost = 0;
  #amount = 0;

  constructor(orders: PlannedGrid['orders'], grid: GridParameters, quickTarget: TargetFilter) {
    this.orders = orders;
    this.#grid = grid;
    this.#quickTarget = quickTarget;
    this.#held = flat(grid.side);
  }

  add(price: number, amount: number): void {
    this.#pending.push({ price, amount });
    this.#fills++;
    this.#amount += amount;
    this.#cost += amount * price;
  }

  remove(amount: number): void {
    this.#pending.push({ price: undefined, amount });
    this.#amount = Number.NaN;
  }

  takeProfit(): number {
    const quick = this.#fills <= MAX_FILLS ? this.#quickTarget(this.#cost, this.#amount) : Number.NaN;
    return Number.isNaN(quick) ? this.#exactTarget() : quick;
  }

  #exactTarget(): number {
    this.#held = this.#pending.splice(0).reduce(after, this.#held);
    return takeProfitPrice(this.#held, this.#grid.takeProfit, this.#grid.limits.tickSize).toNumber();
  }
}

/** Returns the position after a fill; a partial close keeps the average price. */
function after(position: Position, fill: RecordedFill): Position {
  const { amount: before, cost } = position;
  const amount = new Exact(fill.amount);
  if (fill.price !== undefined) return { ...position, amount: before.plus(amount), cost: cost.plus(amount.times(fill.price)) };
  const left = Exact.max(0, before.minus(amount));
  return { ...position, amount: left, cost: left.isZero() ? left : cost.times(left).div(before) };
}
