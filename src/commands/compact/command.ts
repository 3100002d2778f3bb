import type { Interfaces } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { writeRows } from '../../lib/cli/output/row-output.js';
import { progressOn } from '../../lib/cli/progress.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { findStore, requireStore } from '../../lib/storage/files/store-directory.js';
import { startStep } from '../../lib/storage/journal/step-lock.js';
import { openStoreContext } from '../../lib/storage/log/store-context.js';
import type { Compaction } from '../../lib/storage/upkeep/compaction.js';
import { compactFlags } from './flags.js';
import { CompactProgress } from './progress.js';
import { runCompact } from './run.js';
import { COMPACTION_COLUMNS, compactionCells } from './text.js';

export default class Compact extends BaseCommand {
  static override summary = 'Merge finished days, drop duplicates, apply retention.';
  static override description =
    `Each finished day becomes one sorted Parquet file per type, exchange and market, and so does each finished hour of today. Of records with the same key the valid one is kept. A merge takes effect only after its counts and content are verified. Readers and writers can continue meanwhile, and compact can be killed at any time. A second run changes nothing.

Finished days are plain Hive-partitioned Parquet: DuckDB, Spark and Polars read them by a glob, \`data/trade/**/*.parquet\`. Replaced files are hidden and deleted after an hour by the next run or writer.`;
  static override examples = [
    { description: 'Show what a run would do', command: '<%= config.bin %> <%= command.id %> --dry-run' },
    {
      description: 'Nightly from cron: keep books for a week, everything else for a year',
      command: '<%= config.bin %> <%= command.id %> --store /var/lib/mdtool --keep 365d,book_delta=7d,book_snapshot=7d --quiet',
    },
  ];

  static override flags = compactFlags;

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(Compact);
    await this.openAlerts(flags);
    const { store: directory, wait } = flags;
    await requireStore(directory);
    const paths = await findStore(directory);
    if (!paths) return this.#nothing(`${directory}: the store is empty; mdtool stream fills it`);
    if (flags['dry-run']) return await this.#compact(openStoreContext(paths), flags);
    const step = await startStep(directory, 'compact', { wait, signal: this.stopped });
    if (!step) return this.#nothing(`${directory}: another run is using this store; --wait waits for it`);
    try {
      return await this.#compact(step.context, flags);
    } finally {
      await step.release();
    }
  }

  async #compact(context: Parameters<typeof runCompact>[0], flags: CommandFlags): Promise<SummaryDocument> {
    const { 'dry-run': dryRun, keep: retention, exchange, market: markets, since, until } = flags;
    const selection = { exchanges: exchange?.map(({ id }) => id), markets, since, until };
    const done = await runCompact(context, {
      options: { dryRun, retention, selection, signal: this.stopped },
      progress: new CompactProgress(progressOn(this.stderr)),
      summary: this.summary,
      note: (text) => this.stderr.note(text),
      notice: (text) => this.notice(text),
    });
    if (done.length === 0) this.stderr.note('nothing to do: every finished day is already one file');
    if (process.stdout.isTTY && !this.jsonEnabled() && done.length > 0) await this.#show(done);
    return this.conclude();
  }

  async #show(done: readonly Compaction[]): Promise<void> {
    const rows = async function* () {
      yield done.map(compactionCells);
    };
    const note = (text: string) => this.stderr.note(text);
    const table = { columns: COMPACTION_COLUMNS, rowCount: done.length, rows };
    await writeRows(table, { format: 'table', stdout: process.stdout, force: false, note });
  }

  #nothing(reason: string): SummaryDocument {
    this.notice(reason);
    return this.conclude();
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof compactFlags>;
