import type { FinishedRun } from '../../../lib/backtest/study/execute.js';
import { CHART_LICENCE, escaped, htmlPage } from '../../../lib/cli/html-page.js';
import { CHART_SCRIPT } from '../../../lib/cli/report/chart-script.js';
import { ReportAxis } from '../../../lib/cli/report/report-axis.js';
import type { FillRow } from '../../../lib/execution/messages.js';
import type { OwnOrder } from '../../../lib/execution/state.js';
import type { Equity, Fill } from '../../../lib/model/records.js';
import { SECOND } from '../../../lib/model/time.js';
import type { KnownRun } from '../run/runs.js';
import { figuresOf } from '../run/status-text.js';
import { fillRecords, laddersOf, moneyOf } from './account.js';
import type { HoursMarket } from './hours.js';

type RunReport = {
  readonly run: KnownRun;
  readonly rows: readonly FillRow[];
  readonly orders: readonly OwnOrder[];
  readonly found: HoursMarket;
  /** What the backtest says of the same hours. */
  readonly tested: FinishedRun;
};

/** Returns a self-contained page: a run, beside what the backtest says of the same hours. */
export function runPage({ run, rows, orders, found, tested }: RunReport): string {
  const { config } = run;
  const axis = new ReportAxis(found.market.data.feed);
  const fills = fillRecords(rows, config);
  const closes = axis.candles.map(({ time, close }) => ({ time: time * SECOND + axis.size, close }));
  const settled = [...rows].sort((a, b) => a.timestamp - b.timestamp).map(({ fees }) => feeIn(fees, config.settle));
  const { equity, realised, fees } = moneyOf(fills, settled, closes, config);
  const line = (points: readonly Equity[]) => axis.line(points, (point) => point.equity);
  const data = {
    candles: axis.candles,
    markers: axis.markers(fills),
    levels: axis.levels(laddersOf(orders, rows)),
    equity: line(equity),
    held: [],
    other: line(tested.equity),
    drawdown: axis.line(equity, ({ drawdownPct }) => -drawdownPct),
  };
  const figures = Object.entries(figuresOf(run)).filter(([, value]) => value !== undefined);
  const body = `<div class="faint">${escaped(`${config.exchange} ${config.symbol}, ${axis.candles.length} candles; drawn: fills and levels of the run, its equity, the backtest's equity in grey`)}</div>
${lackLine(found)}<div id="legend"></div>
<div id="chart"></div>
<div class="columns">
<section id="beside"><h2>Beside the backtest</h2>${table(['', config.mode, 'backtest'], besideRows(fills, realised, fees, tested))}
<div class="faint">The same ladder over the same hours, also those in which the run had no process; the backtest ran over ${escaped(found.source)}. It assumes that nobody stood before an order, and begins its cycles by its own clock. Funding is in neither column.</div></section>
<section><h2>Figures of the run</h2>${table(
    ['', ''],
    figures.map(([name, value]) => [name.replaceAll('_', ' '), String(value)]),
  )}</section>
</div>
<h2>About</h2>
<pre>${CHART_LICENCE}</pre>`;
  return htmlPage({
    title: `${config.name}: ${config.mode} run of a grid on ${config.symbol}`,
    body,
    data,
    script: CHART_SCRIPT,
  });
}

function lackLine({ lack }: HoursMarket): string {
  return lack === undefined
    ? ''
    : `<p>The market of these hours is not whole: ${escaped(lack)}. The columns below do not compare.</p>\n`;
}

function feeIn(fees: FillRow['fees'], settle: string): number {
  return fees.reduce((sum, { asset, amount }) => (asset === settle ? sum + Number(amount) : sum), 0);
}

function besideRows(fills: readonly Fill[], realised: number, fees: number, { fills: other }: FinishedRun): string[][] {
  const gains = other.reduce((sum, { realizedPnl }) => sum + (realizedPnl ?? 0), 0);
  const paid = other.reduce((sum, { fee }) => sum + (fee ?? 0), 0);
  const count = (all: readonly Fill[], name: string) => String(all.filter(({ reason }) => reason === name).length);
  return [
    ['fills', String(fills.length), String(other.length)],
    ['entries', count(fills, 'entry'), count(other, 'entry')],
    ['level fills', count(fills, 'level'), count(other, 'level')],
    ['take-profit fills', count(fills, 'take_profit'), count(other, 'take_profit')],
    ['realised', realised.toFixed(4), gains.toFixed(4)],
    ['fees', fees.toFixed(4), paid.toFixed(4)],
    ['realised after fees', (realised - fees).toFixed(4), (gains - paid).toFixed(4)],
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${line(head, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table>`;
}
