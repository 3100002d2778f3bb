import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RunMetrics } from '../../src/commands/grid/run/metrics.js';
import { MetricsServer } from '../../src/lib/cli/live/metrics-server.js';
import { writeStepMetrics } from '../../src/lib/cli/step-metrics.js';
import { ROOT } from '../support/mdtool.js';

const HERE = { host: '127.0.0.1', port: 0 };
const served = async ({ port }: { readonly port: number }) => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

it('the alerts, the dashboard and their page use metrics that exist', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'names-'));
  const [capture, runs] = [await MetricsServer.listen(HERE, '1'), await RunMetrics.listen(HERE, '1', () => [])];
  try {
    const file = join(directory, 'step.prom');
    await writeStepMetrics(file, { step: 'candles', exitCode: 0, started: 0, ended: 1e6, records: { candle: 1 } });
    const texts = [await served(capture), await served(runs), readFileSync(file, 'utf8')];
    const types = texts
      .flatMap((text) => [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)])
      .map(([, name, type]) => [name, type] as [string, string]);
    const names = new Set(types.flatMap(([name, type]) => (type === 'histogram' ? [name, `${name}_bucket`] : [name])));
    // promtool check metrics: a name with _total is a counter.
    expect(
      types.filter(([name, type]) => name.endsWith('_total') !== (type === 'counter') && !name.startsWith('process_')),
    ).toEqual([]);
    for (const page of ['packaging/prometheus/alerts.yml', 'packaging/grafana/mdtool.json', 'docs/operations.md']) {
      const used = readFileSync(join(ROOT, page), 'utf8').match(/\b(?:mdtool_(?!run_…)\w+|process_\w+)/g) ?? [];
      expect(used.length).toBeGreaterThan(10);
      expect([...new Set(used)].filter((name) => !names.has(name))).toEqual([]);
    }
  } finally {
    await Promise.all([capture.close(), runs.close()]);
    rmSync(directory, { recursive: true });
  }
});
