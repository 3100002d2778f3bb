import type { FinishedRun } from '../../lib/backtest/study/execute.js';
import type { LoadedMarket } from '../../lib/backtest/study/market-reader.js';
import type { Study } from '../../lib/backtest/study/study.js';
import { CHART_LICENCE, escaped, htmlPage } from '../../lib/cli/html-page.js';
import { CHART_SCRIPT } from '../../lib/cli/report/chart-script.js';
import { monthlyReturns, ReportAxis } from '../../lib/cli/report/report-axis.js';
import type { MaintenanceTier } from '../../lib/model/maintenance-tier.js';
import { comparisonOf, outOfSampleRuns, partText } from './comparison.js';
import { labelOf, lengthText, type Metrics, metricNames, metricsIn, timeText, valueText } from './metric-text.js';
import { feedText } from './plan.js';
import { type SymbolResult, warningsOf } from './run.js';
import { walkForwardTotals } from './walk-forward-totals.js';

/** Metrics at the top of the page. */
const HEADLINES = [
  'net_profit',
  'return_pct',
  'buy_and_hold_pct',
  'max_drawdown_pct',
  'sharpe',
  'trades',
  'win_rate_pct',
  'exposure_pct',
  'fees',
  'max_leverage',
];
/** Trades in the table, the last ones. Tens of thousands of rows would make the page slow; the records hold every fill. */
const MAX_TRADES = 2000;

/**
 * Returns the report of one symbol as a self-contained page. The chart shows the first path and the equity of the second. For a walk-forward test
 * it shows the last test window, below the metrics of all.
 */
export function reportPage({ market, study }: SymbolResult): string {
  const drawn = drawnRuns(study);
  const [first] = drawn as [FinishedRun];
  const title = `${first.run.strategy} on ${first.run.symbol}${partText(first.run) === undefined ? '' : ', tested out of sample'}`;
  const body = `<div class="faint">${escaped(feedText(market))}, ${spanText(study.finished)} UTC</div>
${tiles(headlinesOf(study))}
${comparison(study)}
<div class="faint">${drawnText(drawn)}</div>
<div id="legend"></div>
<div id="chart"></div>
${warnings(study)}
${tradesTable(first)}
<div class="columns">
<section><h2>Metrics${partOf(first)}</h2>${metricsTable(drawn)}</section>
<section><h2>Monthly returns${partOf(first)}</h2>${monthsTable(drawn)}<h2>Parameters${partOf(first)}</h2>${parametersTable(first)}</section>
</div>
<h2>About</h2>
<pre>Runs:  ${study.finished.map(({ run }) => `${escaped(run.runId)}  fills ${escaped(run.fillsHash)} (SHA-256)`).join('\n       ')}
${CHART_LICENCE}</pre>`;
  return htmlPage({ title, body, data: chartData(market, drawn), script: CHART_SCRIPT });
}

/** Returns both paths of the run, or of the last test window. */
function drawnRuns({ finished }: Study): readonly FinishedRun[] {
  const tested = outOfSampleRuns(finished);
  return tested.filter(({ run }) => run.fromTimestamp === tested.at(-1)?.run.fromTimestamp);
}

function drawnText([first, second]: readonly FinishedRun[]): string {
  const { run, levels } = first as FinishedRun;
  const part = partText(run);
  const path = second === undefined ? '' : `; drawn: ${escaped(run.path ?? '')}, the other path's equity in grey`;
  return `Candles with fills${levels.length > 0 ? ' and grid levels' : ''}, equity (buy and hold dashed), drawdown (%)${part === undefined ? '' : ` of the ${part}`}${path}.`;
}

function partOf({ run }: FinishedRun): string {
  const part = partText(run);
  return part === undefined ? '' : `, ${part}`;
}

/** Returns the metrics at the top: those of both paths, or the out-of-sample totals of each path. */
function headlinesOf(study: Study): readonly Metrics[] {
  const totals = walkForwardTotals(study.finished.map(({ run }) => run));
  if (totals.length > 0)
    return totals.map(({ net_profit, return_pct, max_drawdown_pct, trades }) => ({
      net_profit,
      return_pct,
      max_drawdown_pct,
      trades,
    }));
  return drawnRuns(study).map(({ run }) => metricsIn(run));
}

function comparison({ finished, ranking }: Study): string {
  const found = comparisonOf([...finished.map(({ run }) => run), ...ranking]);
  if (found === undefined) return '';
  return `<section id="comparison"><h2>${found.title}</h2>${table(found.head, found.rows)}<div class="faint">${escaped(found.remark)}</div></section>`;
}

function chartData({ data }: LoadedMarket, [first, second]: readonly FinishedRun[]) {
  const axis = new ReportAxis(data.feed);
  const { fills, equity, levels } = first as FinishedRun;
  return {
    candles: axis.candles,
    markers: axis.markers(fills),
    levels: axis.levels(levels),
    equity: axis.line(equity, (point) => point.equity),
    held: axis.held((first as FinishedRun).run),
    other: second === undefined ? [] : axis.line(second.equity, (point) => point.equity),
    drawdown: axis.line(equity, ({ drawdownPct }) => -drawdownPct),
  };
}

/** Returns the tiles; a metric that differs between the paths shows both values. */
function tiles(paths: readonly Metrics[]): string {
  const tile = (name: string) => {
    const text = [...new Set(paths.map((metrics) => valueText(name, metrics[name])))].join(' / ');
    return `<div><b${classOf(text)}>${escaped(text)}</b><span>${escaped(labelOf(name))}</span></div>`;
  };
  const known = HEADLINES.filter((name) => paths.some((metrics) => name in metrics));
  return `<div class="tiles">${known.map(tile).join('')}</div>`;
}

function metricsTable(runs: readonly FinishedRun[]): string {
  const metrics = runs.map(({ run }) => metricsIn(run));
  const names = metricNames(runs.map(({ run }) => run));
  const head = ['', ...runs.map(({ run }) => run.path ?? '')];
  return table(
    head,
    names.map((name) => [labelOf(name), ...metrics.map((values) => valueText(name, values[name]))]),
  );
}

function monthsTable(runs: readonly FinishedRun[]): string {
  const columns = runs.map(({ run, equity }) => {
    const { deposit } = run.parameters as { readonly deposit: number };
    return new Map(monthlyReturns(equity, deposit).map(({ month, pct }) => [month, pct]));
  });
  const months = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  const cell = (pct: number | undefined) => (pct === undefined ? '–' : `${pct.toFixed(2)} %`);
  return table(
    ['month', ...runs.map(({ run }) => run.path ?? 'return')],
    months.map((month) => [month, ...columns.map((column) => cell(column.get(month)))]),
  );
}

/** Returns the table of closed positions; empty if there are none. */
function tradesTable(run: FinishedRun): string {
  const { trades } = run;
  if (trades.length === 0) return '';
  const shown = trades.slice(-MAX_TRADES);
  const rows = shown.map((trade, index) => [
    String(trades.length - shown.length + index + 1),
    trade.position,
    timeText(trade.from),
    timeText(trade.until),
    lengthText(trade.until - trade.from),
    String(Number(trade.amount.toPrecision(8))),
    String(Number(trade.entry.toPrecision(8))),
    String(Number(trade.exit.toPrecision(8))),
    trade.net.toFixed(2),
    ((trade.net / (trade.amount * trade.entry)) * 100).toFixed(2),
    trade.reason.replaceAll('_', ' '),
  ]);
  const head = ['', 'side', 'entry', 'exit', 'duration', 'amount', 'entry price', 'exit price', 'P&L', 'P&L %', 'reason'];
  const title = `Trades${shown.length < trades.length ? `, the last ${shown.length} of ${trades.length}` : ''}${partOf(run)}`;
  return `<section id="trades"><h2>${escaped(title)}</h2><div class="rows">${table(head, rows)}</div>
<div class="faint">A trade is a position from its first fill until it is closed. Prices are means of its fills; P&amp;L is after fees and funding, P&amp;L % of the value at entry.</div></section>`;
}

function parametersTable({ run }: FinishedRun): string {
  const entries = Object.entries(run.parameters as Readonly<Record<string, unknown>>);
  return table(
    ['', ''],
    entries.map(([name, value]) => [name, parameterText(name, value)]),
  );
}

function parameterText(name: string, value: unknown): string {
  if (name === 'maintenance_tiers') return (value as readonly MaintenanceTier[]).map(tierText).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Returns a tier in the format of `--tiers`: BOUND=RATE-DEDUCTION. */
function tierText({ upTo, rate, deduction }: MaintenanceTier): string {
  return `${upTo === undefined ? '' : `${upTo}=`}${Number((rate * 100).toPrecision(12))}%${deduction > 0 ? `-${deduction}` : ''}`;
}

function warnings(study: Study): string {
  return warningsOf([study])
    .map((warning) => `<div class="warning">${escaped(warning)}</div>`)
    .join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}${classOf(cell)}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${line(head, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table>`;
}

function classOf(cell: string): string {
  return /^-\d/.test(cell) ? ' class="bad"' : '';
}

function spanText(finished: readonly FinishedRun[]): string {
  const from = Math.min(...finished.map(({ run }) => run.fromTimestamp));
  const until = Math.max(...finished.map(({ run }) => run.untilTimestamp));
  return `${timeText(from)} to ${timeText(until)}`;
}
