import { BaseCommand } from '../../../lib/cli/base-command.js';
import { storeFlag } from '../../../lib/cli/flags.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { readRun, runNames } from '../run/runs.js';
import { figuresOf } from '../run/status-text.js';

const COLUMNS = ['run', 'mode', 'exchange', 'symbol', 'running', 'state', 'cycle', 'held', 'realised'] as const;

export default class GridList extends BaseCommand {
  static override summary = 'List the runs of a store.';
  static override examples = [
    { description: 'All runs', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'Those of another store, as JSON', command: '<%= config.bin %> <%= command.id %> --store ./runs --json' },
  ];
  static override flags = { store: storeFlag };

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(GridList);
    const runs = await Promise.all(runNames(flags.store).map((name) => readRun(flags.store, name)));
    const rows = runs.map((run) => figuresOf(run));
    if (!this.jsonEnabled() && rows.length > 0) {
      const table = [COLUMNS.map(String), ...rows.map((row) => COLUMNS.map((name) => String(row[name] ?? '')))];
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
    this.summary.data = rows;
    process.exitCode = this.summary.exitCode;
    return this.summary.document(Date.now() * 1_000);
  }
}
