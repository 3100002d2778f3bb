import { type ChartPoint, lineChart } from '../../lib/cli/output/line-chart.js';
import type { Render } from '../../lib/cli/output/rendered-sink.js';
import type { AnyRecord } from '../../lib/model/records.js';
import { camelCase } from '../../lib/model/schema.js';

/** Returns what draws one feature of every symbol as a line. */
export function featurePlot(name: string): Render {
  const property = camelCase(name);
  return (records, { width, colors }) => {
    const series = new Map<string, Map<number, ChartPoint>>();
    for (const record of records) if (record.type === 'features') addPoint(series, record, property);
    if (series.size === 0) return `${name}: no rows`;
    return [...series]
      .map(([symbol, points]) => lineChart(colors.heading(`${name} of ${symbol}`), [...points.values()], width))
      .join('\n\n');
  };
}

function addPoint(
  series: Map<string, Map<number, ChartPoint>>,
  record: Extract<AnyRecord, { type: 'features' }>,
  property: string,
): void {
  const symbol = `${record.exchange}:${record.market}:${record.symbol}`;
  const points = series.get(symbol) ?? new Map<number, ChartPoint>();
  series.set(symbol, points);
  const value = (record as unknown as Readonly<Record<string, number | undefined>>)[property];
  points.set(record.timestamp, { timestamp: record.timestamp, value });
}
