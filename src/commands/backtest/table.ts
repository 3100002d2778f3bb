import type { Colors } from '../../lib/cli/output/colors.js';
import { type ChartPoint, lineChart } from '../../lib/cli/output/line-chart.js';
import type { Render } from '../../lib/cli/output/rendered-sink.js';
import type { Equity, Run } from '../../lib/model/records.js';
import { seriesKey } from '../../lib/model/series.js';
import { comparisonOf, outOfSampleRuns } from './comparison.js';
import { labelOf, metricNames, metricsIn, timeText, valueText } from './metric-text.js';

/** A run with the points of its equity curve. */
type Drawn = { readonly run: Run; readonly equity: readonly Equity[] };

/** Renders a backtest: per symbol a ranking or the walk-forward parts, all metrics, and the equity line. */
export const renderBacktest: Render = (records, { width, colors }) => {
  const runs = records.filter((record): record is Run => record.type === 'run');
  const equity = records.filter((record): record is Equity => record.type === 'equity');
  const keys = [...new Set(runs.map(seriesKey))];
  const ofKey = (key: string) => runs.filter((run) => seriesKey(run) === key);
  return keys.map((key) => drawn(ofKey(key), equity, width, colors)).join('\n\n');
};

function drawn(runs: readonly Run[], equity: readonly Equity[], width: number, colors: Colors): string {
  const detailed = runs
    .map((run): Drawn => ({ run, equity: equity.filter(({ runId }) => runId === run.runId) }))
    .filter((found) => found.equity.length > 0);
  const tested = outOfSampleRuns(detailed);
  const isForward = tested.length < detailed.length;
  const comparison = comparisonOf(runs);
  const compared = comparison ? [...aligned(comparison.head, comparison.rows, colors), colors.faint(comparison.remark), ''] : [];
  const lines = [
    ...headingOf(detailed, colors),
    ...compared,
    ...(isForward ? [] : [...metricsTable(detailed, colors), '']),
    ...equityLine(tested, width),
  ];
  return lines.join('\n').trimEnd();
}

function headingOf(found: readonly Drawn[], colors: Colors): string[] {
  const [first] = found;
  if (first === undefined) return [];
  const { strategy, exchange, market, symbol, fromTimestamp } = first.run;
  const until = Math.max(...found.map(({ run }) => run.untilTimestamp));
  return [colors.heading(`${strategy} on ${exchange} ${market} ${symbol}, ${timeText(fromTimestamp)} to ${timeText(until)}`), ''];
}

function metricsTable(found: readonly Drawn[], colors: Colors): string[] {
  const runs = found.map(({ run }) => run);
  const rows = metricNames(runs).map((name) => [labelOf(name), ...runs.map((run) => valueText(name, metricsIn(run)[name]))]);
  return aligned(['', ...runs.map(({ path, runId }) => path ?? runId)], rows, colors);
}

/** Draws the first path. Walk-forward parts are joined: each starts where the previous one ended. */
function equityLine(found: readonly Drawn[], width: number): string[] {
  const path = found[0]?.run.path;
  const parts = found.filter(({ run }) => run.path === path);
  if (parts.length === 0) return [];
  let gained = 0;
  const points: ChartPoint[] = [];
  for (const { run, equity } of parts) {
    for (const { timestamp, equity: value } of equity) points.push({ timestamp, value: value + gained });
    gained += metricsIn(run).net_profit ?? 0;
  }
  const name = `equity${parts.length > 1 ? ' out of sample, parts joined' : ''}${path ? `, ${path}` : ''}`;
  return [lineChart(name, points, Math.min(width, 80))];
}

function aligned(head: readonly string[], rows: readonly (readonly string[])[], colors: Colors): string[] {
  const widths = head.map((name, index) => Math.max(name.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] as number) : cell.padStart(widths[index] as number)))
      .join('  ')
      .trimEnd();
  return [colors.heading(line(head)), ...rows.map(line)];
}
