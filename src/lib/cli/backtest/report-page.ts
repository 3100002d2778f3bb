import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FinishedRun } from '../../ingest/backtest/execute.js';
import type { LoadedMarket } from '../../ingest/backtest/market-reader.js';
import type { MaintenanceTier } from '../../model/maintenance-tier.js';
import { formatTime } from '../../model/time.js';
import { feedText } from './plan.js';
import { CHART_SCRIPT } from './report-script.js';
import { monthlyReturns, ReportAxis } from './report-series.js';
import { REPORT_STYLE } from './report-style.js';
import { labelOf, metricNames, valueText } from './table.js';

/** What a reader wants to know first. */
const HEADLINES = ['net_profit', 'return_pct', 'max_drawdown_pct', 'sharpe', 'trades', 'win_rate_pct', 'fees', 'max_leverage'];

/** What a report shows: the runs of one symbol; the first is drawn, the equity of the second beside it. */
export type ReportInput = { readonly market: LoadedMarket; readonly runs: readonly FinishedRun[] };

/**
 * Returns one HTML page that needs nothing else: data, styles and the chart library are in it, and its content policy
 * forbids everything but its own two scripts, told by their hashes.
 */
export function reportPage({ market, runs }: ReportInput): string {
  const [first] = runs as [FinishedRun];
  const library = chartLibrary();
  const policy = [library, CHART_SCRIPT].map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  const title = `${first.run.strategy} on ${first.run.symbol}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${policy.join(' ')}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${REPORT_STYLE}</style></head><body>
<h1>${escaped(title)}</h1>
<div class="faint">${escaped(feedText(market))}, ${spanText(first)} UTC; run ${runs.map(({ run }) => escaped(run.runId)).join(', ')}</div>
${tiles(runs)}
<div id="legend"></div>
<div id="chart"></div>
<div class="faint">Candles with fills${first.levels.length > 0 ? ' and grid levels' : ''}, equity, drawdown (%)${runs.length > 1 ? `; drawn: ${escaped(first.run.path ?? '')}, the other path's equity in grey` : ''}.</div>
${warnings(runs)}
<div class="columns">
<section><h2>Metrics</h2>${metricsTable(runs)}</section>
<section><h2>Monthly returns</h2>${monthsTable(runs)}<h2>Parameters</h2>${parametersTable(first)}</section>
</div>
<h2>About</h2>
<pre>Fills: ${runs.map(({ run }) => escaped(run.fillsHash)).join('\n       ')} (SHA-256)
Charts: TradingView Lightweight Charts™
Copyright (c) 2026 TradingView, Inc. <a href="https://www.tradingview.com/">https://www.tradingview.com/</a>
Licensed under the Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0</pre>
<script type="application/json" id="data">${JSON.stringify(chartData(market, runs)).replaceAll('<', '\\u003c')}</script>
<script>${library}</script>
<script>${CHART_SCRIPT}</script>
</body></html>
`;
}

/** The package has no export for the build that a page can carry. */
function chartLibrary(): string {
  const root = dirname(createRequire(import.meta.url).resolve('lightweight-charts/package.json'));
  return readFileSync(join(root, 'dist/lightweight-charts.standalone.production.js'), 'utf8');
}

function chartData({ data }: LoadedMarket, [first, second]: readonly FinishedRun[]) {
  const axis = new ReportAxis(data.feed);
  const { fills, equity, levels } = first as FinishedRun;
  return {
    candles: axis.candles,
    markers: axis.markers(fills),
    levels: axis.levels(levels),
    equity: axis.line(equity, (point) => point.equity),
    other: second === undefined ? [] : axis.line(second.equity, (point) => point.equity),
    drawdown: axis.line(equity, ({ drawdownPct }) => -drawdownPct),
  };
}

/** Of two paths, both values where they differ. */
function tiles(runs: readonly FinishedRun[]): string {
  const tile = (name: string) => {
    const values = runs.map(({ run }) => valueText(name, (run.metrics as Readonly<Record<string, number>>)[name]));
    const text = [...new Set(values)].join(' / ');
    return `<div><b${colourOf(text)}>${escaped(text)}</b><span>${escaped(labelOf(name))}</span></div>`;
  };
  const known = metricNames(runs.map(({ run }) => run));
  return `<div class="tiles">${HEADLINES.filter((name) => known.includes(name))
    .map(tile)
    .join('')}</div>`;
}

function metricsTable(runs: readonly FinishedRun[]): string {
  const metrics = runs.map(({ run }) => run.metrics as Readonly<Record<string, number>>);
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

/** As `--tiers` takes it: BOUND=RATE-DEDUCTION. */
function tierText({ upTo, rate, deduction }: MaintenanceTier): string {
  return `${upTo === undefined ? '' : `${upTo}=`}${Number((rate * 100).toPrecision(12))}%${deduction > 0 ? `-${deduction}` : ''}`;
}

function warnings(runs: readonly FinishedRun[]): string {
  const all = runs.flatMap(({ run }) => (run.detail as { warnings?: readonly string[] } | undefined)?.warnings ?? []);
  return [...new Set(all)].map((warning) => `<div class="warning">${escaped(warning)}</div>`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}${colourOf(cell)}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${line(head, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table>`;
}

function colourOf(cell: string): string {
  return /^-\d/.test(cell) ? ' class="bad"' : '';
}

function spanText({ run }: FinishedRun): string {
  return [run.fromTimestamp, run.untilTimestamp].map((time) => formatTime(time).slice(0, 16).replace('T', ' ')).join(' to ');
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
