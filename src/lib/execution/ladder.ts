import type { OrderRequest } from '../backtest/orders.js';
import { type GridPlanner, GridStrategy } from '../backtest/strategies/grid.js';
import { createGridPlanner } from '../backtest/strategies/grid-planner.js';
import type { Broker } from '../backtest/strategy.js';
import type { DecimalText } from '../exchanges/private-side.js';
import { type GridParameters, gridParameters, startedAt } from '../grid/parameters.js';
import { ladder } from '../grid/sizing.js';
import { MdtoolError } from '../model/errors.js';
import { Exact, roundDown, roundUp } from '../model/ticks.js';
import { netOf } from './orders.js';
import type { InstrumentRules, OwnOrder, PlannedLevel, RunConfig, RunState } from './state.js';
import { stopRefusal } from './stops.js';
import type { Turn } from './turn.js';

type Planned = { readonly grid: GridParameters; readonly planner: GridPlanner };

/** Planners by configuration and rules: parsing their decimals at each fill would take most of the time of a step. */
const PLANNERS = new WeakMap<RunConfig, Map<string, Planned>>();

function plannerOf(config: RunConfig, rules: InstrumentRules): Planned {
  const known = PLANNERS.get(config) ?? new Map<string, Planned>();
  PLANNERS.set(config, known);
  const key = JSON.stringify(rules);
  const found = known.get(key);
  if (found) return found;
  const { tick, lot, ...limits } = rules;
  const settings = { ...config.settings, limits: { ...config.settings.limits, ...limits, tickSize: tick, lotSize: lot } };
  const planned = {
    grid: gridParameters({ ...settings, price: 1, deposit: 1 }),
    planner: createGridPlanner(settings),
  };
  known.set(key, planned);
  return planned;
}

/** Returns the ladder that starts at a price, as the text that is sent. Throws a `UsageError` if none is possible. */
function ladderOf(config: RunConfig, rules: InstrumentRules, price: DecimalText, deposit: DecimalText): PlannedLevel[] {
  const { grid } = plannerOf(config, rules);
  return ladder(startedAt(grid, price, deposit)).orders.map((order) => ({
    price: order.price.toString(),
    amount: order.amount.toString(),
  }));
}

/** The deposit of the next cycle. */
function depositOf({ books }: RunState, config: RunConfig): Exact {
  const { deposit, compounds } = config;
  if (!compounds) return new Exact(deposit);
  return new Exact(deposit).plus(netOf(books, config));
}

/** What the strategy sees: what it places and cancels changes what is wanted, and the rest of the step makes it so. */
class WantedBroker implements Broker {
  readonly #turn: Turn;
  readonly #price: number;
  #placed = 0;

  constructor(turn: Turn, price: number) {
    this.#turn = turn;
    this.#price = price;
  }

  get now(): number {
    return this.#turn.time * 1_000;
  }

  get price(): number {
    return this.#price;
  }

  get equity(): number {
    return depositOf(this.#turn.state, this.#turn.config).toNumber();
  }

  get balance(): number {
    return this.equity;
  }

  get orders(): readonly never[] {
    return [];
  }

  held(): { amount: number; averagePrice: number } {
    const { held, cost } = this.#turn.state;
    return { amount: Number(held), averagePrice: Number(held) === 0 ? Number.NaN : new Exact(cost).div(held).toNumber() };
  }

  place({ reason, level, price }: OrderRequest): number {
    const { wanted } = this.#turn.state;
    if (reason === 'entry') wanted.entry = true;
    if (reason === 'level' && level !== undefined) wanted.levels.push(level);
    if (reason === 'take_profit') wanted.takeProfit = onTick(this.#turn, new Exact(price as number));
    this.#placed += 1;
    return this.#placed;
  }

  cancel(): void {
    this.#turn.state.wanted.takeProfit = undefined;
  }

  cancelAll(): void {
    const { state } = this.#turn;
    state.wanted = { entry: false, levels: [] };
  }

  wakeAt(): void {
    this.#turn.state.hasEnded = true;
  }
}

/** Returns a take profit on the tick, not nearer than it was. */
function onTick({ state, config }: Turn, price: Exact): DecimalText {
  return (config.side === 'long' ? roundUp : roundDown)(price, new Exact(state.rules.tick)).toString();
}

/** What orders must fit has changed under a ladder: what rests stays, what is placed from now on fits. */
export function changeRules(turn: Turn, rules: InstrumentRules): void {
  const { state } = turn;
  if (JSON.stringify(rules) === JSON.stringify(state.rules)) return;
  const { tick, lot } = state.rules;
  state.rules = rules;
  const { wanted } = state;
  if (wanted.takeProfit !== undefined) wanted.takeProfit = onTick(turn, new Exact(wanted.takeProfit));
  turn.event(
    'warning',
    'rules_changed',
    `the exchange changed its rules: tick ${tick} to ${rules.tick}, lot ${lot} to ${rules.lot}`,
  );
}

function strategyOf({ state, config }: Turn, deposit: number): GridStrategy {
  const { planner } = plannerOf(config, state.plan?.rules ?? state.rules);
  return new GridStrategy({ planner, side: config.side, restart: config.restart, fixedDeposit: deposit, from: state.strategy });
}

/** Begins the next cycle at a price: nothing is sent yet. Returns why it cannot, undefined when it has begun. */
export function beginCycle(turn: Turn, price: DecimalText): string | undefined {
  const { state, config } = turn;
  const deposit = depositOf(state, config);
  if (deposit.gt(config.limits.maxDeposit))
    return `the deposit ${deposit.toString()} is above the maximum of ${config.limits.maxDeposit}`;
  try {
    const levels = ladderOf(config, state.rules, price, deposit.toString());
    const refusal = refusalOf(levels, state.rules);
    if (refusal) return refusal;
    state.plan = { price, deposit: deposit.toString(), levels, rules: state.rules, at: turn.at };
    const stopped = stopRefusal(state, config);
    if (stopped) return stopped;
  } catch (error) {
    if (!(error instanceof MdtoolError)) throw error;
    return error.message;
  }
  state.wanted = { entry: false, levels: [] };
  state.hasEnded = false;
  const before = state.strategy;
  const strategy = strategyOf(turn, deposit.toNumber());
  const broker = new WantedBroker(turn, Number(price));
  if (before === undefined) strategy.start(broker);
  else strategy.woken(broker);
  state.strategy = strategy.snapshot();
  turn.touch();
  return state.strategy.grid === undefined ? 'the strategy begins no grid at this price' : undefined;
}

/** A level that the exchange would refuse must stop a ladder before its entry, not after. */
function refusalOf(levels: readonly PlannedLevel[], { minAmount, maxAmount, minNotional }: InstrumentRules): string | undefined {
  const sum = levels.reduce((total, { amount }) => total.plus(amount), new Exact(0));
  if (maxAmount !== undefined && sum.gt(maxAmount))
    return `all levels together are ${sum.toString()}, above the ${maxAmount} that one order may have, so that one take profit could not close them`;
  for (const [level, { price, amount }] of levels.entries()) {
    if (new Exact(amount).isZero()) return `level ${level} is below one lot`;
    if (minAmount !== undefined && new Exact(amount).lt(minAmount))
      return `level ${level} of ${amount} is below the minimum amount of ${minAmount}`;
    if (minNotional !== undefined && new Exact(amount).times(price).lt(minNotional))
      return `level ${level} is worth less than the minimum of ${minNotional}`;
  }
  return undefined;
}

/** Reports a fill that is booked to the strategy. One without an order of ours closed what was held: by the exchange, or by hand. */
export function reportFill(
  turn: Turn,
  order: OwnOrder | undefined,
  fill: { readonly price: DecimalText; readonly amount: DecimalText; readonly realised: number; readonly timestamp: number },
): void {
  const { state, config } = turn;
  if (state.strategy === undefined) return;
  const strategy = strategyOf(turn, Number(state.plan?.deposit ?? config.deposit));
  const hadEnded = state.hasEnded;
  strategy.filled(
    {
      time: fill.timestamp,
      order: order?.number ?? -1,
      side: order?.side ?? (config.side === 'long' ? 'sell' : 'buy'),
      position: config.side,
      price: Number(fill.price),
      amount: Number(fill.amount),
      fee: 0,
      maker: order?.kind === 'limit',
      reason: order === undefined || order.role === 'close' ? 'exit' : order.role,
      realized: fill.realised,
      held: Number(state.held) * (config.side === 'long' ? 1 : -1) || 0,
      opens: order !== undefined && !order.reduces,
    },
    new WantedBroker(turn, Number(fill.price)),
  );
  state.strategy = strategy.snapshot();
  // A level that filled late brings its grid back: it gets a take profit like any other.
  if (order !== undefined && hadEnded && state.strategy.grid !== undefined) {
    state.hasEnded = false;
    state.cleanAt = undefined;
    turn.event('warning', 'late_fill', `${order.clientId} filled after its cycle had ended: the cycle goes on`);
  }
}

/** Reports to the strategy that an order was refused, and whether it is tried again. */
export function reportRefusal(turn: Turn, order: OwnOrder, cause: string, isDeferred: boolean): void {
  const { state, config } = turn;
  if (state.strategy === undefined || order.cycle !== state.cycle) return;
  const strategy = strategyOf(turn, Number(state.plan?.deposit ?? config.deposit));
  const { side, role, reduces } = order;
  const reason = role === 'close' ? 'exit' : role;
  const refused = { position: config.side, side, amount: Number(order.amount), reason, opens: !reduces } as const;
  strategy.refused(refused, new WantedBroker(turn, Number(state.plan?.price ?? 0)), { cause, isDeferred });
  state.strategy = strategy.snapshot();
}

/** Forgets a plan of which nothing has left, or nothing is held any more. */
export function dropPlan({ state }: Turn): void {
  Object.assign(state, {
    plan: undefined,
    strategy: undefined,
    hasEnded: false,
    cleanAt: undefined,
    wanted: { entry: false, levels: [] },
  });
}

/** Forgets a cycle whose entry was never there: the next one has its number. */
export function undoCycle(turn: Turn): void {
  const { state } = turn;
  state.cycle -= 1;
  state.books.profits.pop();
  dropPlan(turn);
}
