import type { Run } from '../../lib/model/records.js';
import { formatDuration, formatTime, MINUTE, SECOND } from '../../lib/model/time.js';

export type Metrics = Readonly<Record<string, number>>;

/** Metrics in reading order; others are last. */
const ORDER = [
  'net_profit',
  'return_pct',
  'buy_and_hold_pct',
  'final_equity',
  'gross_profit',
  'gross_loss',
  'realized_pnl',
  'unrealized_pnl',
  'fees',
  'funding',
  'max_drawdown',
  'max_drawdown_from_timestamp',
  'max_drawdown_timestamp',
  'max_drawdown_recovered_timestamp',
  'max_drawdown_seconds',
  'max_drawdown_pct',
  'max_drawdown_pct_from_timestamp',
  'max_drawdown_pct_timestamp',
  'max_drawdown_pct_recovered_timestamp',
  'max_drawdown_pct_seconds',
  'sharpe',
  'sortino',
  'calmar',
  'trades',
  'win_rate_pct',
  'profit_factor',
  'expectancy',
  'mean_win',
  'mean_loss',
  'mean_take_profit',
];

/** Returns the names of all metrics of the runs, in reading order. */
export function metricNames(runs: readonly Run[]): string[] {
  const names = [...new Set(runs.flatMap((run) => Object.keys(metricsIn(run))))];
  const known = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return names.sort((a, b) => known(a) - known(b));
}

const LABELS: Readonly<Record<string, string>> = {
  max_drawdown_from_timestamp: 'max drawdown from',
  max_drawdown_timestamp: 'max drawdown at',
  max_drawdown_recovered_timestamp: 'max drawdown recovered',
  max_drawdown_seconds: 'max drawdown duration',
  max_drawdown_pct_from_timestamp: 'max drawdown % from',
  max_drawdown_pct_timestamp: 'max drawdown % at',
  max_drawdown_pct_recovered_timestamp: 'max drawdown % recovered',
  max_drawdown_pct_seconds: 'max drawdown % duration',
  buy_and_hold_pct: 'buy and hold %',
  sharpe_period_seconds: 'sharpe period',
  least_liquidation_distance_pct: 'minimum liquidation distance %',
};

/** Returns the label of a metric. */
export function labelOf(name: string): string {
  return LABELS[name] ?? name.replace(/_pct$/, ' %').replaceAll('_', ' ');
}

/** Returns the formatted value of a metric. */
export function valueText(name: string, value: number | undefined): string {
  if (value === undefined) return '–';
  if (name.endsWith('_timestamp')) return timeText(value);
  if (name.endsWith('_seconds')) return lengthText(Math.round(value) * SECOND);
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) >= 1 ? 2 : 4);
}

/** Returns a duration in its two largest units: `11d 13h`, `3h 5m`. */
export function lengthText(length: number): string {
  const minutes = Math.round(length / MINUTE);
  if (minutes <= 60) return formatDuration(length);
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  const parts = days > 0 ? [`${days}d`, `${hours}h`] : [`${hours}h`, `${rest}m`];
  return parts.filter((part) => !part.startsWith('0')).join(' ');
}

/** `2026-11-20 09:30`, UTC. */
export function timeText(time: number): string {
  return formatTime(time).slice(0, 16).replace('T', ' ');
}

/** Returns the metrics of a run. */
export function metricsIn(run: Run): Metrics {
  return run.metrics as Metrics;
}
