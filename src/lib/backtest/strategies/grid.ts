import { MdtoolError } from '../../model/errors.js';
import type { Execution } from '../ledger.js';
import type { OrderRequest, PositionSide } from '../orders.js';
import type { Broker, LevelSpan, Refusal, Strategy } from '../strategy.js';

/** Builds the ladders of a grid with the generator of `grid plan`. */
export type GridPlanner = {
  /** Returns the grid that starts at `price` with `deposit`. Throws a `UsageError` if no grid is possible. */
  plan(price: number, deposit: number): PlannedGrid;
};

/** One grid from its start to its take profit. It receives the fills and computes the take-profit price. */
export type PlannedGrid = {
  /** Level 0, the market order, comes first. */
  readonly orders: readonly { readonly price: number; readonly amount: number }[];
  add(price: number, amount: number): void;
  remove(amount: number): void;
  /** Take-profit price of the current position, on a tick. */
  takeProfit(): number;
};

/** A grid and what has filled of it; a closing fill has no price. */
type GridRecord = {
  readonly price: number;
  readonly deposit: number;
  readonly fills: readonly (readonly [price: number | null, amount: number])[];
};

/** Everything that a strategy decides by, as plain data: one that starts from it decides as the original would. */
export type GridSnapshot = {
  /** The grid that trades; without it `ended` is the last one, which comes back when a level fills late. */
  readonly grid?: GridRecord | undefined;
  readonly ended?: GridRecord | undefined;
  /** Number of the take-profit order. */
  readonly takeProfit?: number | undefined;
  readonly since: number;
  readonly grids: number;
  readonly restarts: number;
  /** Orders that were refused for good; absent in an older journal. */
  readonly refused?: number | undefined;
};

type GridOptions = {
  readonly planner: GridPlanner;
  readonly side: PositionSide;
  /** Microseconds from a take profit or a liquidation to the next grid. */
  readonly restart: number;
  /** Deposit of every grid; without it, a grid starts with the current equity. */
  readonly fixedDeposit?: number | undefined;
  /** Goes on where another left off. */
  readonly from?: GridSnapshot | undefined;
};

/** A grid that remembers how it began. */
class TradedGrid {
  readonly planned: PlannedGrid;
  readonly #start: { readonly price: number; readonly deposit: number };
  readonly #fills: (readonly [price: number | null, amount: number])[] = [];

  constructor(planner: GridPlanner, { price, deposit, fills }: GridRecord) {
    this.planned = planner.plan(price, deposit);
    this.#start = { price, deposit };
    for (const [at, amount] of fills) this.fill(at, amount);
  }

  fill(price: number | null, amount: number): void {
    this.#fills.push([price, amount]);
    if (price === null) this.planned.remove(amount);
    else this.planned.add(price, amount);
  }

  record(): GridRecord {
    return { ...this.#start, fills: [...this.#fills] };
  }
}

/**
 * Places a grid and renews its take profit after every fill. When the take profit fills, cancels the other orders, waits,
 * and starts again at the current price (design section 8b). After a liquidation it restarts the same way with the
 * remaining equity.
 */
export class GridStrategy implements Strategy {
  readonly #options: GridOptions;
  #grid: TradedGrid | undefined;
  #ended: TradedGrid | undefined;
  #takeProfit: number | undefined;
  readonly #ladders: LevelSpan[] = [];
  #since = 0;
  #grids = 0;
  #restarts = 0;
  #refused = 0;
  #note: string | undefined;

  constructor(options: GridOptions) {
    this.#options = options;
    const { from, planner } = options;
    if (from === undefined) return;
    const restored = (record: GridRecord | undefined) => record && new TradedGrid(planner, record);
    this.#grid = restored(from.grid);
    this.#ended = restored(from.ended);
    this.#takeProfit = from.takeProfit;
    this.#since = from.since;
    this.#grids = from.grids;
    this.#restarts = from.restarts;
    this.#refused = from.refused ?? 0;
  }

  /** Returns what the next one goes on from. */
  snapshot(): GridSnapshot {
    return {
      grid: this.#grid?.record(),
      ended: this.#ended?.record(),
      takeProfit: this.#takeProfit,
      since: this.#since,
      grids: this.#grids,
      restarts: this.#restarts,
      refused: this.#refused,
    };
  }

  start(broker: Broker): void {
    this.#begin(broker);
  }

  woken(broker: Broker): void {
    if (this.#grid !== undefined) return;
    this.#restarts++;
    this.#begin(broker);
  }

  filled(fill: Execution, broker: Broker): void {
    // A level can fill before its cancellation takes effect. Without the old grid, nothing would close that position.
    if (fill.opens) this.#grid ??= this.#ended;
    const grid = this.#grid;
    if (grid === undefined) return;
    if (fill.opens) {
      grid.fill(fill.price, fill.amount);
      this.#renew(grid, broker);
      return;
    }
    grid.fill(null, fill.amount);
    if (fill.held === 0) this.#end(grid, broker);
  }

  /** What is deferred comes later; what is not leaves a ladder that is shorter than planned. */
  refused(_: unknown, __: Broker, { isDeferred }: Refusal): void {
    if (!isDeferred) this.#refused++;
  }

  levels(): readonly LevelSpan[] {
    return this.#grid === undefined ? this.#ladders : [...this.#ladders, this.#span(this.#grid, Number.POSITIVE_INFINITY)];
  }

  figures(): Readonly<Record<string, number>> {
    return { grids: this.#grids, restarts: this.#restarts };
  }

  notes(): readonly string[] {
    const lacking = `${this.#refused} orders of the grids were refused: those ladders are shorter than planned`;
    return [...(this.#note === undefined ? [] : [this.#note]), ...(this.#refused === 0 ? [] : [lacking])];
  }

  #begin(broker: Broker): void {
    const { planner, side, fixedDeposit } = this.#options;
    try {
      this.#grid = new TradedGrid(planner, { price: broker.price, deposit: fixedDeposit ?? broker.equity, fills: [] });
    } catch (error) {
      if (!(error instanceof MdtoolError)) throw error;
      this.#note = `grid ${this.#grids + 1} cannot start with equity ${broker.equity} at price ${broker.price}: ${error.message}`;
      return;
    }
    this.#since = broker.now;
    const placed = this.#grid.planned.orders.filter(
      (order, level) => broker.place(requestOf(order, level, side)) !== undefined,
    ).length;
    if (placed === 0) this.#note = `grid ${this.#grids + 1} cannot start: every order is below the lot size or a minimum`;
    else this.#grids++;
  }

  #renew(grid: TradedGrid, broker: Broker): void {
    const { side: position } = this.#options;
    if (this.#takeProfit !== undefined) broker.cancel(this.#takeProfit);
    const side = position === 'long' ? 'sell' : 'buy';
    const { amount } = broker.held(position);
    this.#takeProfit = broker.place({
      kind: 'limit',
      position,
      side,
      amount,
      price: grid.planned.takeProfit(),
      reason: 'take_profit',
    });
  }

  #end(grid: TradedGrid, broker: Broker): void {
    this.#ladders.push(this.#span(grid, broker.now));
    this.#ended = grid;
    this.#grid = undefined;
    this.#takeProfit = undefined;
    broker.cancelAll();
    broker.wakeAt(broker.now + this.#options.restart);
  }

  #span({ planned: { orders } }: TradedGrid, until: number): LevelSpan {
    return { from: this.#since, until, prices: orders.map(({ price }) => price) };
  }
}

function requestOf({ price, amount }: PlannedGrid['orders'][number], level: number, position: PositionSide): OrderRequest {
  const side = position === 'long' ? 'buy' : 'sell';
  if (level === 0) return { kind: 'market', position, side, amount, reason: 'entry' };
  return { kind: 'limit', position, side, price, amount, reason: 'level', level };
}
