import type { GridPlanner, PlannedGrid } from '../../backtest/strategies/grid.js';
import { type GridInput, gridParameters, startedAt } from '../../grid/parameters.js';
import { flat, type Position, takeProfitPrice } from '../../grid/position.js';
import { ladder } from '../../grid/sizing.js';
import { Exact, type ExactValue } from '../../model/ticks.js';

/** A grid but for where and with how much it starts: those are told at every start. */
export type GridSettings = Omit<GridInput, 'price' | 'deposit'>;

/**
 * Returns the planner of `grid plan` for a backtest: the same ladder, and the same take profit, in exact decimals, so that
 * a price which lies on a tick is not pushed off it by floating point.
 */
export function createGridPlanner(settings: GridSettings): GridPlanner {
  // All but price and deposit is read and checked once: a run begins thousands of grids.
  const checked = gridParameters({ ...settings, price: 1, deposit: 1 });
  return {
    plan: (price, deposit) => {
      const grid = startedAt(checked, price, deposit);
      const { orders } = ladder(grid);
      return new ExactGrid(
        orders.map((order) => ({ price: order.price.toNumber(), amount: order.amount.toNumber() })),
        flat(grid.side),
        { distance: grid.takeProfit, tick: grid.limits.tickSize },
      );
    },
  };
}

class ExactGrid implements PlannedGrid {
  readonly orders: PlannedGrid['orders'];
  readonly #target: { readonly distance: Exact; readonly tick: Exact | undefined };
  #held: Position;

  constructor(
    orders: PlannedGrid['orders'],
    held: Position,
    target: { readonly distance: Exact; readonly tick: Exact | undefined },
  ) {
    this.orders = orders;
    this.#held = held;
    this.#target = target;
  }

  add(price: number, amount: number): void {
    const { amount: before, cost } = this.#held;
    const more = exact(amount);
    this.#held = { ...this.#held, amount: before.plus(more), cost: cost.plus(more.times(exact(price))) };
  }

  /** Closing a part leaves the average as it is. */
  remove(amount: number): void {
    const { amount: before, cost } = this.#held;
    const left = Exact.max(0, before.minus(exact(amount)));
    this.#held = { ...this.#held, amount: left, cost: left.isZero() ? left : cost.times(left).div(before) };
  }

  takeProfit(): number {
    return takeProfitPrice(this.#held, this.#target.distance, this.#target.tick).toNumber();
  }
}

function exact(value: ExactValue): Exact {
  return new Exact(value);
}
