import { DAY } from '../model/time.js';
import type { Drawdown } from './equity-tracker.js';
import type { EquityPoint } from './ledger.js';
import type { Outcome } from './outcome.js';
import type { RoundTrip } from './trades.js';

/**
 * Metrics of a run. `_pct` are per cent, times are microseconds, money is in quote units. A metric without a value (a ratio
 * over no trades, the Sharpe ratio of a constant) is absent.
 */
export type Metrics = Readonly<Record<string, number>>;

/** What the metrics take besides the outcome. */
type MetricsInput = {
  /** The closed positions. */
  readonly trips: readonly RoundTrip[];
  readonly deposit: number;
  /** Time between two points of the equity curve, microseconds. */
  readonly period: number;
  /** Metrics of the strategy's own. */
  readonly figures: Metrics;
};

const YEAR = 365 * DAY;
/** Minimum number of returns for a Sharpe ratio. */
const MIN_RETURNS = 2;

/**
 * Returns every metric of design section 8b.
 *
 * - net_profit = equity at the end − deposit = realized_pnl + unrealized_pnl − fees + funding. gross_profit and gross_loss
 *   are the sums of realized profit over winning and over losing trades, before fees and funding.
 * - buy_and_hold_pct is what the price did over the run, from its first price to its last, without costs.
 * - Sharpe: mean / sample standard deviation of the returns between points of the equity curve (`period`), × √(365 d /
 *   period); Sortino takes √(Σ min(r, 0)² / n) instead; both at a rate of zero.
 * - Calmar: (equity at the end / deposit)^(365 d / duration) − 1, over the maximum drawdown; absent under a day.
 * - A trade is a position from its first fill until it is closed; its net includes fees and funding. profit_factor = Σ net
 *   wins / Σ net losses, expectancy = mean net, win_rate_pct = share with a net above zero.
 * - Drawdown follows every trade, the path of every candle, or every mark price while a position is open, not only the
 *   equity curve. max_drawdown is the largest fall in value, max_drawdown_pct the largest in per cent of its peak.
 */
export function metricsOf(outcome: Outcome, { trips, deposit, period, figures }: MetricsInput): Metrics {
  const { account, tracker, fills, equity, from, until } = outcome;
  const last = equity.at(-1)?.equity ?? deposit;
  const unrealized = last - account.balance;
  const turnover = fills.reduce((sum, { price, amount }) => sum + price * amount, 0);
  const duration = until - from;
  return present({
    net_profit: last - deposit,
    gross_profit: grossOf(trips, (trip) => trip.realized > 0),
    gross_loss: grossOf(trips, (trip) => trip.realized < 0),
    realized_pnl: account.realized,
    unrealized_pnl: unrealized,
    fees: account.fees,
    funding: account.funding,
    return_pct: (last / deposit - 1) * 100,
    buy_and_hold_pct: (outcome.price / outcome.firstPrice - 1) * 100,
    final_equity: last,
    max_drawdown: tracker.absolute.size,
    ...drawdownTimes('max_drawdown', tracker.absolute, until),
    max_drawdown_pct: tracker.relative.size * 100,
    ...drawdownTimes('max_drawdown_pct', tracker.relative, until),
    ...ratios(equity, deposit, period),
    calmar: calmarOf(last / deposit, duration, tracker.relative.size),
    ...tradeMetrics(trips),
    exposure_pct: duration > 0 ? (outcome.exposed / duration) * 100 : undefined,
    turnover,
    turnover_per_deposit: turnover / deposit,
    fills: fills.length,
    ...orderMetrics(outcome),
    ...figures,
    restarts_per_day: figures.restarts === undefined || duration < DAY ? undefined : (figures.restarts * DAY) / duration,
    liquidations: outcome.liquidations.length,
    max_leverage: outcome.maxLeverage,
    least_liquidation_distance_pct: Number.isFinite(outcome.minDistance) ? outcome.minDistance * 100 : undefined,
    sharpe_period_seconds: period / 1_000_000,
  });
}

/** Returns the realized profit of some trades, before fees and funding. */
function grossOf(trips: readonly RoundTrip[], matches: (trip: RoundTrip) => boolean): number {
  return trips.reduce((sum, trip) => sum + (matches(trip) ? trip.realized : 0), 0);
}

function present(values: Readonly<Record<string, number | undefined>>): Metrics {
  const entries = Object.entries(values).filter((entry): entry is [string, number] => Number.isFinite(entry[1]));
  return Object.fromEntries(entries);
}

function drawdownTimes(name: string, { size, from, at, recoveredAt }: Drawdown, until: number): Metrics {
  if (size === 0) return {};
  const recovered = recoveredAt === 0 ? undefined : recoveredAt;
  return {
    [`${name}_from_timestamp`]: from,
    [`${name}_timestamp`]: at,
    ...(recovered !== undefined && { [`${name}_recovered_timestamp`]: recovered }),
    [`${name}_seconds`]: ((recovered ?? until) - from) / 1_000_000,
  };
}

function ratios(equity: readonly EquityPoint[], deposit: number, period: number): Readonly<Record<string, number | undefined>> {
  const returns = returnsOf(equity, deposit, period);
  if (returns.length < MIN_RETURNS) return {};
  const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length;
  const squares = returns.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const losses = returns.reduce((sum, value) => sum + Math.min(value, 0) ** 2, 0);
  const yearly = Math.sqrt(YEAR / period);
  const over = (deviation: number) => (deviation > 0 ? (mean / deviation) * yearly : undefined);
  return { sharpe: over(Math.sqrt(squares / (returns.length - 1))), sortino: over(Math.sqrt(losses / returns.length)) };
}

/** Returns the returns between whole periods. A partial last period would weigh as much as a whole one, so it is dropped. */
function returnsOf(equity: readonly EquityPoint[], deposit: number, period: number): number[] {
  const values = [deposit, ...equity.filter(({ time }) => time % period === 0).map((point) => point.equity)];
  const returns: number[] = [];
  for (let index = 1; index < values.length; index++) {
    const before = values[index - 1] as number;
    if (before > 0) returns.push((values[index] as number) / before - 1);
  }
  return returns;
}

function calmarOf(growth: number, duration: number, drawdown: number): number | undefined {
  if (duration < DAY || drawdown === 0 || growth <= 0) return undefined;
  return (growth ** (YEAR / duration) - 1) / drawdown;
}

function tradeMetrics(trips: readonly RoundTrip[]): Readonly<Record<string, number | undefined>> {
  const net = (chosen: readonly RoundTrip[]) => chosen.reduce((sum, trip) => sum + trip.net, 0);
  const wins = trips.filter((trip) => trip.net > 0);
  const losses = trips.filter((trip) => trip.net < 0);
  const gains = trips.filter(({ reason }) => reason === 'take_profit');
  const mean = (chosen: readonly RoundTrip[]) => (chosen.length > 0 ? net(chosen) / chosen.length : undefined);
  return {
    trades: trips.length,
    win_rate_pct: trips.length > 0 ? (wins.length / trips.length) * 100 : undefined,
    profit_factor: losses.length > 0 ? net(wins) / -net(losses) : undefined,
    expectancy: mean(trips),
    mean_win: mean(wins),
    mean_loss: mean(losses),
    mean_take_profit: mean(gains),
  };
}

function orderMetrics({ orders }: Outcome): Readonly<Record<string, number | undefined>> {
  return {
    orders: orders.placed,
    orders_active: orders.active,
    orders_filled_pct: orders.active > 0 ? (orders.filled / orders.active) * 100 : undefined,
    orders_refused: orders.refused,
    orders_rejected: orders.rejected,
  };
}
