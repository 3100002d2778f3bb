import { obstacle, phaseOf } from '../../../lib/execution/due.js';
import { committedMargin } from '../../../lib/execution/gate.js';
import { isLive, netOf, remainingOf, unrealised } from '../../../lib/execution/orders.js';
import type { OwnOrder, RunConfig, RunState } from '../../../lib/execution/state.js';
import { Exact } from '../../../lib/model/ticks.js';
import { formatDuration, formatTime } from '../../../lib/model/time.js';
import type { KnownRun } from './runs.js';

/** What `grid status` knows of a run, by name; numbers are numbers, an absent one is not known. */
type StatusFigures = Readonly<Record<string, string | number | boolean | undefined>>;

/** Returns the figures of a run. */
export function figuresOf({ config, state, heartbeat, firstStart, isRunning }: KnownRun): StatusFigures {
  const base = {
    run: config.name,
    mode: config.mode,
    exchange: config.exchange,
    symbol: config.symbol,
    side: config.side,
    position_mode: config.positionMode === 'hedge' ? 'hedge' : undefined,
    running: isRunning,
    state: state === undefined ? 'new' : isRunning ? phaseOf(state) : state.halt ? 'halted' : 'stopped',
    halt: state?.halt?.message,
    waits: state && isRunning ? waitsFor(state, config) : undefined,
    heartbeat: heartbeat && formatTime(heartbeat.at * 1_000),
    latency_ms: round(heartbeat?.facts.latency, 1),
    requests: numberOf(heartbeat?.facts.sent),
    failed_requests: numberOf(heartbeat?.facts.failed),
  };
  return state === undefined
    ? base
    : {
        ...base,
        ...positionFigures(config, state),
        ...moneyFigures(config, state),
        restarts_per_day: restartsPerDay(state, firstStart),
      };
}

/** Returns why a run that holds nothing begins no cycle. Pauses are left out: they end by the clock of another process. */
function waitsFor(state: RunState, config: RunConfig): string | undefined {
  return state.plan === undefined && !state.ending ? obstacle(state, config, Number.POSITIVE_INFINITY) : undefined;
}

function positionFigures(config: RunConfig, state: RunState): StatusFigures {
  const { position, plan } = state;
  const held = new Exact(state.held);
  const target = state.orders.find((order) => order.role === 'take_profit' && isLive(order));
  const mark = position?.mark;
  return {
    cycle: state.cycle,
    levels_planned: plan === undefined ? undefined : plan.levels.length,
    levels_live: countOf(state, (order) => isLive(order) && order.state === 'accepted'),
    levels_filled: countOf(state, (order) => Number(order.fillSum) > 0),
    levels_deferred: Object.keys(state.deferred).filter((key) => key.startsWith('level')).length,
    orders_unknown: state.orders.filter((order) => order.state === 'unknown' || order.state === 'sent').length,
    active_orders: state.orders.filter(isLive).length,
    held: Number(state.held),
    average: held.isZero() ? undefined : new Exact(state.cost).div(held).toDecimalPlaces(8).toNumber(),
    take_profit: target && Number(target.actualPrice ?? target.price),
    take_profit_amount: target && remainingOf(target).toNumber(),
    exchange_stop: state.stop.shown[0] && Number(state.stop.shown[0].price),
    mark: mark === undefined ? undefined : Number(mark),
    liquidation: round(position?.liquidation, 8),
    margin: committedMargin(state, config).toDecimalPlaces(4).toNumber(),
  };
}

function moneyFigures(config: RunConfig, state: RunState): StatusFigures {
  const { books, position } = state;
  const gains = books.profits.filter((profit) => profit !== 0);
  const mean = gains.length === 0 ? undefined : gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const spread =
    mean === undefined ? undefined : Math.sqrt(gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / gains.length);
  const fees = Object.entries(books.fees).map(([asset, fee]) => `${new Exact(fee).toDecimalPlaces(8)} ${asset}`);
  return {
    cycles: books.cycles,
    realised: round(books.realised, 6),
    unrealised: position?.mark === undefined ? undefined : unrealised(state, config, position.mark).toDecimalPlaces(6).toNumber(),
    funding: round(books.funding, 8),
    fees: fees.join(', ') || undefined,
    profit: netOf(books, config).toDecimalPlaces(8).toNumber(),
    not_in_profit: leftOut(books, config),
    turnover: round(books.turnover, 4),
    drawdown: round(books.drawdown, 6),
    mean_take_profit: round(mean, 6),
    sharpe_per_cycle: mean === undefined || !spread ? undefined : round(mean / spread, 3),
    orders_placed: books.placed,
    orders_filled: books.filledOrders,
    filled_share: books.placed === 0 ? undefined : round(books.filledOrders / books.placed, 4),
    orders_rejected: books.rejected,
    fills: books.fills,
  };
}

/** Fees in a coin other than that of settlement have no price in a journal: the profit is without them, and says so. */
function leftOut({ fees, unknownFees }: RunState['books'], { settle }: RunConfig): string | undefined {
  const others = Object.keys(fees).filter((asset) => asset !== settle);
  const texts = [
    ...(others.length > 0 ? [`fees in ${others.join(', ')}`] : []),
    ...(unknownFees > 0 ? [`fees of ${unknownFees} fills that the exchange does not name`] : []),
  ];
  return texts.join('; ') || undefined;
}

/** Cycles that ended, per day since the first start; not said of the first hour. */
function restartsPerDay({ books }: RunState, firstStart: number | undefined): number | undefined {
  const days = firstStart === undefined ? 0 : (Date.now() - firstStart) / 86_400_000;
  return days < 1 / 24 ? undefined : round(books.cycles / days, 2);
}

function countOf({ orders, cycle }: RunState, is: (order: OwnOrder) => boolean): number {
  return new Set(
    orders.filter((order) => order.role === 'level' && order.cycle === cycle && is(order)).map(({ number }) => number),
  ).size;
}

/** Returns the status of a run as lines for people: the mode in capitals first. */
export function statusLines(run: KnownRun): string[] {
  const figures = figuresOf(run);
  const { mode, run: name, exchange, symbol, ...rest } = figures;
  const age = run.heartbeat
    ? formatDuration(Math.max(0, Math.round((Date.now() - run.heartbeat.at) / 1_000)) * 1_000_000)
    : undefined;
  const title = `${String(mode).toUpperCase()}  ${name}  ${exchange} ${symbol}`;
  const rows = Object.entries({ ...rest, ...(age && { heartbeat: `${age} ago` }) }).filter(([, value]) => value !== undefined);
  const words = (value: unknown) => (value === true ? 'yes' : value === false ? 'no' : String(value));
  return [title, ...rows.map(([key, value]) => `  ${key.replaceAll('_', ' ').padEnd(20)}${words(value)}`)];
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function round(value: unknown, digits: number): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  return Number(Number(value).toFixed(digits));
}
