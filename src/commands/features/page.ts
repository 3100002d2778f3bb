import { CHART_LICENCE, escaped, htmlPage } from '../../lib/cli/html-page.js';
import { PRICE_SCRIPT } from '../../lib/cli/report/price-script.js';
import { shadedTimes } from '../../lib/cli/report/shaded-times.js';
import { zonedTime } from '../../lib/cli/time-zone.js';
import type { Feature } from '../../lib/features/feature.js';
import { type FeatureRow, featureValue } from '../../lib/features/feature-series.js';
import { counted } from '../../lib/model/counted.js';
import type { AnyRecord, Gap } from '../../lib/model/records.js';
import { seriesKey } from '../../lib/model/series.js';
import { SECOND } from '../../lib/model/time.js';

/** Seconds of a symbol on a page, the last ones: half a day. A browser draws more only slowly. */
const PAGE_ROWS = 43_200;
/** Charts on one page. */
const MAX_CHARTS = 12;

type SymbolRows = { readonly rows: Map<number, FeatureRow>; readonly gaps: Gap[] };

/** Returns price and features of every symbol as one self-contained page: a chart each, its panes on one time axis. */
export function featurePage(records: readonly AnyRecord[], features: readonly Feature[]): string {
  const symbols = [...bySymbol(records).values()].filter(({ rows }) => rows.size > 0);
  const drawn = symbols.slice(0, MAX_CHARTS).map(({ rows, gaps }) => {
    const all = [...rows.values()].sort((a, b) => a.timestamp - b.timestamp);
    return { rows: all.slice(-PAGE_ROWS), earlier: Math.max(0, all.length - PAGE_ROWS), gaps };
  });
  const names = features.map(({ name }) => name).join(', ');
  const charts = drawn.map(
    ({ rows, earlier }, index) =>
      `<h2>${escaped(headingOf(rows))}</h2>\n<div class="faint">${escaped(aboutOf(rows, earlier))}</div>\n<div class="legend" id="legend-${index}"></div>\n<div class="chart" id="chart-${index}"></div>`,
  );
  const left = symbols.length - drawn.length;
  const body = [
    ...(drawn.length === 0 ? ['<p>No feature rows.</p>'] : charts),
    ...(left > 0 ? [`<div class="faint">${counted(left, 'more symbol')}: choose them with --symbols.</div>`] : []),
    `<h2>About</h2>\n<pre>A point is the value at the end of its second; gaps in the trades are red; times are UTC.\n${CHART_LICENCE}</pre>`,
  ].join('\n');
  return htmlPage({ title: names, body, data: { symbols: drawn.map((one) => dataOf(one, features)) }, script: PRICE_SCRIPT });
}

/** Of two rows of one second the later one counts. */
function bySymbol(records: readonly AnyRecord[]): Map<string, SymbolRows> {
  const symbols = new Map<string, SymbolRows>();
  for (const record of records) {
    if (record.type !== 'features' && record.type !== 'gap') continue;
    const key = seriesKey(record);
    const symbol: SymbolRows = symbols.get(key) ?? { rows: new Map(), gaps: [] };
    symbols.set(key, symbol);
    if (record.type === 'features') symbol.rows.set(record.timestamp, record);
    else if (record.channel === 'trade' && record.missing) symbol.gaps.push(record);
  }
  return symbols;
}

function headingOf(rows: readonly FeatureRow[]): string {
  const { exchange, market, symbol } = rows[0] as FeatureRow;
  return `${symbol}, ${exchange} ${market}`;
}

function aboutOf(rows: readonly FeatureRow[], earlier: number): string {
  const [first, last] = [rows[0], rows.at(-1)].map((row) =>
    zonedTime((row as FeatureRow).timestamp)
      .slice(0, 19)
      .replace('T', ' '),
  );
  const left = earlier > 0 ? `; ${counted(earlier, 'earlier row')} not drawn (--since and --until choose)` : '';
  return `${counted(rows.length, 'row')}, ${first} to ${last}${left}`;
}

function dataOf(
  { rows, gaps }: { readonly rows: readonly FeatureRow[]; readonly gaps: readonly Gap[] },
  features: readonly Feature[],
) {
  const [first, last] = [rows[0] as FeatureRow, rows.at(-1) as FeatureRow];
  const inTime = (time: number) => time / SECOND;
  return {
    seconds: true,
    isLine: true,
    candles: rows.flatMap(({ timestamp, close }) => (close === undefined ? [] : [{ time: inTime(timestamp), close }])),
    gaps: shadedTimes(gaps, SECOND, first.timestamp, last.timestamp).map(inTime),
    signals: [],
    features: features.map((feature) => {
      const read = featureValue(feature);
      const points = rows.map((row) => ({ time: inTime(row.timestamp), value: read(row) }));
      // The line is interrupted where a row has no value.
      return {
        name: feature.name,
        points: points.map(({ time, value }) => (typeof value === 'number' ? { time, value } : { time })),
      };
    }),
  };
}
