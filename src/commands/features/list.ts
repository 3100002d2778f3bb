import { BORDERLESS } from '../../lib/cli/output/table.js';
import type { Feature } from '../../lib/features/feature.js';
import { SIGNAL_FEATURES, type Windows, windowOf } from '../../lib/features/registry.js';
import { spokenDuration } from '../../lib/model/time.js';
import type { ResultValue } from '../../lib/storage/database/query-values.js';

/** One feature as `--list` gives it. */
type ListedFeature = {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly window: string;
  readonly warm_up: string;
  readonly signals: boolean;
  readonly definition: string;
};

/** Returns what each feature declares, with the windows in effect. */
export function listedFeatures(features: readonly Feature[], windows: Windows): ListedFeature[] {
  return features.map((feature) => {
    const window = windowOf(feature, windows);
    return {
      name: feature.name,
      inputs: feature.inputs,
      window: feature.window === undefined ? (feature.span ?? 'now') : `${window}s`,
      warm_up: spokenDuration(feature.warmUp(window)),
      signals: SIGNAL_FEATURES.has(feature.name),
      definition: feature.definition,
    };
  });
}

/** Returns the list as rows of a result. */
export function featureRows(features: readonly ListedFeature[]) {
  const names = ['name', 'inputs', 'window', 'warm_up', 'signals', 'definition'] as const;
  return {
    columns: names.map((name) => ({
      name,
      kind: name === 'inputs' ? ('json' as const) : name === 'signals' ? ('flag' as const) : ('text' as const),
    })),
    rowCount: features.length,
    rows: async function* () {
      yield features.map((feature) => names.map((name): ResultValue => feature[name] as ResultValue));
    },
  };
}

/** Returns the list as a table, definitions wrapped to `width`. */
export async function featureTable(features: readonly ListedFeature[], width: number): Promise<string> {
  const { default: CliTable } = await import('cli-table3');
  const rows = features.map(({ name, inputs, window, warm_up, signals, definition }) => {
    return [name, inputs.join(', '), window, warm_up, signals ? 'yes' : '', definition];
  });
  const heads = ['name', 'inputs', 'window', 'warm-up', 'signals', 'definition'];
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)) + 2);
  const left = widths.slice(0, -1).reduce((sum, size) => sum + size, 0);
  const table = new CliTable({
    head: heads,
    chars: BORDERLESS,
    colWidths: [...widths.slice(0, -1), Math.max(40, width - left)],
    wordWrap: true,
    style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(row);
  return table.toString().replace(/ +$/gm, '');
}
