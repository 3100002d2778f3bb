import { type ChartPoint, lineChart } from '../../lib/cli/output/line-chart.js';
import type { Render } from '../../lib/cli/output/rendered-sink.js';
import type { Feature } from '../../lib/features/feature.js';
import { type FeatureRow, featureValue } from '../../lib/features/feature-series.js';

/** Returns what draws one feature of every symbol as a line. */
export function featurePlot(name: string, features: readonly Feature[]): Render {
  const read = featureValue(features.find((feature) => feature.name === name) as Feature);
  return (records, { width, colors }) => {
    const series = new Map<string, Map<number, ChartPoint>>();
    for (const record of records) if (record.type === 'features') addPoint(series, record, read);
    if (series.size === 0) return `${name}: no rows`;
    return [...series]
      .map(([symbol, points]) => lineChart(colors.heading(`${name} of ${symbol}`), [...points.values()], width))
      .join('\n\n');
  };
}

function addPoint(series: Map<string, Map<number, ChartPoint>>, record: FeatureRow, read: (row: FeatureRow) => unknown): void {
  const symbol = `${record.exchange}:${record.market}:${record.symbol}`;
  const points = series.get(symbol) ?? new Map<number, ChartPoint>();
  series.set(symbol, points);
  points.set(record.timestamp, { timestamp: record.timestamp, value: read(record) as number | undefined });
}
