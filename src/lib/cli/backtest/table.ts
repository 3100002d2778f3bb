import type { Equity, Run } from '../../model/records.js';
import { formatDuration, formatTime, MINUTE, SECOND } from '../../model/time.js';
import { type ChartPoint, lineChart } from '../output/line-chart.js';
import type { Paint } from '../output/paint.js';
import type { Render } from '../output/rendered-sink.js';
import { forwardTotals } from './forward-total.js';

/** Metrics in the order in which they are read; what is not named here comes last. */
const ORDER = [
  'net_profit',
  'return_pct',
  'final_equity',
  'gross_profit',
  'realized_pnl',
  'unrealized_pnl',
  'fees',
  'funding',
  'max_drawdown',
  'max_drawdown_pct',
  'max_drawdown_from_timestamp',
  'max_drawdown_timestamp',
  'max_drawdown_recovered_timestamp',
  'max_drawdown_seconds',
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

const MOST_RANKS = 20;
/** What a ranking shows beside the parameters that differ. */
const RANKED = ['net_profit', 'return_pct', 'max_drawdown_pct', 'sharpe', 'profit_factor', 'trades', 'liquidations'];

type Metrics = Readonly<Record<string, number>>;
type Detail = { readonly rank?: number; readonly part?: string; readonly window?: number };

/** Draws what a backtest found: per symbol a ranking or the parts of a walk forward, all metrics, and the equity line. */
export const renderBacktest: Render = (records, { width, paint }) => {
  const runs = records.filter((record): record is Run => record.type === 'run');
  const equity = records.filter((record): record is Equity => record.type === 'equity');
  const symbols = [...new Set(runs.map(({ symbol }) => symbol))];
  return symbols
    .map((symbol) =>
      drawn(
        runs.filter((run) => run.symbol === symbol),
        equity,
        width,
        paint,
      ),
    )
    .join('\n\n');
};

function drawn(runs: readonly Run[], equity: readonly Equity[], width: number, paint: Paint): string {
  const detailed = runs.filter((run) => equity.some(({ runId }) => runId === run.runId));
  const isForward = detailed.some((run) => detailOf(run).part !== undefined);
  const ranking = runs.some((run) => (detailOf(run).rank ?? 0) > 1) ? ranked(runs, paint) : [];
  const shown = isForward ? partsTable(detailed, paint) : metricsTable(detailed, paint);
  const [first] = isForward ? detailed.filter((run) => detailOf(run).part === 'out-of-sample') : detailed;
  return [
    ...(first === undefined ? [] : [paint.heading(headingOf(first)), '']),
    ...ranking,
    ...shown,
    ...(first === undefined ? [] : ['', equityLine(first, equity, width)]),
  ].join('\n');
}

function headingOf({ strategy, exchange, market, symbol, fromTimestamp, untilTimestamp }: Run): string {
  return `${strategy} on ${exchange} ${market} ${symbol}, ${timeText(fromTimestamp)} to ${timeText(untilTimestamp)}`;
}

function metricsTable(runs: readonly Run[], paint: Paint): string[] {
  const rows = metricNames(runs).map((name) => [labelOf(name), ...runs.map((run) => valueText(name, metricsIn(run)[name]))]);
  return aligned(['', ...runs.map(({ path, runId }) => path ?? runId)], rows, paint);
}

/** Returns the names of all metrics that runs have, in the order in which they are read. */
export function metricNames(runs: readonly Run[]): string[] {
  const names = [...new Set(runs.flatMap((run) => Object.keys(metricsIn(run))))];
  const known = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return names.sort((a, b) => known(a) - known(b));
}

function ranked(runs: readonly Run[], paint: Paint): string[] {
  const inOrder = [...runs].sort((a, b) => (detailOf(a).rank ?? 0) - (detailOf(b).rank ?? 0));
  const varied = variedParameters(runs);
  const rows = inOrder
    .filter((run) => (detailOf(run).rank ?? 0) <= MOST_RANKS)
    .map((run) => [
      String(detailOf(run).rank),
      ...varied.map((name) => String((run.parameters as Record<string, unknown>)[name] ?? '')),
      run.path ?? '',
      ...RANKED.map((name) => valueText(name, metricsIn(run)[name])),
    ]);
  const table = aligned(['rank', ...varied, 'path', ...RANKED.map(labelOf)], rows, paint);
  const last = Math.max(...runs.map((run) => detailOf(run).rank ?? 0));
  return [...table, ...(last > MOST_RANKS ? [paint.faint(`${last - MOST_RANKS} more ranks in the records`)] : []), ''];
}

function partsTable(runs: readonly Run[], paint: Paint): string[] {
  const varied = variedParameters(runs);
  const rows = runs.map((run) => [
    String(detailOf(run).window),
    String(detailOf(run).part),
    timeText(run.fromTimestamp),
    timeText(run.untilTimestamp),
    run.path ?? '',
    ...varied.map((name) => String((run.parameters as Record<string, unknown>)[name] ?? '')),
    ...RANKED.map((name) => valueText(name, metricsIn(run)[name])),
  ]);
  const totals = forwardTotals(runs).map(({ path, parts, ...total }) => [
    'all',
    'out-of-sample',
    `${parts} ${parts === 1 ? 'part' : 'parts'}`,
    '',
    path ?? '',
    ...varied.map(() => ''),
    ...RANKED.map((name) => (name in total ? valueText(name, (total as unknown as Metrics)[name]) : '')),
  ]);
  return aligned(['window', 'part', 'from', 'until', 'path', ...varied, ...RANKED.map(labelOf)], [...rows, ...totals], paint);
}

/** Returns the parameters in which the runs differ. */
export function variedParameters(runs: readonly Run[]): string[] {
  const [first, ...others] = runs.map(({ parameters }) => parameters as Record<string, unknown>);
  return Object.keys(first ?? {}).filter((name) =>
    others.some((other) => JSON.stringify(other[name]) !== JSON.stringify(first?.[name])),
  );
}

function equityLine(run: Run, equity: readonly Equity[], width: number): string {
  const points = equity
    .filter(({ runId }) => runId === run.runId)
    .map(({ timestamp, equity: value }): ChartPoint => ({ timestamp, value }));
  return lineChart(`equity${run.path ? `, ${run.path}` : ''}`, points, Math.min(width, 80));
}

function aligned(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string[] {
  const widths = head.map((name, index) => Math.max(name.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] as number) : cell.padStart(widths[index] as number)))
      .join('  ')
      .trimEnd();
  return [paint.heading(line(head)), ...rows.map(line)];
}

const LABELS: Readonly<Record<string, string>> = {
  max_drawdown_from_timestamp: 'max drawdown from',
  max_drawdown_timestamp: 'max drawdown at',
  max_drawdown_recovered_timestamp: 'max drawdown recovered',
  max_drawdown_seconds: 'max drawdown lasted',
  sharpe_period_seconds: 'period of sharpe',
};

/** Returns a metric's name for the eye. */
export function labelOf(name: string): string {
  return LABELS[name] ?? name.replace(/_pct$/, ' %').replaceAll('_', ' ');
}

/** Returns a metric's value for the eye. */
export function valueText(name: string, value: number | undefined): string {
  if (value === undefined) return '–';
  if (name.endsWith('_timestamp')) return timeText(value);
  if (name.endsWith('_seconds')) return lengthText(Math.round(value) * SECOND);
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) >= 1 ? 2 : 4);
}

/** `11d 13h`, `3h 5m`: two units are enough for the eye. */
function lengthText(length: number): string {
  const minutes = Math.round(length / MINUTE);
  if (minutes <= 60) return formatDuration(length);
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  const parts = days > 0 ? [`${days}d`, `${hours}h`] : [`${hours}h`, `${rest}m`];
  return parts.filter((part) => !part.startsWith('0')).join(' ');
}

function timeText(time: number): string {
  return formatTime(time).slice(0, 16).replace('T', ' ');
}

function metricsIn(run: Run): Metrics {
  return run.metrics as Metrics;
}

function detailOf(run: Run): Detail {
  return (run.detail ?? {}) as Detail;
}
