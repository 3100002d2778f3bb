import { type ChartPoint, lineChart } from '../../lib/cli/output/line-chart.js';
import type { Render } from '../../lib/cli/output/rendered-sink.js';
import type { Feature } from '../../lib/features/feature.js';
import { type FeatureRow, featureValue } from '../../lib/features/feature-series.js';
import { refuseExisting, WholeFile } from '../../lib/sinks/whole-file.js';

/** The page that is written beside the drawing. */
type PageFile = { readonly path: string; readonly force: boolean };

/** Returns what draws features as lines, symbol by symbol. Throws a `UsageError` when the page exists and must not be replaced. */
export function featurePlots(names: readonly string[], features: readonly Feature[], page?: PageFile): Render {
  if (page) refuseExisting(page.path, page.force);
  const chosen = names.map((name) => features.find((feature) => feature.name === name) as Feature);
  return async (records, { width, colors }) => {
    if (page) {
      const { featurePage } = await import('./page.js');
      const file = new WholeFile(page.path, page.force);
      await file.write(featurePage(records, chosen));
      await file.close();
    }
    const rows = records.filter((record): record is FeatureRow => record.type === 'features');
    const symbols = [...new Set(rows.map(nameOf))];
    if (rows.length === 0) return `${names.join(', ')}: no rows`;
    const charts = symbols.flatMap((symbol) =>
      chosen.map((feature) => {
        const { name } = feature;
        const read = featureValue(feature);
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
