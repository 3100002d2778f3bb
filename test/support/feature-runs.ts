import { FeatureEngine } from '../../src/lib/features/engine.js';
import type { FeatureRow } from '../../src/lib/features/feature-series.js';
import type { MicroRow } from '../../src/lib/features/micro-series.js';
import type { EngineOptions } from '../../src/lib/features/options.js';
import type { AnyRecord } from '../../src/lib/model/records.js';

/** Feeds records through an engine, to the end of the input. */
export function featureRun(records: Iterable<AnyRecord>, options: Partial<EngineOptions> = {}) {
  const engine = new FeatureEngine({ grace: 1_000_000, windows: new Map(), ...options });
  const given: AnyRecord[] = [];
  for (const record of records) given.push(...engine.add(record));
  given.push(...engine.finish());
  return { given, counts: engine.counts, ...lastRows(given) };
}

/** Returns the last state of every row, in order of time: of two with one key the later one counts. */
export function lastRows(records: Iterable<AnyRecord>): { micro: MicroRow[]; features: FeatureRow[] } {
  const rows = { micro: new Map<string, MicroRow>(), features: new Map<string, FeatureRow>() };
  for (const record of records) {
    if (record.type === 'micro') rows.micro.set(keyOf(record), record);
    if (record.type === 'features') rows.features.set(keyOf(record), record);
  }
  const inOrder = <Row extends AnyRecord>(map: Map<string, Row>) => [...map.values()].sort((a, b) => a.timestamp - b.timestamp);
  return { micro: inOrder(rows.micro), features: inOrder(rows.features) };
}

function keyOf({ exchange, market, symbol, timestamp }: MicroRow | FeatureRow): string {
  return [exchange, market, symbol, timestamp].join(' ');
}
