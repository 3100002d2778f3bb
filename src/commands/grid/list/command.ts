import { BaseCommand } from '../../../lib/cli/base-command.js';
import { storeFlags } from '../../../lib/cli/flags.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { isKnown, readRuns } from '../run/runs.js';
import { figuresOf } from '../run/status-text.js';

const COLUMNS = ['run', 'mode', 'exchange', 'symbol', 'running', 'state', 'cycle', 'held', 'realised'] as const;

export default class GridList extends BaseCommand {
  static override summary = 'List the runs of a store.';
  static override examples = [
    { description: 'All runs', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'Those of another store, as JSON', command: '<%= config.bin %> <%= command.id %> --store ./runs --json' },
  ];
  static override flags = { ...storeFlags };

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(GridList);
    const runs = await readRuns(flags.store);
    const rows = runs.map((run) => (isKnown(run) ? figuresOf(run) : { run: run.name, state: 'damaged' }));
    if (!this.jsonEnabled() && rows.length > 0) {
      const table = [
        COLUMNS.map(String),
        ...rows.map((row) => COLUMNS.map((name) => String((row as Readonly<Record<string, unknown>>)[name] ?? ''))),
      ];
      const widths = COLUMNS.map((_, index) => Math.max(...table.map((row) => (row[index] as string).length)));
      for (const row of table)
        this.log(
          row
            .map((text, index) => text.padEnd((widths[index] as number) + 2))
            .join('')
            .trimEnd(),
        );
    }
    if (rows.length === 0) this.notice(`no runs in ${flags.store}: mdtool grid run NAME begins one`);
    for (const run of runs) if (!isKnown(run)) this.summary.unsafe(run.damage);
    this.summary.data = rows;
    return this.concludeQuietly();
  }
}
