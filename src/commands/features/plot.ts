import { type ChartPoint, lineChart } from '../../lib/cli/output/line-chart.js';
import type { Render } from '../../lib/cli/output/rendered-sink.js';
import type { Feature } from '../../lib/features/feature.js';
import { type FeatureRow, featureValue } from '../../lib/features/feature-series.js';

/** Returns what draws features as lines, symbol by symbol. */
export function featurePlots(names: readonly string[], features: readonly Feature[]): Render {
  return (records, { width, colors }) => {
    const rows = records.filter((record): record is FeatureRow => record.type === 'features');
    const symbols = [...new Set(rows.map(nameOf))];
    if (rows.length === 0) return `${names.join(', ')}: no rows`;
    const charts = symbols.flatMap((symbol) =>
      names.map((name) => {
        const read = featureValue(features.find((feature) => feature.name === name) as Feature);
        const points = pointsOf(rows, symbol, read);
        return lineChart(colors.heading(`${name} of ${symbol}`), points, width);
      }),
    );
    return charts.join('\n\n');
  };
}

/** Of two rows of one second the later one counts. */
function pointsOf(rows: readonly FeatureRow[], symbol: string, read: (row: FeatureRow) => unknown): ChartPoint[] {
  const points = new Map<number, ChartPoint>();
  for (const row of rows)
    if (nameOf(row) === symbol) points.set(row.timestamp, { timestamp: row.timestamp, value: read(row) as number | undefined });
  return [...points.values()];
}

function nameOf({ exchange, market, symbol }: FeatureRow): string {
  return `${exchange}:${market}:${symbol}`;
}
